"""The ladder: which reminders and breaches are to be recorded, and when to look again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shared.case import FINAL_STATES, Case, Rung
from shared.deadlines.deadline import Deadline
from shared.deadlines.derive import deadlines
from shared.policy.book import PolicyBook
from shared.policy.clocks import BREACH
from shared.times import instant_of

RungKind = Literal["remind", "at_risk", "breach", "lift"]

_MOMENT = timedelta(microseconds=1)


class DueRung(NamedTuple):
    """A step of the ladder that is to be recorded now. `passed`: a higher one of the same clock is sent instead."""

    clock: str
    episode: int
    rung: str
    kind: RungKind
    at: datetime
    """When it took effect: of a breach the due instant, of a lift when the fact became known."""
    passed: bool
    org: str | None
    fact: int | None
    """For a lift: version of the fact that shows it."""


def _silent(case: Case) -> bool:
    """No rung of such a case ever fires: it is over, or it is history that nobody works on. Which clocks of a follower
    go on is data: a policy cancels the others with `CaseLinked`."""
    return not case.exists or case.state in FINAL_STATES or not case.live


def _open_rungs(case: Case, deadline: Deadline) -> Iterator[tuple[datetime, str, RungKind]]:
    """(instant, rung, kind) that have not happened yet and still would, in order of time. Until the due instant the
    duty can be met, so a breach is seen a moment after it."""
    rule, clock, episode, live_from = deadline.rule, deadline.clock, deadline.episode, case.live_from
    running = deadline.end is None and deadline.stopped is None
    if rule.window or deadline.unknown or not (running or deadline.missed):
        return
    if running and rule.ladder:
        start = instant_of(deadline.start.effective_at, deadline.zone)
        span = deadline.due - start
        for rung in rule.ladder:
            at = start + span * rung.at_percent / 100
            if Rung(clock, episode, rung.id) not in case.rungs and (live_from is None or at >= live_from):
                yield at, rung.id, rung.kind
    if Rung(clock, episode, BREACH) not in case.rungs and (live_from is None or deadline.due >= live_from):
        yield deadline.due + _MOMENT, BREACH, "breach"


def _lift(case: Case, deadline: Deadline) -> DueRung | None:
    """The breach was recorded, and facts that came later show that there was none."""
    clock, episode = deadline.clock, deadline.episode
    if (clock, episode) in case.lifted or Rung(clock, episode, BREACH) not in case.rungs:
        return None
    shown = deadline.end if deadline.in_time else deadline.stopped if deadline.cancelled else None
    if shown is None:
        return None
    return DueRung(clock, episode, BREACH, "lift", shown.recorded_at, False, deadline.org, shown.version)


def rungs_due(case: Case, book: PolicyBook, now: datetime, known: tuple[Deadline, ...] | None = None) -> list[DueRung]:
    """What the ladder asks to be recorded at `now`, in order of time. `known`: deadlines() of the same case and book.

    After downtime only the highest rung of a clock is sent; the lower ones are recorded as passed. A breach that
    facts disprove is lifted, also when the case is over.
    """
    if case.state == "voided" or not case.exists:
        return []
    found: list[DueRung] = []
    silent = _silent(case)
    for deadline in deadlines(case, book) if known is None else known:
        if case.rungs and (lift := _lift(case, deadline)) is not None:
            found.append(lift)
        if silent:
            continue
        due = [rung for rung in _open_rungs(case, deadline) if rung[0] <= now]
        beaten = Rung(deadline.clock, deadline.episode, BREACH) in case.rungs
        for at, name, kind in due:
            passed = beaten or name != due[-1][1]
            instant = deadline.due if kind == "breach" else at
            found.append(DueRung(deadline.clock, deadline.episode, name, kind, instant, passed, deadline.org, None))
    return sorted(found, key=lambda rung: rung.at)


def next_look(case: Case, book: PolicyBook, known: tuple[Deadline, ...] | None = None) -> datetime | None:
    """The next instant at which rungs_due() would give something; in the past when it already does. None: never.

    `known`: deadlines() of the same case and book, where the caller has them."""
    if case.state == "voided" or not case.exists:
        return None
    silent = _silent(case)
    if silent and not case.rungs:
        return None
    looks: list[datetime] = []
    for deadline in deadlines(case, book) if known is None else known:
        if case.rungs and (lift := _lift(case, deadline)) is not None:
            looks.append(lift.at)
        if not silent:
            first = next(_open_rungs(case, deadline), None)
            if first is not None:
                looks.append(first[0])
    return min(looks, default=None)
