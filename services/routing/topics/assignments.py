"""Repeats inbox streams in topics, for the organisations whose `delivery` is kafka."""

from __future__ import annotations

from collections.abc import Sequence

from shared.application.ports import Ports
from shared.events.routing import OutboxEntry
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.member import Member
from shared.messaging.organisation_inbox import STREAM, entry
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic

TOPIC = "assignments"
"""Kind of the topics that entries go to."""
ACTIONS = "actions"
"""Kind of the topics that commands come from."""


def route(ports: Ports) -> OutboundTopic:
    """Each entry as the organisation would read it over HTTP."""

    async def members() -> set[Member]:
        books = await ports.policies.all()
        return {
            Member(jurisdiction, org.code)
            for jurisdiction, book in books.items()
            for org in book.organisations.values()
            if org.delivery == "kafka"
        }

    async def lines(_org: Member, events: Sequence[RecordedEvent]) -> list[OutboundMessage]:
        return [
            OutboundMessage(
                event.version,
                event.body.case or STREAM,
                event.body.kind,
                entry(event).model_dump_json().encode(),
                event.recorded_at,
            )
            for event in events
            if isinstance(event.body, OutboxEntry)
        ]

    return OutboundTopic(STREAM, TOPIC, members, lines)
