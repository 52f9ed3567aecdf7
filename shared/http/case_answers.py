"""Answers about one case: as it stands, its matter, and why a clock ends when it ends."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.http.answers import Answer, Named


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


class LeadAnswer(Answer):
    """The case that leads a matter."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    state: str = Field(description="State as a code")
    state_zh: str = Field(description="State in Chinese")
    state_en: str = Field(description="State in English")
    org: Named | None = Field(description="The one organisation that is responsible for the matter")


class FilingAnswer(LeadAnswer):
    """One filing of a matter."""

    leads: bool = Field(description="True for the oldest one, which is worked on")
    kind: str | None = Field(description="same_matter or duplicate, for one that follows")
    channel: Named | None = Field(description="Where it came from")
    filed_at: str | None = Field(description="When it was filed, in law")
    registered_at: str | None = Field(description="When it was recorded here")
    closure: str | None = Field(description="Kind of closing")


class MatterPage(Answer):
    """One page of the filings of a matter, the lead first, then the others from the oldest on."""

    filings: list[FilingAnswer] = Field(description="As far as you may see them")
    after: str | None = Field(description="Cursor of the next page; null at the end")


class CandidateAnswer(LeadAnswer):
    """An older case that may be the same matter. A person decides."""

    through: str | None = Field(description="Number of its follower that is alike; null: it is alike itself")
    similarity: float = Field(description="How alike what was written is, 0 to 1")
    shared: list[str] = Field(description="What else they have in common: place, subject")
    place: Named | None = Field(description="Place of the problem")
    subject: Named | None = Field(description="Subject")
    filed_at: str | None = Field(description="When it was filed, in law")
    closed_at: str | None = Field(description="When it was closed")


class CandidateList(Answer):
    """Ten at most, best first."""

    candidates: list[CandidateAnswer] = Field(description="Empty: nothing is alike enough")


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
    lead: str | None = Field(description="The older case of the same matter that it follows, if you may see it")
    matter: LeadAnswer | None = Field(description="How the case that leads the matter stands now, if you may see it")
    related: list[str] = Field(description="Cases that it refers to, as far as you may see them")
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
