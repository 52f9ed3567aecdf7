"""The escalation ladder: the reminders and breaches that are to be recorded, and the time of the next check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shared.case import FINAL_STATES, Case, Rung
from shared.case.opinions import has_opinion
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.deadlines.unread import reminders
from shared.kernel.legal_time import instant_of
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import BREACH

RungKind = Literal["remind", "at_risk", "breach", "urge", "lift", "lapse", "unread"]

REMINDERS = ("remind", "at_risk")
"""Rungs before the due instant; a breach replaces them."""
LAPSE = "lapse"
"""The rung at which a period for requesting a review has ended without a request."""
URGED = ("urged", "supervised")
"""Supervision states in which there is no automatic urging any more."""
_MOMENT = timedelta(microseconds=1)


class DueRung(NamedTuple):
    """A rung that is to be recorded now. `passed`: a higher rung of the same clock is sent instead."""

    clock: str
    episode: int
    rung: str
    kind: RungKind
    at: datetime
    """When it took effect: a breach at the due instant, a lift when the fact became known."""
    passed: bool
    org: str | None
    fact: int | None
    """For a lift: version of the fact that disproves the breach. For an unread document: version of the event of its service."""
    times: int = 0
    """How often rungs of the case were voided before."""

    @property
    def name(self) -> tuple[str, ...]:
        """Clock, episode and rung, which occur once in a case; again after it was voided."""
        again = (f"again{self.times}",) if self.times else ()
        return self.clock, str(self.episode), self.kind if self.kind == "lift" else self.rung, *again


def _silent(case: Case) -> bool:
    """True for a case without rungs: it is closed, or imported history that is not continued. Which clocks of a linked case
    continue is data: a policy cancels the others with `CaseLinked`."""
    return not case.exists or case.state in FINAL_STATES or not case.live


class _Open(NamedTuple):
    """A rung that has not been recorded and is still possible."""

    at: datetime
    rung: str
    kind: RungKind


def _open_rungs(case: Case, deadline: Deadline) -> Iterator[_Open]:
    """The open rungs in order of time. The duty can be met until the due instant, so a breach is recorded a moment later."""
    rule, clock, episode, live_from = deadline.rule, deadline.clock, deadline.episode, case.live_from
    running = deadline.end is None and deadline.stopped is None
    if rule.window or deadline.unknown or not (running or deadline.missed):
        return
    breach: _Open | None = _Open(deadline.due + _MOMENT, BREACH, "breach")
    if Rung(clock, episode, BREACH) in case.rungs or (live_from is not None and deadline.due < live_from):
        breach = None
    if running and rule.ladder:
        start = instant_of(deadline.start.effective_at, deadline.zone)
        span = deadline.due - start
        for rung in rule.ladder:
            if rung.kind == "urge":
                if breach is not None:
                    yield breach
                    breach = None
                if case.supervision.stage in URGED or deadline.org is None or deadline.org != case.assignment.org:
                    continue
            at = start + span * rung.at_percent / 100
            if Rung(clock, episode, rung.id) not in case.rungs and (live_from is None or at >= live_from):
                yield _Open(at, rung.id, rung.kind)
    if breach is not None:
        yield breach


def _lift(case: Case, deadline: Deadline) -> DueRung | None:
    """The lift of a recorded breach that later facts disprove, if there is one."""
    clock, episode = deadline.clock, deadline.episode
    if (clock, episode) in case.lifted or Rung(clock, episode, BREACH) not in case.rungs:
        return None
    shown = deadline.end if deadline.in_time else deadline.stopped if deadline.cancelled else None
    if shown is None:
        return None
    return DueRung(
        clock, episode, BREACH, "lift", shown.recorded_at, False, deadline.org, shown.version, case.voided_rungs
    )


def _lapse(case: Case, deadline: Deadline) -> DueRung | None:
    """The end of a period for requesting a review (逾期未申请), if it is not recorded yet. It happens in closed cases, too."""
    if not deadline.rule.window or deadline.rule.responsible != "citizen" or deadline.open_ended:
        return None
    if deadline.end is not None or deadline.stopped is not None or not case.live or case.state == "withdrawn":
        return None
    if Rung(deadline.clock, deadline.episode, LAPSE) in case.rungs:
        return None
    if "ReviewRequested" in deadline.rule.end_events and not has_opinion(case):
        return None  # there was nothing to ask a review of
    if case.live_from is not None and deadline.due < case.live_from:
        return None
    return DueRung(deadline.clock, deadline.episode, LAPSE, "lapse", deadline.due, False, None, None, case.voided_rungs)


def rungs_due(case: Case, book: PolicyBook, now: datetime) -> list[DueRung]:
    """The rungs to be recorded at `now`, in order of time.

    Organisations are reminded and urged only in office hours; a breach is recorded at any time. After downtime only the
    highest rung of a clock is sent, and the lower ones are recorded as passed. A breach that facts disprove is lifted, also
    in a closed case.
    """
    if case.state == "voided" or not case.exists:
        return []
    found: list[DueRung] = []
    silent = _silent(case)
    for deadline in deadlines(case, book):
        if case.rungs and (lift := _lift(case, deadline)) is not None:
            found.append(lift)
        if (lapse := _lapse(case, deadline)) is not None and lapse.at < now:
            found.append(lapse)
        if silent:
            continue
        due = [rung for rung in _open_rungs(case, deadline) if rung.at <= now]
        beaten = any(rung.kind == "breach" for rung in due) or (
            Rung(deadline.clock, deadline.episode, BREACH) in case.rungs
        )
        if due and not book.office.is_open(now):  # rungs that are only recorded need no office hours
            due = [rung for rung in due if rung.kind == "breach" or (beaten and rung.kind in REMINDERS)]
        for at, name, kind in due:
            passed = kind in REMINDERS and (beaten or name != due[-1].rung)
            instant = deadline.due if kind == "breach" else at
            rung = (deadline.clock, deadline.episode, name, kind, instant, passed, deadline.org)
            found.append(DueRung(*rung, None, case.voided_rungs))
    if not silent and case.service.unread and book.office.is_open(now):
        for at, one in reminders(case, book):
            if at <= now:
                found.append(
                    DueRung(
                        "unread", one.version, one.document, "unread", at, False, None, one.version, case.voided_rungs
                    )
                )
    return sorted(found, key=lambda rung: rung.at)


def _look(rung: _Open, deadline: Deadline, book: PolicyBook) -> datetime:
    if rung.kind == "breach":
        return rung.at
    opening = book.office.opening(rung.at)
    return min(opening, deadline.due + _MOMENT) if rung.kind in REMINDERS else opening


def next_look(case: Case, book: PolicyBook) -> datetime | None:
    """The next instant at which rungs_due() returns something; in the past if it already does. None: never.

    Rungs that are sent only in office hours are checked at the next opening, or at the due instant if that is earlier. An
    instant in the past may be in office hours that were missed; rungs_due() then returns the rung at the next opening.
    """
    if case.state == "voided" or not case.exists:
        return None
    silent = _silent(case)
    looks: list[datetime] = []
    for deadline in deadlines(case, book):
        if case.rungs and (lift := _lift(case, deadline)) is not None:
            looks.append(lift.at)
        if (lapse := _lapse(case, deadline)) is not None:
            looks.append(lapse.at + _MOMENT)
        if not silent:
            first = next(_open_rungs(case, deadline), None)
            if first is not None:
                looks.append(_look(first, deadline, book))
    if not silent and case.service.unread:
        looks += [book.office.opening(at) for at, _one in reminders(case, book)]
    return min(looks, default=None)


def waits_until(case: Case, book: PolicyBook, now: datetime) -> datetime | None:
    """While the office is closed and rungs_due() returns nothing: the next opening, or a due instant before it, since a
    breach is recorded at night, too. None: the office is open."""
    opening = book.office.opening(now)
    if opening <= now:
        return None
    dues = (one.due + _MOMENT for one in deadlines(case, book))
    return min((due for due in dues if now < due < opening), default=opening)


def first_risk(running: Sequence[Deadline]) -> datetime | None:
    """The first instant at which one of these clocks is at risk: that of its first rung."""
    return min(
        (clock.rung_at(min(rung.at_percent for rung in clock.rule.rungs)) for clock in running if clock.rule.rungs),
        default=None,
    )
