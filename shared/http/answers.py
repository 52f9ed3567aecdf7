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
    until: str = Field(description="Last day")
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


class ActingParty(Answer):
    """Who acted. Never a person's name."""

    role: str = Field(description="Role of the principal")
    org: Named | None = Field(description="Its organisation")
    ref: str = Field(description="Id of the access key")


class TimelineEntry(Answer):
    """One thing that happened."""

    version: int = Field(description="Version in the case's stream")
    type: str = Field(description="Event type")
    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    effective_at: str = Field(description="When it is true in law")
    recorded_at: str = Field(description="When it was recorded")
    origin: str = Field(description="live, or history (imported)")
    by: ActingParty = Field(description="Who acted")
    policy: str | None = Field(description="Policy that the decision used")
    details: dict[str, Any] = Field(description="Codes and dates of the event; never text")


class DeadlineAnswer(Answer):
    """One episode of one clock, derived."""

    clock: str = Field(description="Id of the clock")
    zh: str = Field(description="Its name in Chinese")
    en: str = Field(description="Its name in English")
    article: str = Field(description="Where the law says so")
    episode: int = Field(description="From 1; a new start begins the next")
    status: str = Field(description="met, late, running, overdue, cancelled, unknown, window_open, window_lapsed")
    due: str = Field(description="Due instant, UTC")
    due_local: str = Field(description="The same in the zone of the jurisdiction")
    due_day: str = Field(description="The day there")
    org: Named | None = Field(description="Who bears the duty; null: the citizen, or not known")
    started_by: str = Field(description="Event that started it")
    started_at: str = Field(description="When, in law")
    ended_by: str | None = Field(description="Event that met it")
    ended_at: str | None = Field(description="When, in law")
    extended_days: int = Field(description="Days granted by extensions")
    excluded_days: int = Field(description="Days that the law does not count")
    provisional: bool = Field(description="The calendar of that year is not published yet")
    window: bool = Field(description="A right, not a duty: its lapse is no breach")


class CorrectionAnswer(Answer):
    """A registered fact that was mended."""

    version: int = Field(description="Version of the correction")
    field: str = Field(description="What was wrong")
    of: int | None = Field(description="Version whose date was wrong")
    old: str | None = Field(description="As it was")
    new: str | None = Field(description="As it is")
    reason: str = Field(description="Code of the reason")
    recorded_at: str = Field(description="When it was mended")
    by: str = Field(description="Id of the key that mended it")


class ContentAnswer(Answer):
    """Sealed data that were opened for you. That you read them stands in the log."""

    withheld: str | None = Field(description="Why nothing was opened: log_full, the reading cannot be recorded")
    parties: dict[str, dict[str, Any]] = Field(description="Party -> role and what is known of them")
    texts: list[dict[str, Any]] = Field(description="What was written, with the event it belongs to")
    erased: list[str] = Field(description="Parties whose data were erased")


class CaseAnswer(Answer):
    """A case with its history, as it is or as of a day."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    version: int = Field(description="Version that is shown")
    jurisdiction: str = Field(description="Jurisdiction")
    origin: str = Field(description="live, or history (imported)")
    state: str = Field(description="State as a code")
    state_zh: str = Field(description="State in Chinese")
    state_en: str = Field(description="State in English")
    channel: Named | None = Field(description="Where it came from")
    channel_class: str = Field(description="Class of the channel")
    place: Named | None = Field(description="Place of the problem")
    subject: Named | None = Field(description="Subject")
    level: str | None = Field(description="Level of government addressed")
    grid: str | None = Field(description="Cell of the grid where the scanned QR code hangs")
    class_: str | None = Field(alias="class", description="claim, accusation, suggestion, litigation, consultation")
    path: int | None = Field(description="Statutory path 1 to 6 (Art. 31)")
    org: Named | None = Field(description="The one responsible organisation")
    assist: list[Named] = Field(description="Organisations that assist")
    forwarded: list[Named] = Field(description="Subordinates that it was forwarded down to; the last has it in hand")
    reviewer: Named | None = Field(description="The body that reviews or reviewed it")
    review_result: str | None = Field(description="upheld, changed or redo")
    past_orgs: list[Named] = Field(description="Who had it before")
    rule: str | None = Field(description="Routing rule that led to the organisation")
    queue_reason: str | None = Field(description="Why a person has to dispatch it")
    confidential: bool = Field(description="The organisation does not see who filed")
    anonymous: bool = Field(description="Filed without a name")
    sealed_track: bool = Field(description="An accusation")
    hops: int = Field(description="How often it was sent on")
    result: str | None = Field(description="What was decided")
    closure: str | None = Field(description="Kind of closing")
    filed_at: str | None = Field(description="When it was filed, in law")
    registered_at: str | None = Field(description="When it was recorded here")
    accepted_at: str | None = Field(description="When it was accepted")
    replied_at: str | None = Field(description="When the reply was delivered")
    closed_at: str | None = Field(description="When it was closed")
    lead: str | None = Field(description="The older case of the same matter that it follows")
    supervision: str = Field(description="Rung of supervision")
    evaluations: dict[str, str] = Field(description="Object -> grade")
    read_only: str | None = Field(description="Event type of a newer release that makes the case read-only here")
    as_of: str | None = Field(description="The day it is shown as of")
    known_at: str | None = Field(description="The day whose knowledge is shown")
    deadlines: list[DeadlineAnswer] = Field(description="All episodes of all clocks")
    timeline: list[TimelineEntry] = Field(description="What happened, in the order of the log")
    corrections: list[CorrectionAnswer] = Field(description="What was mended")
    allowed: list[str] = Field(description="Commands that you may give now")
    content: ContentAnswer | None = Field(description="Sealed data, as far as you may see them")


class ExplanationStep(Answer):
    """One sentence of an explanation."""

    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    day: str | None = Field(description="The day that it is about")


class ExplainedEpisode(DeadlineAnswer):
    """An episode with its reckoning."""

    policy: str = Field(description="Policy that was used")
    steps: list[ExplanationStep] = Field(description="The reckoning, step by step, with every skipped day")


class ExplanationAnswer(Answer):
    """Why a clock ends when it ends."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    clock: str = Field(description="Id of the clock")
    episodes: list[ExplainedEpisode] = Field(description="Its episodes, each with its reckoning")


class OutboxDue(Answer):
    """A running clock as told to the organisation."""

    clock: str = Field(description="Id of the clock")
    due: str = Field(description="Due instant, UTC")
    provisional: bool = Field(description="The calendar of that year is not published yet")


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
    detail: str | None = Field(description="Code that says more about the kind")
    at: str = Field(description="When it was put there")


class OutboxPage(Answer):
    """Entries after the cursor."""

    entries: list[OutboxAnswer] = Field(description="In order, without gap")
    after: int = Field(description="Cursor for the next call")
    more: bool = Field(description="There are more entries already")


class PolicySection(Answer):
    """A section in force."""

    section: str = Field(description="Name of the section")
    hash: str = Field(description="sha256 of the document")
    since: str = Field(description="In force since")


class PolicySummary(Answer):
    """What a jurisdiction has decided about itself."""

    jurisdiction: str = Field(description="Code")
    name: str | None = Field(description="Name")
    zone: str = Field(description="Time zone")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="What decisions name as the policy they used")
    organisations: int = Field(description="How many organisations it names")
    channels: int = Field(description="How many channels it names")
    sections: list[PolicySection] = Field(description="Sections in force")
    scheduled: list[PolicySection] = Field(description="Sections that begin later")


class PolicyList(Answer):
    """All jurisdictions."""

    policies: list[PolicySummary] = Field(description="One each")


class PolicyAnswer(PolicySummary):
    """One jurisdiction with its documents."""

    documents: dict[str, Any] = Field(description="Section -> document in force")
    names: dict[str, str] = Field(description="Code -> name, of organisations, places, subjects and channels")


class PolicyFinding(Answer):
    """Something that is wrong with a policy."""

    where: str = Field(description="Section and field")
    what: str = Field(description="What is wrong and what to do")


class PolicyChecked(Answer):
    """What is wrong with a policy; nothing: it can be activated."""

    valid: bool = Field(description="No findings")
    findings: list[PolicyFinding] = Field(description="All of them")
    warnings: list[PolicyFinding] = Field(description="To be known, and no reason not to activate it")


class PolicyActivatedAnswer(Answer):
    """What was activated."""

    jurisdiction: str = Field(description="Code")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="What decisions will name")
    activated: list[str] = Field(description="Sections that changed; empty: all was in force already")
    warnings: list[PolicyFinding] = Field(description="To be known")


class DueMoved(Answer):
    """A running clock that is due at another time now."""

    case: str = Field(description="Id of the case")
    number: str = Field(description="Its number")
    clock: str = Field(description="Clock")
    episode: int = Field(description="Which run of the clock, from 1")
    org: str | None = Field(description="Who bears the duty")
    old_due: str = Field(description="Due instant by the calendar before")
    new_due: str = Field(description="Due instant now")
    provisional: bool = Field(description="Reaches beyond what is published")


class CalendarPublishedAnswer(Answer):
    """What a published calendar changed."""

    jurisdiction: str = Field(description="Code")
    version: int = Field(description="Version of its policy stream")
    reference: str = Field(description="What decisions will name")
    changed: bool = Field(description="False: it was in force already")
    published_until: int | None = Field(description="Last year that is published")
    confirmed: int = Field(description="Provisional dates that stand and are certain now")
    moved_in_all: int = Field(description="How many moved")
    moved: list[DueMoved] = Field(description="Those that moved, the earliest first; at most 10,000")


class Health(Answer):
    """Whether this process works."""

    ready: bool = Field(description="All is well")
    reasons: list[str] = Field(description="What is not")
    groups: dict[str, int] = Field(description="Consumer group -> commits not handled yet")
    notes: list[str] = Field(description="What is wrong and keeps this process from nothing")
