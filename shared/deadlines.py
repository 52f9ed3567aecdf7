"""Deadlines of a case, derived: start fact + clock rule + calendar -> due date. Never stored, never edited.

Pure functions of a case, a book and, where it matters, an instant. One pass over the facts finds the episodes of all
clocks; the arithmetic is cached in the calendar.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from shared.case import FINAL_STATES, Case, Fact, Rung
from shared.policy.book import PolicyBook
from shared.policy.calendar import Calendar, Period, Skipped, due_instant
from shared.policy.clocks import BREACH, CANCEL, END, EXCLUDE, EXTEND, START, ClockRule, Clocks, Text
from shared.policy.explain import Reckoning, Step, sentences
from shared.times import before, day_of, instant_of

Status = Literal["met", "late", "running", "overdue", "cancelled", "unknown", "window_open", "window_lapsed"]
RungKind = Literal["remind", "at_risk", "breach", "lift"]

_DISPATCHES = frozenset({"CaseTransferred", "CaseAssigned", "CaseRoutedToSealedChannel", "JurisdictionRuled"})
"""Facts whose organisation is from then on the responsible one."""

_MOMENT = timedelta(microseconds=1)


class Deadline(NamedTuple):
    """One episode of one clock. `due` is an instant in UTC, `due_day` the day in the zone of the jurisdiction."""

    clock: str
    episode: int
    """From 1; a new start fact begins the next."""
    start: Fact
    due: datetime
    due_day: date
    end: Fact | None
    """What met the duty, or used the window."""
    stopped: Fact | None
    """What ended the episode without judgement: withdrawn, returned, a new start."""
    org: str | None
    """Who bears the duty; None: the citizen, or not known."""
    extended_days: int
    excluded_days: int
    provisional: bool
    unknown: bool
    """History that was not taken over: without an end fact nobody knows."""
    rule: ClockRule
    period: Period | None
    """None where the assigner set the date."""
    zone: str

    @property
    def in_time(self) -> bool:
        """The duty was met, and not after the due instant."""
        return self.end is not None and not before(self.due, self.end.effective_at, self.zone)

    @property
    def cancelled(self) -> bool:
        """Ended without judgement before it was due."""
        stopped = self.stopped
        return self.end is None and stopped is not None and not before(self.due, stopped.effective_at, self.zone)

    @property
    def running(self) -> bool:
        """Neither met nor stopped: time still matters."""
        return self.end is None and self.stopped is None and not self.unknown

    @property
    def missed(self) -> bool:
        """Met or stopped, but only after the due instant."""
        if self.end is not None:
            return not self.in_time
        return self.stopped is not None and not self.unknown and not self.cancelled

    def status(self, now: datetime) -> Status:
        """How the clock stands at `now`. A window that was used is `met` (in time) or `late`."""
        if self.end is not None:
            return "met" if self.in_time else "late"
        if self.cancelled:
            return "cancelled"
        if self.unknown:
            return "unknown"
        if self.rule.window:
            return "window_open" if self.stopped is None and now <= self.due else "window_lapsed"
        if self.stopped is not None:
            return "late"
        return "running" if now <= self.due else "overdue"

    @property
    def steps(self) -> tuple[Step, ...]:
        """How the due date came about, one sentence after the other; worked out when asked."""
        return sentences(
            self.rule,
            self.period,
            Reckoning(
                self.start.name,
                day_of(self.start.effective_at, self.zone),
                self.due_day,
                self.extended_days,
                self.excluded_days,
            ),
        )

    def rung_at(self, percent: int) -> datetime:
        """The instant at `percent` of the time between start and due."""
        start = instant_of(self.start.effective_at, self.zone)
        return start + (self.due - start) * percent / 100


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


class Explanation(NamedTuple):
    """Why a clock is due when it is. `article` is the law, `start` the fact it began with."""

    clock: str
    episode: int
    title: Text
    article: str
    start: Fact
    due: datetime
    due_day: date
    extended_days: int
    provisional: bool
    reference: str
    """The policy that was used."""
    skipped: tuple[Skipped, ...]
    steps: tuple[Step, ...]


class _Episode:
    __slots__ = ("end", "excluded", "extensions", "start", "stopped")

    def __init__(self, start: Fact) -> None:
        self.start = start
        self.end: Fact | None = None
        self.stopped: Fact | None = None
        self.extensions: list[Fact] | None = None
        self.excluded = 0


def deadlines(case: Case, book: PolicyBook) -> tuple[Deadline, ...]:
    """All episodes of all clocks that apply to the case, in the order of the rules.

    A clock keeps the rule in force when it began. A start before any known law, or of a subject for which no period
    is set, gives no deadline. Of a voided case there are none.
    """
    if case.state == "voided":
        return ()
    editions = book.clock_editions
    if len(editions) == 1:
        start, _, clocks = editions[0]
        return tuple(_of_edition(case, book, clocks, start, None))
    merged = [found for since, until, clocks in editions for found in _of_edition(case, book, clocks, since, until)]
    return tuple(_renumbered(merged))


def explain(case: Case, book: PolicyBook, clock: str, episode: int | None = None) -> Explanation | None:
    """How the due date of a clock came about: of that episode, or of the last. None: no such clock runs or ran."""
    found = [
        deadline
        for deadline in deadlines(case, book)
        if deadline.clock == clock and episode in (None, deadline.episode)
    ]
    if not found:
        return None
    deadline = found[-1]
    return Explanation(
        deadline.clock,
        deadline.episode,
        deadline.rule.title,
        deadline.rule.article,
        deadline.start,
        deadline.due,
        deadline.due_day,
        deadline.extended_days,
        deadline.provisional,
        book.reference,
        deadline.period.skipped if deadline.period else (),
        deadline.steps,
    )


def _renumbered(found: list[Deadline]) -> Iterator[Deadline]:
    """Episodes of one clock, counted over all editions of the law."""
    clocks = dict.fromkeys(deadline.clock for deadline in found)
    for clock in clocks:
        own = sorted((one for one in found if one.clock == clock), key=lambda one: one.start.version)
        for number, deadline in enumerate(own, 1):
            yield deadline._replace(episode=number)


def _of_edition(
    case: Case, book: PolicyBook, clocks: Clocks, since: datetime, until: datetime | None
) -> Iterator[Deadline]:
    zone = book.zone
    for index, episodes in sorted(_episodes(case, clocks, zone).items()):
        rule = clocks.rules[index]
        if not _applies(rule, case):
            continue
        number = 0
        for episode in episodes:
            start = instant_of(episode.start.effective_at, zone)
            if start < since or (until is not None and start >= until):
                continue
            deadline = _deadline(case, book, rule, episode, number + 1, zone)
            if deadline is not None:
                number += 1
                yield deadline


def _applies(rule: ClockRule, case: Case) -> bool:
    for attribute, allowed in rule.conditions:
        if getattr(case, attribute) not in allowed:
            return False
    direct = rule.applies.direct
    return direct is None or direct == (case.received_by is not None)


def _episodes(case: Case, clocks: Clocks, zone: str) -> dict[int, list[_Episode]]:
    """Index of a rule -> its episodes. Facts come in version order; late paper finds the episode it belongs to."""
    actions = clocks.actions
    found: dict[int, list[_Episode]] = {}
    responsible: str | None = None
    for fact in case.facts:
        name = fact.name
        if name in _DISPATCHES:
            responsible = fact.org
        for index, role, kinds, must_be_responsible in actions.get(name, ()):
            if kinds and fact.kind not in kinds:
                continue
            episodes = found.get(index)
            if must_be_responsible and responsible is not None and fact.org != responsible:
                continue
            if role == START:
                _start(found, index, episodes, fact)
            elif episodes is not None:
                _happened(episodes, role, fact, zone)
    return found


def _start(found: dict[int, list[_Episode]], index: int, episodes: list[_Episode] | None, fact: Fact) -> None:
    if episodes is None:
        found[index] = [_Episode(fact)]
        return
    last = episodes[-1]
    if last.start is fact:  # two triggers of one rule name the same event
        return
    if last.end is None and last.stopped is None:
        last.stopped = fact
    episodes.append(_Episode(fact))


def _happened(episodes: list[_Episode], role: int, fact: Fact, zone: str) -> None:
    episode = episodes[-1]
    if len(episodes) > 1 and before(fact.effective_at, episode.start.effective_at, zone):
        episode = next(
            (old for old in reversed(episodes) if not before(fact.effective_at, old.start.effective_at, zone)), episode
        )
    if role == END:
        known = episode.end or episode.stopped
        if known is None or before(fact.effective_at, known.effective_at, zone):
            episode.end = fact
            episode.stopped = None
    elif episode.end is not None or episode.stopped is not None:
        return
    elif role == CANCEL:
        episode.stopped = fact
    elif role == EXTEND:
        episode.extensions = [*(episode.extensions or ()), fact]
    elif role == EXCLUDE:
        episode.excluded += fact.days or 1


def _deadline(
    case: Case, book: PolicyBook, rule: ClockRule, episode: _Episode, number: int, zone: str
) -> Deadline | None:
    start = episode.start
    setting = rule.period
    period: Period | None = None
    extended = 0
    if setting.assigned:
        if start.due is None:
            return None
        due, due_day = instant_of(start.due, zone), day_of(start.due, zone)
    else:
        days = _days(rule, case, book)
        if days is None:
            return None
        calendar = book.calendar
        first = day_of(start.effective_at, zone)
        days += episode.excluded
        period = calendar.period(first, days, setting.unit, setting.roll)
        if episode.extensions and rule.extension is not None:
            period, extended = _extended(calendar, rule, episode, first, days, period, zone)
        due_day = period.day
        due = due_instant(due_day, start.effective_at, setting.ends, zone)
    if rule.responsible == "organisation":
        org = start.org or case.org or case.received_by
    else:
        org = book.petition_office if rule.responsible == "petition_office" else None
    return Deadline(
        rule.id,
        number,
        start,
        due,
        due_day,
        episode.end,
        episode.stopped,
        org,
        extended,
        episode.excluded,
        period is not None and period.provisional,
        case.origin == "history" and case.live_from is None and episode.end is None,
        rule,
        period,
        zone,
    )


def _days(rule: ClockRule, case: Case, book: PolicyBook) -> int | None:
    table = rule.period.by_subject
    if table and case.subject is not None:
        days = table.get(case.subject)
        if days is not None:
            return days
        for subject in book.subject_lines.get(case.subject, ())[1:]:
            if subject in table:
                return table[subject]
    return rule.period.days


def _extended(
    calendar: Calendar, rule: ClockRule, episode: _Episode, first: date, days: int, period: Period, zone: str
) -> tuple[Period, int]:
    """The period with all that was granted, up to the cap. What was granted after the period had ended is void."""
    setting, extension = rule.period, rule.extension
    extended = 0
    for fact in episode.extensions or ():
        due = due_instant(period.day, episode.start.effective_at, setting.ends, zone)
        if extension is None or before(due, fact.effective_at, zone):
            continue
        extended = min(extended + fact.days, extension.cap_days)
        period = calendar.period(first, days + extended, setting.unit, setting.roll)
    return period, extended


def _silent(case: Case) -> bool:
    """No rung of such a case ever fires: it is over, it follows another, or it is history that nobody works on."""
    return not case.exists or case.state in FINAL_STATES or case.lead is not None or not case.live


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
