"""What successful answers look like: one model each, with the meaning of every field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid")


class Named(Answer):
    """A code of the policy with its name for people."""

    code: str = Field(description="Stable code")
    name: str | None = Field(description="Name in the policy; null where it is not listed")


class ReceiptAnswer(Answer):
    """回执: keep it. The code is shown here only; with the number it answers how the case stands."""

    case: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    code: str = Field(description="Query code, secret of the petitioner")
    version: int = Field(description="Version of the case")
    state: str = Field(description="State of the case")
    received_at: str = Field(description="When it was received, in law")
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
    effective_at: str = Field(description="When it is true in law: a date, or an instant in UTC")
    recorded_at: str = Field(description="When it was recorded")


class CommandAnswer(Answer):
    """What came of a command. The same command_id gives the first answer again."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    version: int = Field(description="Version of the case after the command")
    events: list[EventAnswer] = Field(description="What was appended; empty: there was nothing to do")
    state: str = Field(description="State after the command")
    state_zh: str = Field(description="State in Chinese")
    allowed: list[str] = Field(description="Commands that you may give next")
    repeated: bool = Field(description="True: this command_id had been carried out before, or there was nothing to do")


class MayAsk(Answer):
    """A right that is open now (Art. 35, 36)."""

    command: str = Field(description="request_review or request_re_review")
    until: str | None = Field(
        description="Last day; null while the day on which the opinion was received is not on record"
    )
    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    article: str = Field(description="Article that says so")


class StatusAnswer(Answer):
    """How a case stands, in plain sentences, for the person whose case it is."""

    number: str = Field(description="Number of the case")
    state: str = Field(description="State as a code")
    zh: str = Field(description="What happened, who has it, what comes next, by when and why, in Chinese")
    en: str = Field(description="The same in English")
    org: str | None = Field(description="Name of the organisation that has it")
    due_day: str | None = Field(description="Day by which the next step is due")
    due_because: str | None = Field(description="Article that says so")
    may_ask: MayAsk | None = Field(description="The review that may be asked for now, and until when")
    events: list[dict[str, str]] = Field(description="What happened, oldest first: day, zh, en")


class ListedCase(Answer):
    """One row of a list."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    jurisdiction: str = Field(description="Jurisdiction")
    state: str = Field(description="State as a code")
    state_zh: str = Field(description="State in Chinese")
    state_en: str = Field(description="State in English")
    org: str | None = Field(description="Code of the responsible organisation")
    reviewer: str | None = Field(description="Code of the body that reviews or reviewed it")
    holder: str | None = Field(description="Code of the subordinate that has it in hand")
    owes: str | None = Field(description="Code of who received it and has to tell the petitioner where it went")
    place: str | None = Field(description="Code of the place of the problem")
    subject: str | None = Field(description="Code of the subject")
    channel: str = Field(description="Code of the channel")
    class_: str | None = Field(alias="class", description="Class, once it is known")
    sealed_track: bool = Field(description="An accusation")
    queue: str | None = Field(description="The pile of work that it lies in")
    due: str | None = Field(description="Instant of the earliest running deadline, UTC")
    due_clock: str | None = Field(description="Which clock that is")
    overdue: bool = Field(description="That instant has passed")
    filed_at: str | None = Field(description="When it was filed, in law")


class CasePage(Answer):
    """One page of a list, earliest due first."""

    cases: list[ListedCase] = Field(description="The rows")
    after: str | None = Field(description="Cursor of the next page; null at the end")


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
    refusals: dict[str, int] = Field(description="How many were refused for each code")


class AnswerText(Answer):
    """A text that the petitioner is entitled to."""

    version: int = Field(description="Version of the case")
    type: str = Field(description="Event type")
    zh: str = Field(description="What it is, in Chinese")
    en: str = Field(description="What it is, in English")
    at: str = Field(description="When it was true in law")
    fields: dict[str, Any] = Field(description="The text: text, basis, reason, remedy, organ or how_to")


class AnswerTexts(Answer):
    """What a case was answered, in words."""

    case: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    texts: list[AnswerText] = Field(description="Oldest first; of a decision only once the reply was delivered")
    erased: list[str] = Field(description="Parties whose data were erased")


class Health(Answer):
    """Whether this process works."""

    ready: bool = Field(description="All is well")
    reasons: list[str] = Field(description="What is not")
    groups: dict[str, int] = Field(description="Consumer group -> commits not handled yet")
    notes: list[str] = Field(description="What is wrong and keeps this process from nothing")
