"""Events of supervision: clocks, escalation ladder, follow-up and closing.

Events of the deadline ticker (`TICKER`) do not outdate the `expected_version` of a command.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events.base import Event
from shared.events.fields import Evidence, Service, Text

ClosureKind = Literal[
    "resolved_confirmed",
    "resolved_unconfirmed",
    "settled",
    "explained",
    "not_supported",
    "guided",
    "led_into",
    "not_accepted",
    "closed_unresolved",
    "withdrawn",
    "merged",
]
KnownClosure = Literal[ClosureKind, "unknown"]
"""unknown: history only, the source says that the case is closed and not how."""


class _Supervision(Event):
    owner: ClassVar[Service] = "supervision"


class DeadlineAtRisk(_Supervision, zh="期限临近", en="A deadline is at risk.", shows=("clock", "rung")):
    """A rung of the escalation ladder before the due date was reached."""

    clock: str
    episode: int
    rung: str


class Reminded(_Supervision, zh="提醒", en="The organisation was reminded.", shows=("clock", "rung")):
    """The organisation was reminded of a clock (提醒). `passed`: recorded after a downtime, not sent."""

    clock: str
    episode: int
    rung: str
    org: str | None = None
    passed: bool = False


class UnreadReminded(
    _Supervision,
    zh="提醒查阅文书",
    en="The petitioner was reminded of an unread document.",
    shows=("document",),
    for_petitioner=True,
):
    """The petitioner was reminded of a document that was served electronically and not read yet.

    `of`: version of the event of the service.
    """

    document: Literal["reply", "opinion", "notice"]
    of: int


class DeadlineBreached(_Supervision, zh="超期", en="A deadline passed.", shows=("clock",)):
    """The due instant passed and the duty was not fulfilled; appended once per clock and episode.

    Its `effective_at` is the due instant.
    """

    clock: str
    episode: int
    org: str | None = None


class BreachLifted(_Supervision, zh="撤销超期", en="A late record shows that the deadline was met.", shows=("clock",)):
    """A fact that was recorded late shows that the duty was fulfilled in time. `fact` is the version of that event."""

    clock: str
    episode: int
    fact: int


class ReviewWindowLapsed(
    _Supervision,
    zh="逾期未申请复查（复核）",
    en="No review was requested within the period.",
    shows=("clock",),
    for_petitioner=True,
):
    """The period for requesting a review or a re-review ended without a request. It is recorded once and ends nothing: a late
    request with a reason is decided by the review body (Art. 35 ¶1, 36 ¶1).

    Its `effective_at` is the end of the period.
    """

    clock: str
    episode: int


class Urged(_Supervision, zh="催办", en="The organisation was urged.", shows=("clock",)):
    """The organisation was urged to act (催办): after a reminder, or after a clock lapsed.

    With `rung` the escalation ladder urged it automatically, because of that clock.
    """

    org: str
    clock: str | None = None
    episode: int | None = None
    rung: str | None = None
    text: Text = None


class SupervisionOpened(_Supervision, zh="督办", en="Supervision was opened.", shows=("ground", "decider")):
    """Formal supervision was opened (督办; Art. 40).

    `decider` is the office that decided to open it, where no urging preceded it.
    """

    ground: Literal["delay", "shirking", "perfunctory", "falsification", "refusal_to_execute", "other"]
    decider: str | None = None
    text: Text = None


class SupervisionClosed(_Supervision, zh="督办结束", en="Supervision was closed."):
    """Formal supervision was closed because its ground no longer exists."""

    text: Text = None


class InstructionRecorded(_Supervision, zh="领导批示", en="An instruction was recorded."):
    """An instruction of a leading official was recorded (领导批示)."""

    by_office: str
    text: Text = None


class AcceptanceOrdered(_Supervision, zh="责令受理", en="Acceptance was ordered.", for_petitioner=True):
    """The petition office ordered the organisation to accept a wrongly refused case (Art. 44(2))."""

    org: str
    path: int | None = None
    text: Text = None


class DateConfirmed(
    _Supervision, zh="核实日期", en="The date of an act that was recorded late was confirmed.", shows=("of", "evidence")
):
    """An office outside the unit that had the duty confirmed that the act with version `of`, recorded after its due date, happened
    on the stated day. The act counts as in time from now on."""

    of: int
    evidence: Evidence | None = None
    reference: Text = None
    text: Text = None


ExtensionResult = Literal["in_order", "finding"]
ExtensionGround = Literal["not_complex", "no_reason", "not_told", "other"]
"""Why an extension is questioned: 并非情况复杂、理由不充分、未告知信访人、其他."""


class ExtensionChecked(
    _Supervision,
    zh="审查延期",
    en="The petition office looked at the extension.",
    shows=("of", "result", "ground"),
):
    """The petition office looked at the extension with version `of`, and raised no objection or a finding (Art. 34, 40). The period
    does not change."""

    of: int
    result: ExtensionResult
    ground: ExtensionGround | None = None
    text: Text = None


class FollowUpRecorded(
    _Supervision, zh="回访", en="A follow-up was recorded.", shows=("reached", "satisfied", "independent")
):
    """A follow-up with the petitioner was recorded (回访), made by a person outside the handling organisation."""

    reached: bool
    satisfied: bool | None = None
    independent: bool = False
    """True if it was made by a third unit, so that it can confirm that the matter is resolved."""
    text: Text = None


class RedoOrdered(_Supervision, zh="责令重办", en="It is to be handled again.", shows=("ground",), for_petitioner=True):
    """The case was ordered to be handled again (重办), with a new clock. The first reply stays in the history."""

    ground: Literal["dissatisfied", "not_executed", "incomplete", "review", "other"]
    text: Text = None


class CaseClosed(_Supervision, zh="办结", en="It was closed.", shows=("kind",)):
    """The case was closed (办结), with the kind of closing. The handling organisation never closes it itself."""

    kind: KnownClosure
    text: Text = None


class CaseReopened(_Supervision, zh="重新启动", en="It was reopened because of new facts.", for_petitioner=True):
    """The case was reopened because of new facts."""

    text: Text = None


class RecordedRung(BaseModel):
    """A rung of a clock that the deadline ticker recorded: `rung` of its ladder, `breach` or `lift`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clock: str = Field(max_length=40)
    episode: int = Field(ge=0)
    rung: str = Field(max_length=40)


class RungsVoided(
    _Supervision,
    zh="撤销误记提醒",
    en="Steps that a machine with a wrong clock recorded were voided.",
    shows=("reason_code",),
):
    """Rungs that a machine with a wrong clock recorded do not count (时钟错误). They stay in the log; one that is due by the right
    time is recorded again."""

    rungs: tuple[RecordedRung, ...]
    reason_code: Literal["wrong_clock"] = "wrong_clock"
    text: Text = None


TICKER: frozenset[str] = frozenset({
    "DeadlineAtRisk", "Reminded", "DeadlineBreached", "BreachLifted", "ReviewWindowLapsed", "UnreadReminded",
})  # fmt: skip
"""Event types that the deadline ticker appends."""
