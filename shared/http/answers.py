"""What successful answers look like: one model each, with the meaning of every field."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shared.queries.response import Answer, StateZh, TimeText


class ReceiptAnswer(Answer):
    """回执: keep it. The code is shown here only; with the number it answers how the case stands."""

    case: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    code: str = Field(description="Query code, secret of the petitioner")
    version: int = Field(description="Version of the case")
    state: str = Field(description="State of the case")
    received_at: TimeText = Field(description="When it was received, in law")
    repeated: bool = Field(description="True: this item was registered before, this is its receipt again")


class LineAnswer(Answer):
    """The result of one line of a batch."""

    line: int = Field(description="Line number in the body, from 1")
    status: int = Field(description="HTTP status of this line alone")
    receipt: ReceiptAnswer | None = Field(None, description="When it was registered")
    problem: dict[str, Any] | None = Field(None, description="When it was refused: a problem as elsewhere")


class EventAnswer(Answer):
    """An event that a command led to."""

    version: int = Field(description="Its version in the case")
    type: str = Field(description="Event type")
    effective_at: TimeText = Field(description="When it is true in law: a date, or an instant in UTC")
    recorded_at: TimeText = Field(description="When it was recorded")


class CommandAnswer(Answer):
    """What came of a command. The same command_id gives the first answer again."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    version: int = Field(description="Version of the case after the command")
    events: list[EventAnswer] = Field(description="What was appended; empty: there was nothing to do")
    state: str = Field(description="State after the command")
    state_zh: StateZh
    allowed: list[str] = Field(description="Commands that you may give next")
    repeated: bool = Field(description="True: this command_id had been carried out before, or there was nothing to do")


class OutboxDue(Answer):
    """A running clock as told to the organisation."""

    clock: str = Field(description="Id of the clock")
    due: str = Field(description="Due instant, UTC")
    provisional: bool = Field(description="The calendar of that year is not published yet")


class RecordPlace(Answer):
    """Where a record lies in its topic."""

    partition: int = Field(description="Partition")
    offset: int = Field(description="Offset")


class OutcomeProblem(Answer):
    """Why a record that came by a topic was refused."""

    status: int = Field(description="The status that HTTP would have answered")
    code: str = Field(description="Stable code")
    detail: str = Field(description="What is wrong, and what to do")
    detail_zh: str = Field(description="The same in Chinese")
    field: str | None = Field(description="The field that is wrong")
    errors: list[dict[str, str]] = Field(description="All fields that are wrong")


class OutboxAnswer(Answer):
    """What an organisation was told. Thin: fetch the content with GET /v1/cases/{case}."""

    id: int = Field(description="Place in the outbox, gapless from 1: the cursor")
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
    record: RecordPlace | None = Field(description="Of an outcome: the record of your topic that it answers")
    problem: OutcomeProblem | None = Field(description="Of an outcome: why it was refused")
    at: str = Field(description="When it was put there")


class OutboxPage(Answer):
    """Entries after the cursor."""

    entries: list[OutboxAnswer] = Field(description="In order, without gap")
    after: int = Field(description="Cursor for the next call")
    more: bool = Field(description="There are more entries already")


class UpdateAnswer(Answer):
    """What a platform was told. Thin: texts and the query code are fetched by a GET of their own."""

    id: int = Field(description="Place among the updates, gapless from 1: the cursor")
    kind: str = Field(description="registered, refused, done, sent, accepted, replied, closed, …")
    channel: str | None = Field(description="Code of the channel")
    item: str | None = Field(description="The platform's own item id; of a refused command the case as it was named")
    case: str | None = Field(description="Case id")
    number: str | None = Field(description="Number that people use")
    version: int | None = Field(description="Version of the case that it tells of: orders the entries of one case")
    org: str | None = Field(description="Code of the organisation that it is about")
    due: list[OutboxDue] = Field(description="Clocks that run, where the kind says by when")
    detail: str | None = Field(description="Code that says more about the kind")
    command: str | None = Field(description="Name of the command that is answered")
    command_id: str | None = Field(description="The platform's id of that command")
    record: RecordPlace | None = Field(description="The record of the platform's topic that is answered")
    sent_at: str | None = Field(description="When that record was sent, by its own time")
    repeated: bool = Field(description="True: the same was answered before, this is that answer again")
    problem: OutcomeProblem | None = Field(description="When it was refused: why")
    at: str = Field(description="When it was put there")


class UpdatesPage(Answer):
    """Entries after the cursor."""

    entries: list[UpdateAnswer] = Field(description="In order, without gap")
    after: int = Field(description="Cursor for the next call")
    more: bool = Field(description="There are more entries already")


class DayAnswer(Answer):
    """What became of the records that a platform sent to its topic on one day: sent = registered + done + refused + same_again."""

    platform: str = Field(description="Code of the platform")
    day: str = Field(description="The day, by the records' own time")
    zone: str = Field(description="Time zone of the day")
    sent: int = Field(description="Records that were read: the sum of the next four")
    registered: int = Field(description="Filings that became cases")
    done: int = Field(description="Commands that were carried out")
    refused: int = Field(description="Records that were refused")
    same_again: int = Field(description="Records that said what was answered before, and got that answer again")
    refusals: Annotated[dict[str, int], BeforeValidator(lambda codes: dict(sorted(codes.items())))] = Field(
        validation_alias="codes", description="How many were refused for each code"
    )


class Health(Answer):
    """Whether this process works."""

    ready: bool = Field(description="All is well")
    reasons: list[str] = Field(description="What is not")
    groups: dict[str, int] = Field(description="Consumer group -> commits not handled yet")
    notes: list[str] = Field(description="What is wrong and keeps this process from nothing")
