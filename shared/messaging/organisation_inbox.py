"""Inbox entries for organisations, the same over HTTP and in topics."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.application.response import Answer, TimeText
from shared.events.routing import OutboxEntry
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.notification_stream import StreamPage

STREAM = "inbox/"


class OutboxDue(Answer):
    """A running clock in a notification."""

    clock: str = Field(description="Id of the clock")
    due: TimeText = Field(description="Due instant, UTC")
    provisional: bool = Field(description="The calendar of that year is not published yet")


class RecordPlace(Answer):
    """Position of a record in its topic."""

    partition: int = Field(description="Partition")
    offset: int = Field(description="Offset")


def _place(text: str) -> dict[str, str]:
    partition, _, offset = text.partition(":")
    return {"partition": partition, "offset": offset}


TopicRecord = Annotated[RecordPlace, BeforeValidator(_place)]
"""The position that `PARTITION:OFFSET` names."""


class OutcomeProblem(Answer):
    """Why a record of a topic was refused."""

    status: int = Field(description="The corresponding HTTP status")
    code: str = Field(description="Stable code")
    detail: str = Field(validation_alias="why", description="What is wrong, and what to do")
    detail_zh: str = Field(validation_alias="why_zh", description="The same in Chinese")
    field: str | None = Field(description="The field that is wrong")
    errors: Annotated[
        list[dict[str, str]], BeforeValidator(lambda errors: [one.model_dump(exclude_none=True) for one in errors])
    ] = Field(description="All fields that are wrong")


class InboxEntry(Answer):
    """A notification to an organisation. It holds no content: read that with GET /v1/cases/{case}."""

    id: int | str = Field(
        description="The cursor. For the organisation: the position in the inbox, from 1 without gaps. For others: an opaque text"
    )
    kind: str = Field(description="assigned, withdrawn, reminded, …")
    case: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    version: int = Field(description="Version of the case")
    subject: str | None = Field(description="Code of the subject")
    place: str | None = Field(description="Code of the place")
    due: list[OutboxDue] = Field(description="Clocks that run")
    about: str | None = Field(description="Id of the event")
    detail: str | None = Field(
        description="Code that refines the kind; for an outcome `done` or the code of the refusal"
    )
    command: str | None = Field(description="For an outcome: the command")
    command_id: str | None = Field(description="For an outcome: the id of the command")
    record: TopicRecord | None = Field(description="For an outcome: the record of your topic that it answers")
    problem: OutcomeProblem | None = Field(
        validation_alias="refusal", description="For an outcome: why the command was refused"
    )
    at: TimeText = Field(description="When the entry was appended")


class OutboxAnswer(InboxEntry):
    """A notification to an organisation. It holds no content: read that with GET /v1/cases/{case}."""

    id: int = Field(description="Position in the inbox, from 1 without gaps: the cursor")


class InboxPage(StreamPage[InboxEntry]):
    """Entries after the cursor."""


def entry(event: RecordedEvent) -> OutboxAnswer:
    """One entry for the organisation."""
    assert isinstance(event.body, OutboxEntry)
    return OutboxAnswer.built_from(event.body, id=event.version, at=event.recorded_at)


def inbox_entry(event: RecordedEvent, cursor: str) -> InboxEntry:
    """One entry for another reader, who knows it by this cursor."""
    assert isinstance(event.body, OutboxEntry)
    return InboxEntry.built_from(event.body, id=cursor, at=event.recorded_at)
