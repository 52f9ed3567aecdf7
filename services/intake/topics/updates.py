"""Repeats updates streams in the topics of their platforms."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shared.application.ports import Ports
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.member import CODE, Member
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic
from shared.messaging.platform_updates import STREAM, for_topic, key_of

TOPIC = "updates"
SUBMISSIONS = "submissions"


async def platforms(ports: Ports) -> frozenset[Member]:
    """The platforms in the policies in force whose names are valid in topic names; the others use HTTP."""
    books = await ports.policies.all()
    return frozenset(
        Member(jurisdiction, one.platform)
        for jurisdiction, book in books.items()
        for one in book.channels.values()
        if one.platform is not None and CODE.fullmatch(one.platform)
    )


def route(ports: Ports) -> OutboundTopic:
    """The streams `updates/<jurisdiction>/<platform>` to the topics `updates.<jurisdiction>.<platform>`."""

    async def members() -> Collection[Member]:
        return await platforms(ports)

    async def lines(_platform: Member, events: Sequence[RecordedEvent]) -> Sequence[OutboundMessage]:
        return [
            OutboundMessage(
                event.version, key_of(event), entry.kind, entry.model_dump_json().encode(), event.recorded_at
            )
            for event, entry in ((event, for_topic(event)) for event in events)
        ]

    return OutboundTopic(STREAM, TOPIC, members, lines)
