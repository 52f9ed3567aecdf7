"""Response models of one case: its history, its deadlines, and the calculation of due dates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from shared.application.response import Answer, EventEn, EventZh, LeadAnswer, PolicyCode, StateEn, StateZh, TimeText
from shared.queries.case_content import ContentAnswer


class ActingParty(Answer):
    """The acting principal. Never a person's name."""

    role: str = Field(description="Role of the principal")
    org: PolicyCode | None = Field(description="Its organisation")
    ref: str = Field(description="Id of the access key")


class TimelineEntry(Answer):
    """One event of the case."""

    version: int = Field(description="Version in the case's stream")
    type: str = Field(description="Event type")
    zh: EventZh
    en: EventEn
    effective_at: TimeText = Field(description="Legal time")
    recorded_at: TimeText = Field(description="When it was recorded")
    origin: str = Field(description="live, or history (imported)")
    by: ActingParty = Field(validation_alias="actor", description="Acting principal")
    policy: str | None = Field(description="Policy that the decision used")
    details: dict[str, Any] = Field(description="Codes and dates of the event; never text")


class DeadlineAnswer(Answer):
    """One episode of one clock, derived."""

    clock: str = Field(description="Id of the clock")
    zh: str = Field(validation_alias="rule.title.zh", description="Its name in Chinese")
    en: str = Field(validation_alias="rule.title.en", description="Its name in English")
    article: str = Field(validation_alias="rule.article", description="Article of the law")
    episode: int = Field(description="Number from 1; a new start begins the next episode")
    status: str = Field(description="met, late, running, overdue, cancelled, unknown, window_open, window_lapsed")
    due: TimeText = Field(description="Due instant, UTC")
    due_local: str = Field(description="Due instant in the zone of the jurisdiction")
    due_day: TimeText = Field(description="The day there")
    days_left: int | None = Field(description="Days until the due day, negative after it; null for a clock that ended")
    unit: Literal["calendar", "working"] = Field(validation_alias="rule.period.unit", description="Unit of days_left")
    org: PolicyCode | None = Field(description="Organisation that has the duty; null for the citizen, or if unknown")
    started_by: str = Field(validation_alias="start.name", description="Event that started it")
    started_at: TimeText = Field(validation_alias="start.effective_at", description="Legal time of the start")
    ended_by: str | None = Field(description="Event that met it")
    ended_at: TimeText | None = Field(description="Legal time of the end")
    extended_days: int = Field(description="Days granted by extensions")
    excluded_days: int = Field(description="Days that are not counted by law")
    provisional: bool = Field(description="The calendar of that year is not published yet")
    window: bool = Field(validation_alias="rule.window", description="True for a right: its lapse is no breach")


class AskedAnswer(Answer):
    """Questions to the petitioner. The time until they are answered stops no clock."""

    version: int = Field(description="Version of the event with the questions")
    questions: int = Field(description="Number of questions")
    asked_at: TimeText = Field(description="When they were asked")
    answered_at: TimeText | None = Field(description="When the petitioner answered; null: not yet")


class CorrectionAnswer(Answer):
    """A registered fact that was corrected. The timeline keeps the original."""

    version: int = Field(description="Version of the correction")
    field: Annotated[str, BeforeValidator(lambda name: name.rstrip("_"))] = Field(description="Corrected field")
    of: int | None = Field(description="Version whose date was wrong")
    old: str | None = Field(description="Previous value")
    new: str | None = Field(description="Corrected value")
    reason: str = Field(description="Code of the reason")
    recorded_at: TimeText = Field(description="When it was corrected")
    by: str = Field(validation_alias="ref", description="Id of the key that corrected it")


class CaseAnswer(Answer):
    """A case with its history, at present or as of a day."""

    id: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    version: int = Field(description="Version that is shown")
    jurisdiction: str = Field(description="Jurisdiction")
    origin: str = Field(description="live, or history (imported)")
    state: str = Field(description="State as a code")
    state_zh: StateZh
    state_en: StateEn
    channel: PolicyCode | None = Field(validation_alias="filing.channel", description="Channel of the filing")
    channel_class: str = Field(validation_alias="filing.channel_class", description="Class of the channel")
    place: PolicyCode | None = Field(validation_alias="filing.place", description="Place of the problem")
    subject: PolicyCode | None = Field(validation_alias="filing.subject", description="Subject")
    level: str | None = Field(validation_alias="filing.level", description="Level of government addressed")
    grid: str | None = Field(
        validation_alias="filing.grid", description="Cell of the grid where the scanned QR code hangs"
    )
    class_: str | None = Field(
        validation_alias="filing.class_",
        serialization_alias="class",
        description="claim, accusation, suggestion, litigation, consultation",
    )
    urgency: str = Field(validation_alias="filing.urgency", description="ordinary or urgent")
    path: int | None = Field(validation_alias="filing.path", description="Statutory path 1 to 6 (Art. 31)")
    org: PolicyCode | None = Field(validation_alias="assignment.org", description="The one responsible organisation")
    assist: list[PolicyCode] = Field(validation_alias="assignment.assist", description="Organisations that assist")
    forwarded: list[PolicyCode] = Field(
        validation_alias="assignment.forwarded",
        description="Subordinates that it was forwarded to; the last one handles it",
    )
    reviewer: PolicyCode | None = Field(
        validation_alias="review.reviewer", description="The body that reviews or reviewed it"
    )
    review_result: str | None = Field(validation_alias="review.result", description="upheld, changed or redo")
    past_orgs: list[PolicyCode] = Field(
        validation_alias="assignment.past_orgs", description="Previous responsible organisations"
    )
    rule: str | None = Field(
        validation_alias="assignment.rule", description="Routing rule that determined the organisation"
    )
    queue_reason: str | None = Field(description="Reason why a person has to dispatch it")
    confidential: bool = Field(
        validation_alias="filing.confidential", description="True if the handling organisation must not see identities"
    )
    anonymous: bool = Field(validation_alias="filing.anonymous", description="Filed without a name")
    sealed_track: bool = Field(validation_alias="accusation.sealed", description="An accusation")
    hops: int = Field(validation_alias="assignment.hops", description="How often it was transferred")
    result: str | None = Field(validation_alias="handling.result", description="Result of the decision")
    closure: str | None = Field(validation_alias="closure.kind", description="Kind of closing")
    filed_at: TimeText | None = Field(validation_alias="filing.filed_at", description="Legal filing time")
    registered_at: TimeText | None = Field(description="When the filing was recorded here")
    accepted_at: TimeText | None = Field(validation_alias="handling.accepted_at", description="When it was accepted")
    replied_at: TimeText | None = Field(
        validation_alias="handling.replied_at", description="When the reply was delivered"
    )
    closed_at: TimeText | None = Field(validation_alias="closure.closed_at", description="When it was closed")
    lead: str | None = Field(description="The older case of the same matter that it follows, if you may see it")
    matter: LeadAnswer | None = Field(description="Present state of the case that leads the matter, if you may see it")
    related: list[str] = Field(description="Cases that it refers to, as far as you may see them")
    supervision: str = Field(validation_alias="supervision.stage", description="Rung of supervision")
    evaluations: Annotated[dict[str, str], BeforeValidator(dict)] = Field(
        validation_alias="evaluation.grades", description="Object -> grade"
    )
    asked: list[AskedAnswer] = Field(
        validation_alias="service.asked",
        description="Questions to the petitioner, and how long they waited; no clock stops",
    )
    read_only: str | None = Field(
        validation_alias="newer", description="Event type of a newer release that makes the case read-only here"
    )
    as_of: TimeText | None = Field(description="Day of the shown state")
    known_at: TimeText | None = Field(description="Day by which the shown events were recorded")
    deadlines: list[DeadlineAnswer] = Field(description="All episodes of all clocks")
    timeline: list[TimelineEntry] = Field(description="Events in the order of the log, the latest 200")
    timeline_before: int | None = Field(
        description="Set if older events were left out: give it as `before` to read them with their texts"
    )
    corrections: list[CorrectionAnswer] = Field(description="Corrections of registered facts")
    allowed: list[str] = Field(description="Commands that you may give now")
    content: ContentAnswer | None = Field(description="Sealed data, as far as you may see them")


class ExplanationStep(Answer):
    """One sentence of an explanation."""

    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    day: TimeText | None = Field(description="Day of this step")


class ExplainedEpisode(DeadlineAnswer):
    """An episode with the calculation of its due date."""

    policy: str = Field(description="Policy that was used")
    steps: list[ExplanationStep] = Field(description="The calculation, step by step, with every skipped day")


class ExplanationAnswer(Answer):
    """The calculation of the due dates of a clock."""

    id: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    clock: str = Field(description="Id of the clock")
    episodes: list[ExplainedEpisode] = Field(description="Its episodes, each with its calculation")
