"""Facts of one case for the statistics: pure functions of a case and its deadlines, without names of persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from shared.case import FINAL_STATES, Case, Fact, steps
from shared.deadlines.deadline import Deadline
from shared.kernel.legal_time import LegalTime, day_of, instant_of
from shared.policy.deadline_rules import ClockRule

Duty = Literal["notice", "reply", "closing", "other"]
Outcome = Literal["met", "late", "open", "cancelled", "unknown"]

_DUTIES: dict[str, Duty] = {"NoticeServed": "notice", "ReplyDelivered": "reply", "CaseClosed": "closing"}
"""Event that ends a clock -> its duty, in order of precedence."""
REPLIES = frozenset({"ReplyDelivered", "AnsweredAtOnce"})
"""Events that answer the petitioner: the reply of an organisation, or the direct answer of the hotline."""


class Evaluation(NamedTuple):
    """One of the two evaluations of a case: of the petition office, or of the organisation."""

    object: str
    invited: LegalTime | None
    """None: evaluated without a known invitation."""
    evaluated: LegalTime | None
    grade: str | None
    about: str | None = None
    """For a follower: the organisation that handled the matter. None: the organisation that replied."""
    word: str | None = None
    """Whose word the grade is; None: not known, as in imported history."""


class CaseFacts(NamedTuple):
    """The facts of a case that the statistics need, collected in one pass."""

    first_reply: Fact | None
    evaluations: tuple[Evaluation, ...]


def case_facts(case: Case) -> CaseFacts:
    """The first reply and the evaluations. An invitation counts even if the case was handled again later."""
    first: Fact | None = None
    invited: dict[str, LegalTime] = {}
    evaluated: dict[str, LegalTime] = {}
    handled: dict[str, str] = {}
    for fact in steps(case):
        name = fact.name
        if name in REPLIES:
            if first is None:
                first = fact
        elif name == "EvaluationInvited":
            invited[fact.kind or ""] = fact.effective_at
            if case.matter.lead is not None and case.assignment.org is None and fact.org is not None:
                handled[fact.kind or ""] = fact.org
        elif name == "EvaluationSubmitted":
            evaluated[fact.kind or ""] = fact.effective_at
    if not invited and not evaluated:
        return CaseFacts(first, ())
    grades = dict(case.evaluation.grades)
    evaluations = (
        Evaluation(
            about, invited.get(about), evaluated.get(about), grades.get(about), handled.get(about), case.word(about)
        )
        for about in sorted({*invited, *evaluated})
    )
    return CaseFacts(first, tuple(evaluations))


def as_stated(deadline: Deadline) -> Deadline:
    """The deadline by the dates as they were stated, whether anybody confirmed them or not: the rule of metric version 2."""
    end = deadline.end
    earlier = [fact for fact in deadline.unconfirmed if end is not None and fact.name == end.name]
    if end is not None and earlier:
        end = min([end, *earlier], key=lambda fact: instant_of(fact.effective_at, deadline.zone))
    return deadline._replace(end=end, unconfirmed=())


def days_before_due(case: Case, deadlines: Sequence[Deadline]) -> int | None:
    """Days from the last request to withdraw to the next due day of a duty that was running then; negative if it was missed.
    None: the case is not withdrawn, the request is not known, or no duty was running."""
    asked = case.fact("WithdrawalRequested")
    if case.state != "withdrawn" or asked is None:
        return None
    due = [
        (one.due_day - day_of(asked.effective_at, one.zone)).days
        for one in deadlines
        if not one.rule.window and _ran_at(one, asked)
    ]
    return min(due, default=None)


def _ran_at(deadline: Deadline, asked: Fact) -> bool:
    ended = deadline.end or deadline.stopped
    return deadline.start.version < asked.version and (ended is None or ended.version > asked.version)


class Guidance(NamedTuple):
    """The first guidance of a petitioner to another organ (Art. 31)."""

    at: LegalTime
    org: str | None
    """Who guided: the responsible organisation, or the petition office."""
    came_back: bool


_BACK = frozenset({"NotCompetentDeclared", "CaseReopened", "RedoOrdered"})


def guidance(case: Case) -> Guidance | None:
    """The first guidance, and whether the case came back after it; None if there was none."""
    first = next((fact for fact in case.facts if fact.name == "StatutoryPathGuided"), None)
    if first is None:
        return None
    back = any(fact.version > first.version and fact.name in _BACK for fact in case.facts)
    return Guidance(first.effective_at, first.org or responsible(case), back)


def responsible(case: Case) -> str | None:
    """The accountable organisation: the present one, otherwise the last, otherwise the one that received the filing directly."""
    return (
        case.assignment.org
        or (case.assignment.past_orgs[-1] if case.assignment.past_orgs else None)
        or case.filing.received_by
    )


def closed_at(case: Case) -> LegalTime | None:
    """The time of closing; None while the case is open. A review opens it again."""
    return case.closure.closed_at if case.state in FINAL_STATES else None


def known_open(case: Case, zone: str) -> LegalTime | None:
    """The last day on which a source of history showed the case as open; None if it never did."""
    shown = [fact.effective_at for fact in case.facts if fact.name == "SourceStatedOpen"]
    return max(shown, key=lambda when: instant_of(when, zone), default=None)


def duty_of(rule: ClockRule) -> Duty:
    """The duty of a clock, derived from the facts that end it; this works for the clocks of any policy."""
    for event, duty in _DUTIES.items():
        if event in rule.end_events:
            return duty
    return "other"


def outcome(deadline: Deadline) -> Outcome:
    """The status of the deadline, independent of the time. `open`: neither met nor stopped; a miss once due has passed."""
    if deadline.end is not None:
        return "met" if deadline.in_time else "late"
    if deadline.cancelled:
        return "cancelled"
    if deadline.unknown:
        return "unknown"
    return "late" if deadline.stopped is not None and not deadline.rule.window else "open"
