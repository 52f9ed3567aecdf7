"""The reply texts of a case that the petitioner is entitled to, decrypted for the platform that filed it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from shared.application.response import Answer, EventEn, EventZh, TimeText
from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command_handler import CommandHandler
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent
from shared.queries.case_content import record_reading
from shared.queries.case_events import without_nudges


class AnswerText(Answer):
    """A text that the petitioner is entitled to."""

    version: int = Field(description="Version of the case")
    type: str = Field(description="Event type")
    zh: EventZh
    en: EventEn
    at: TimeText = Field(validation_alias="effective_at", description="Legal time")
    fields: dict[str, Any] = Field(description="Field -> text: text, basis, reason, remedy, organ or how_to")


class AnswerTexts(Answer):
    """The texts of the answers to a case."""

    case: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    texts: list[AnswerText] = Field(description="Oldest first; a decision appears only after its reply was delivered")
    erased: list[str] = Field(description="Parties whose data were erased")


async def replies(handling: CommandHandler, principal: Principal, case: Case) -> AnswerTexts:
    """The reply texts of a case that the principal may see. The read is recorded first."""
    events = await without_nudges(handling.log, case)
    delivered = delivered_in(events)
    wanted = {event.version: event for event in events if readable_fields(event, delivered) and event.sealed}
    if case.accusation.sealed:  # the answer to an accusation is for the accuser only (Art. 30)
        wanted = {}
    texts: list[AnswerText] = []
    erased: set[str] = set()
    if wanted:
        await record_reading(handling, principal, case, "text", ("text",))
        for part in await open_sealed(handling.keys, list(wanted.values()), frozenset({"text"})):
            event = wanted[part.version]
            if part.erased:
                erased.add(part.party)
                continue
            fields = {name: part.values[name] for name in readable_fields(event, delivered) if name in part.values}
            texts.append(AnswerText.built_from(event, fields=fields))
    return AnswerTexts(case=case.id, number=case.number, texts=texts, erased=sorted(erased))


def delivered_in(events: Iterable[RecordedEvent]) -> int:
    """Version of the last delivery of a reply; 0 if there is none."""
    return max((event.version for event in events if event.type == "ReplyDelivered"), default=0)


def readable_fields(event: RecordedEvent, delivered: int) -> tuple[str, ...]:
    """The fields of the event that the petitioner may read. `delivered`: version of the last delivery of a reply."""
    if isinstance(event.body, NewerEvent) or getattr(event.body, "without_text", False):
        return ()
    later = event.body.petitioner_reads_after_reply if event.version < delivered else ()
    return event.body.petitioner_reads or later
