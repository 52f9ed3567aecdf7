"""What an organisation reads: the entries of its inbox stream, the same over HTTP and in its topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from shared.application.response import Answer, TimeText
from shared.events.routing import OutboxEntry
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.notification_stream import StreamPage

STREAM = "outbox/"


class OutboxDue(Answer):
    """A running clock as told to the organisation."""

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


def _fields(errors: Iterable[BaseModel]) -> list[dict[str, str]]:
    return [one.model_dump(exclude_none=True) for one in errors]


class OutcomeProblem(Answer):
    """Why a record that came by a topic was refused."""

    status: int = Field(description="The status that HTTP would have answered")
    code: str = Field(description="Stable code")
    detail: str = Field(validation_alias="why", description="What is wrong, and what to do")
    detail_zh: str = Field(validation_alias="why_zh", description="The same in Chinese")
    field: str | None = Field(description="The field that is wrong")
    errors: Annotated[list[dict[str, str]], BeforeValidator(_fields)] = Field(description="All fields that are wrong")


class OutboxAnswer(Answer):
    """What an organisation was told. Thin: fetch the content with GET /v1/cases/{case}."""

    id: int = Field(description="Place in the inbox, gapless from 1: the cursor")
    kind: str = Field(description="assigned, withdrawn, reminded, …")
    case: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    version: int = Field(description="Version of the case that it tells of")
    subject: str | None = Field(description="Code of the subject")
    place: str | None = Field(description="Code of the place")
    due: list[OutboxDue] = Field(description="Clocks that run")
    about: str | None = Field(description="Event that it tells of")
    detail: str | None = Field(
        description="Code that says more about the kind; of an outcome `done` or the refusal's code"
    )
    command: str | None = Field(description="Of an outcome: the command")
    command_id: str | None = Field(description="Of an outcome: its id")
    record: TopicRecord | None = Field(description="Of an outcome: the record of your topic that it answers")
    problem: OutcomeProblem | None = Field(validation_alias="refusal", description="Of an outcome: why it was refused")
    at: TimeText = Field(description="When it was put there")


class OutboxPage(StreamPage[OutboxAnswer]):
    """Entries after the cursor."""


def entry(event: RecordedEvent, number: int | None = None) -> OutboxAnswer:
    """One entry as its reader gets it. `number`: its number for that reader; None for the version in the stream."""
    assert isinstance(event.body, OutboxEntry)
    return OutboxAnswer.built_from(event.body, id=event.version if number is None else number, at=event.recorded_at)
