"""Clocks as data: the start of a period, what meets the duty, the length, and the responsible party."""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Code, Document
from shared.policy.message_rules import MessageRules
from shared.policy.profile import ProfileValues
from shared.policy.signing_rules import SigningRules
from shared.policy.working_calendar import Ends, Roll, Unit

Responsible = Literal["petition_office", "organisation", "review_body", "citizen"]
Days = Annotated[int, Field(ge=0, le=3660)]
BREACH = "breach"
"""The rung of the due instant itself, which every clock but a window has."""
_ARTICLE = re.compile(r"(?P<zh>[^()]*[\u4e00-\u9fff][^()]*?) \((?P<en>[^()]+)\)")


def _one_as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


class Text(Document):
    """A sentence in Chinese and English."""

    zh: str
    en: str


class Trigger(Document):
    """A fact of a case: the type of an event, and optionally kinds of it (`Fact.kind`).

    `responsible`: only if the organisation of the fact is the responsible one, so that a delivery to an assisting or a
    subordinate organisation starts nothing. `lapses: false`, of a start: the period runs from another fact (the receipt of
    the document that is issued here); until that is on record, the right stays open."""

    event: str
    kind: Annotated[tuple[str, ...], BeforeValidator(_one_as_tuple)] = ()
    responsible: bool = False
    lapses: bool = True


_PATHS = {
    "sealed": "accusation.sealed", "report_required": "handling.report_required", "real_name": "filing.named",
}  # fmt: skip
"""Condition on a value of the case outside of `filing` -> its path."""


class Applies(Document):
    """Conditions on the case; all given ones must hold. `direct`: the organisation received it directly (Art. 23). `sealed`: an
    accusation. `real_name`: the petitioner gave a name. `discipline_organ`: the organisation of the start receives accusations."""

    path: Annotated[tuple[int, ...], BeforeValidator(_one_as_tuple)] | None = None
    class_: Annotated[tuple[str, ...], BeforeValidator(_one_as_tuple)] | None = None
    level: Annotated[tuple[str, ...], BeforeValidator(_one_as_tuple)] | None = None
    channel_class: Annotated[tuple[str, ...], BeforeValidator(_one_as_tuple)] | None = None
    direct: bool | None = None
    report_required: bool | None = None
    sealed: bool | None = None
    real_name: bool | None = None
    discipline_organ: bool | None = None


class PeriodRule(Document):
    """The length of a period: `days` (and `by_subject`, which includes subordinate subjects), or `assigned`: the date is in the
    start fact. With both, `days` count where the start fact has no date. `roll`: Civil Code Art. 203."""

    days: Days | None = None
    by_subject: dict[Code, Days] = Field(default_factory=dict)
    assigned: bool = False
    unit: Unit = "calendar"
    ends: Ends = "end_of_day"
    roll: Roll = "next_working_day"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if not self.assigned and self.days is None and not self.by_subject:
            raise WrongValue(
                "a period needs days (or by_subject) or assigned: true",
                "期限须写明 days（或 by_subject）或 assigned: true。",
            )
        return self


class Extension(Document):
    """Extensions of a period: granted days are added, together at most `cap_days`."""

    event: str = "ExtensionGranted"
    cap_days: int = Field(ge=0, le=3660)


class RungRule(Document):
    """A step at a percentage of the time between start and due. A reminder is below 100; `urge` (催办) is above 100, after the
    due instant. The due instant itself is the breach and needs no rung."""

    id: Code
    at_percent: int = Field(gt=0, le=1000)
    kind: Literal["remind", "at_risk", "urge"] = "remind"


class Wait(Document):
    """The time before the next step may follow; the day of the step is not counted."""

    days: Days
    unit: Unit = "working"


class Escalation(Document):
    """The waiting times of the steps 提醒 → 催办 → 督办 that are taken by hand. No article defines them; the deploying authority
    does. Without one, the next step may follow immediately."""

    urge_after: Wait | None = None
    """After a reminder. It does not apply to a clock that has lapsed."""
    supervise_after: Wait | None = None
    """After urging; also before the same organisation may be urged again."""


class UnreadService(Document):
    """What follows where a document was served and nobody has received it. No article sets these times.

    `remind_after` and `paper_after` count from an electronic service that is not read. `paper_at_once`: a decision or opinion whose
    petitioner confirmed no electronic address is served on paper from the day of its issue."""

    source: str = "own choice"
    remind_after: Wait | None = None
    paper_after: Wait | None = None
    paper_at_once: bool = False


class ClockRule(Document):
    """One clock. `window`: a right, not a duty, whose lapse is not a breach. `exclude`: time that is not counted by law (the
    hearing of a re-review, Art. 36). A new start begins a new episode."""

    id: Code
    title: Text
    article: str
    applies: Applies = Applies()
    start: tuple[Trigger, ...] = Field(min_length=1)
    end: tuple[Trigger, ...] = ()
    cancel: tuple[Trigger, ...] = ()
    period: PeriodRule
    extension: Extension | None = None
    exclude: tuple[Trigger, ...] = ()
    responsible: Responsible = "organisation"
    window: bool = False
    rungs: tuple[RungRule, ...] = ()

    @cached_property
    def article_zh(self) -> str:
        """The Chinese name of the article. Policies write `《条例》第二十二条 (Regulation Art. 22)`."""
        found = _ARTICLE.fullmatch(self.article)
        return found["zh"] if found else self.article

    @cached_property
    def article_en(self) -> str:
        found = _ARTICLE.fullmatch(self.article)
        return found["en"] if found else self.article

    @cached_property
    def end_events(self) -> frozenset[str]:
        """The types of the events that end the clock."""
        return frozenset(trigger.event for trigger in self.end)

    @cached_property
    def conditions(self) -> tuple[tuple[str, attrgetter[object], tuple[object, ...]], ...]:
        """(name, getter of the value from the case, allowed values) of each condition; shared.deadlines checks the others."""
        return tuple(
            (
                name,
                attrgetter(_PATHS.get(name, f"filing.{name}")),
                allowed if isinstance(allowed, tuple) else (allowed,),
            )
            for name, allowed in self.applies
            if allowed is not None and name not in ("direct", "discipline_organ")
        )

    @cached_property
    def reckoning(self) -> tuple[dict[str, int], int | None, Unit, Ends, Roll]:
        """by_subject, days, unit, ends, roll, in one attribute because every clock of every case needs them."""
        period = self.period
        return period.by_subject, period.days, period.unit, period.ends, period.roll

    @cached_property
    def ladder(self) -> tuple[RungRule, ...]:
        """The rungs in order of time."""
        return tuple(sorted(self.rungs, key=lambda rung: rung.at_percent))


START, END, CANCEL, EXTEND, EXCLUDE = range(5)


class Action(NamedTuple):
    """The effect of a fact on one clock."""

    rule: int
    role: int
    kinds: frozenset[str]
    responsible: bool


class Profile(Document):
    """The clocks of other rules for the organisations of a track: those that receive accusations."""

    id: str
    title: Text | None = None
    in_force: date | None = None
    track: Literal["sealed"] = "sealed"
    rules: tuple[ClockRule, ...] = ()


class Clocks(Document):
    """The clocks of a law. `in_force`: the day since when it applies, the usual `effective_at` of its activation. `profiles`: the
    clocks of further rules, each for the organisations of its track only."""

    id: str = ""
    """Empty in a file that brings profiles only."""
    title: Text | None = None
    in_force: date | None = None
    rules: tuple[ClockRule, ...] = ()
    escalation: Escalation = Escalation()
    profile: ProfileValues = ProfileValues()
    unread: UnreadService = UnreadService()
    messages: MessageRules = MessageRules()
    signing: SigningRules = SigningRules()
    profiles: tuple[Profile, ...] = ()

    @model_validator(mode="after")
    def _rules_have_a_name(self) -> Self:
        if self.rules and not self.id:
            raise WrongValue("clocks with rules need an id", "有时限规则的，须写明 id。")
        return self

    @cached_property
    def every(self) -> tuple[ClockRule, ...]:
        """The rules of the law and those of its profiles, with the condition of their track."""
        return (
            *self.rules,
            *(
                rule.model_copy(update={"applies": rule.applies.model_copy(update={"discipline_organ": True})})
                for profile in self.profiles
                for rule in profile.rules
            ),
        )

    @cached_property
    def actions(self) -> dict[str, tuple[Action, ...]]:
        """Event type -> its effects on clocks, ends first, so that one fact can end and restart a clock."""
        table: dict[str, list[Action]] = {}
        for index, rule in enumerate(self.every):
            roles = [(rule.end, END), (rule.cancel, CANCEL), (rule.exclude, EXCLUDE), (rule.start, START)]
            if rule.extension is not None:
                roles.insert(0, ((Trigger(event=rule.extension.event),), EXTEND))
            for triggers, role in roles:
                for trigger in triggers:
                    action = Action(index, role, frozenset(trigger.kind), trigger.responsible)
                    table.setdefault(trigger.event, []).append(action)
        return {event: tuple(actions) for event, actions in table.items()}

    def rule(self, clock: str) -> ClockRule | None:
        return next((rule for rule in self.every if rule.id == clock), None)
