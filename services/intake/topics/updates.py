"""Repeats updates streams in the topics of their platforms."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from shared.application.ports import Ports
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic
from shared.messaging.platform_updates import STREAM, key_of, told

TOPIC = "updates"
SUBMISSIONS = "submissions"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


async def platforms(ports: Ports) -> frozenset[str]:
    """The platforms in the policies in force whose names are valid in topic names; the others use HTTP."""
    books = await ports.policies.all()
    named = {one.platform for book in books.values() for one in book.channels.values() if one.platform is not None}
    return frozenset(name for name in named if _NAME.fullmatch(name))


def route(ports: Ports) -> OutboundTopic:
    """`updates/<platform>` to `updates.<platform>`."""

    async def names() -> Collection[str]:
        return await platforms(ports)

    async def lines(_platform: str, events: Sequence[RecordedEvent]) -> Sequence[OutboundMessage]:
        entries = await told(ports, events)
        return [
            OutboundMessage(
                event.version, key_of(event), entry.kind, entry.model_dump_json().encode(), event.recorded_at
            )
            for event, entry in zip(events, entries, strict=True)
        ]

    return OutboundTopic(STREAM, TOPIC, names, lines)
