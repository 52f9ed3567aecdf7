"""The words of the reply, the opinions and the notices of a case, decrypted for the petitioner who shows number and query code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pydantic import Field

from shared.application.response import Answer, EventEn, EventZh, TimeText
from shared.case import Case
from shared.commands.command_handler import CommandHandler
from shared.events.department import DecisionIssued, ReReviewOpinionIssued, ReviewOpinionIssued
from shared.eventstore.event_store import EventStore
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.policy.book import PolicyBook
from shared.queries.case_events import without_nudges
from shared.queries.reply_texts import delivered_in, readable_fields

Document = Literal["reply", "opinion", "notice"]
_REPLIES = frozenset({
    "DecisionIssued", "SuggestionAnswered", "DutyPerformed", "ConsultationAnswered", "AccusationHandled", "ReplyDelivered",
    "ReplyCorrected", "AnsweredAtOnce",
})  # fmt: skip


class Opened(NamedTuple):
    """A document that is shown: what it is, and the version of the event with its text."""

    document: Document
    of: int


class StatedRight(Answer):
    """The right to a review, as the decision states it (Art. 35)."""

    body: str = Field(description="Name of the body")
    days: int = Field(description="Days from the receipt of the reply")
    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")


class CitizenDocument(Answer):
    """One text that the petitioner is entitled to."""

    version: int = Field(description="Version of the case")
    document: Document = Field(description="reply, opinion or notice")
    type: str = Field(description="Event type")
    zh: EventZh
    en: EventEn
    at: TimeText = Field(validation_alias="effective_at", description="Legal time")
    fields: dict[str, Any] = Field(
        description="Field -> text: text, basis, reason, remedy, organ, address, time_limit, how_to, …"
    )
    right: StatedRight | None = Field(description="The right to a review that the decision states")


class CitizenDocuments(Answer):
    """The reply, the opinions and the notices of a case, in their words."""

    number: str = Field(description="Number of the case")
    documents: list[CitizenDocument] = Field(description="Oldest first; a decision appears only after its service")
    erased: list[str] = Field(description="Parties whose data were erased")


def document_of(event: RecordedEvent) -> Document:
    """What a text of this event belongs to."""
    if event.type in _REPLIES:
        return "reply"
    return "opinion" if isinstance(event.body, ReviewOpinionIssued | ReReviewOpinionIssued) else "notice"


def readable(events: Sequence[RecordedEvent]) -> dict[int, RecordedEvent]:
    """Version -> the events whose texts the petitioner may read now."""
    delivered = delivered_in(events)
    return {event.version: event for event in events if event.sealed and readable_fields(event, delivered)}


async def events_of(log: EventStore, case: Case) -> list[RecordedEvent]:
    return await without_nudges(log, case)


async def documents(
    handling: CommandHandler, case: Case, events: Sequence[RecordedEvent], book: PolicyBook
) -> CitizenDocuments:
    """The documents among `events`, decrypted. The caller has recorded the reading."""
    wanted, delivered = readable(events), delivered_in(events)
    found: list[CitizenDocument] = []
    erased: set[str] = set()
    for part in await open_sealed(handling.keys, list(wanted.values()), frozenset({"text"})) if wanted else ():
        event = wanted[part.version]
        if part.erased:
            erased.add(part.party)
            continue
        fields = {
            name: part.values[name] for name in readable_fields(event, delivered) if part.values.get(name) is not None
        }
        if fields:
            found.append(
                CitizenDocument.built_from(event, document=document_of(event), fields=fields, right=_right(event, book))
            )
    return CitizenDocuments(number=case.number, documents=found, erased=sorted(erased))


def _right(event: RecordedEvent, book: PolicyBook) -> StatedRight | None:
    body = event.body
    if not isinstance(body, DecisionIssued) or body.review_body is None or body.review_days is None:
        return None
    names, days = [book.names.get(one, one) for one in (body.review_body, *body.review_choice)], body.review_days
    name = "或者".join(names)
    return StatedRight(
        body=name,
        days=days,
        zh=f"对本处理意见不服的，可自收到之日起{days}日内向{name}申请复查（《信访工作条例》第三十五条）。",
        en=f"If you do not agree, you may ask {' or '.join(names)} for a review within {days} days of receiving this"
        " (Regulation Art. 35).",
    )
