"""Starting a producer that loses nothing, and ending one for certain."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer

from shared.adapters.kafka.connection import LARGEST, Connection

FLUSH = 2.0
"""Seconds that what is in flight has."""
_CONNECTIONS = 2.0
_TIMES = 40


async def started(connection: Connection) -> AIOKafkaProducer:
    """An idempotent producer that is connected. Raises KafkaError or OSError where no broker answers; nothing of it is left
    then."""
    producer = AIOKafkaProducer(
        **connection.client(),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=262_144,
        max_request_size=LARGEST,
        compression_type="lz4",
    )
    try:
        await producer.start()
    except BaseException:
        await close(producer)
        raise
    return producer


async def close(producer: AIOKafkaProducer | None, flush: float = FLUSH) -> None:
    """Stop it; after `flush` seconds also where it cannot flush.

    aiokafka's stop() waits for the flush without an end. Cancelled there, it leaves sender, metadata task and connections
    running, and records would be sent a second time when a broker comes back."""
    if producer is None:
        return
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
