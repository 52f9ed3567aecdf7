"""Ending a producer for certain."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer

FLUSH = 2.0
"""Seconds that what is in flight has."""
_CONNECTIONS = 2.0
_TIMES = 40


async def close(producer: AIOKafkaProducer, flush: float = FLUSH) -> None:
    """Stop it; after `flush` seconds also where it cannot flush. aiokafka's stop() waits for that without an end, and given up
    there it leaves sender, metadata task and connections at work: what a broker comes back to would be sent a second time."""
    with suppress(Exception):
        await asyncio.wait_for(producer.stop(), flush)
    sender = producer._sender.sender_task if producer._sender is not None else None
    if sender is not None:
        sender.cancel()
    with suppress(Exception):
        await asyncio.wait_for(producer.client.close(), _CONNECTIONS)
    # Cancelled, it waits for each request in flight, which then waits for metadata that never come: once more for each.
    for _ in range(_TIMES):
        if sender is None or sender.done():
            return
        sender.cancel()
        await asyncio.wait([sender], timeout=0.05)
