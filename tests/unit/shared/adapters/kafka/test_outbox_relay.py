"""The relay of streams to topics reports streams that it cannot send."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.outbox_relay import RELAYS, OutboxRelay
from shared.adapters.memory import MemoryEventStore, MemoryReadModels
from shared.adapters.system_clock import SystemClock
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic
from tests.support.commits import history


async def test_streams_count_as_behind_while_no_broker_answers() -> None:
    async def lines(_name: str, _events: Sequence[RecordedEvent]) -> list[OutboundMessage]:
        return []

    async def names() -> list[str]:
        return ["zj"]

    log, views = MemoryEventStore(outbox=True), MemoryReadModels()
    views.declare(RELAYS)
    await views.start()
    for commit in history("outbox/zj", 3):
        await log.append(commit)
    route = OutboundTopic("outbox/", "assignments", names, lines)
    relay = OutboxRelay(log, views, Connection("127.0.0.1:9"), [route], clock=SystemClock(), instance="one", look=0.05)
    await relay.start()
    async with asyncio.timeout(30):
        while not relay.behind:  # noqa: ASYNC110 - the relay does not signal it
            await asyncio.sleep(0.02)
    await relay.stop()
