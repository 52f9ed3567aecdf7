"""The derivation of due dates from start facts, clock rules and the calendar."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from shared.case import Case, Fact, steps
from shared.deadlines.deadline import Deadline
from shared.deadlines.episodes import Episode, episodes_of
from shared.deadlines.late_records import Bearer, Outcome, outcome_of
from shared.kernel.legal_time import before, day_of, instant_of
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import ClockRule, Clocks
from shared.policy.working_calendar import Calendar, Period, due_instant

_MOST_EXCLUDED = 3660
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_REVIEWS = frozenset({"ReviewRequested", "ReReviewRequested"})
_KEPT = 512
_cache: OrderedDict[int, tuple[Case, PolicyBook, tuple[Deadline, ...]]] = OrderedDict()
"""id(case) -> case, book, deadlines. Read models, facts and notifications need those of the same case in succession; cases and
books are immutable."""


def deadlines(case: Case, book: PolicyBook) -> tuple[Deadline, ...]:
    """All episodes of all clocks that apply to the case, in the order of the rules.

    A clock keeps the rule that was in force when it began. The first known law also covers earlier starts of a case that was
    filed live: a letter found in a drawer has its clocks (Art. 22, 44). There is no deadline for a start of imported history
    before the first known law, for a subject without a period, and for a voided case.
    """
    known = _cache.get(id(case))
    if known is not None and known[0] is case and known[1] is book:
        return known[2]
    found = _derived(case, book)
    _cache[id(case)] = (case, book, found)
    if len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return found


def _derived(case: Case, book: PolicyBook) -> tuple[Deadline, ...]:
    if case.state == "voided":
        return ()
    editions = book.clock_editions
    if editions and case.origin != "history":
        editions = ((_ALWAYS, *editions[0][1:]), *editions[1:])
    if len(editions) == 1:
        start, _, clocks = editions[0]
        return tuple(_of_edition(case, book, clocks, start, None))
    merged = [found for since, until, clocks in editions for found in _of_edition(case, book, clocks, since, until)]
    return tuple(_renumbered(merged))


def _renumbered(found: list[Deadline]) -> Iterator[Deadline]:
    """The deadlines with the episodes of each clock numbered over all editions of the law."""
    clocks = dict.fromkeys(deadline.clock for deadline in found)
    for clock in clocks:
        own = sorted((one for one in found if one.clock == clock), key=lambda one: one.start.version)
        for number, deadline in enumerate(own, 1):
            yield deadline._replace(episode=number)


def _of_edition(
    case: Case, book: PolicyBook, clocks: Clocks, since: datetime, until: datetime | None
) -> Iterator[Deadline]:
    zone = book.zone
    for index, episodes in sorted(episodes_of(case, clocks, zone).items()):
        rule = clocks.every[index]
        if not _applies(rule, case):
            continue
        number, organ = 0, rule.applies.discipline_organ
        for episode in episodes:
            start = instant_of(episode.start.effective_at, zone)
            if start < since or (until is not None and start >= until):
                continue
            if organ is not None and organ != book.takes_accusations(_organ(rule, episode.start, case)):
                continue
            deadline = _deadline(case, book, rule, episode, number + 1, zone)
            if deadline is not None:
                number += 1
                yield deadline


def _applies(rule: ClockRule, case: Case) -> bool:
    for _name, value_of, allowed in rule.conditions:
        if value_of(case) not in allowed:
            return False
    direct = rule.applies.direct
    return direct is None or direct == (case.filing.received_by is not None)


def _organ(rule: ClockRule, start: Fact, case: Case) -> str | None:
    return case.filing.received_by if rule.applies.direct else start.org or case.assignment.org


def _deadline(
    case: Case, book: PolicyBook, rule: ClockRule, episode: Episode, number: int, zone: str
) -> Deadline | None:
    start = episode.start
    by_subject, days, unit, ends, roll = rule.reckoning
    period: Period | None = None
    extended = excluded = 0
    bearer = Bearer(_bearer(rule, start, case, book), book, zone)
    unconfirmed: list[Fact] = []
    if by_subject:
        days = _days(by_subject, case, start, book, days)
    if start.due is not None and rule.period.assigned:
        due, due_day = instant_of(start.due, zone), day_of(start.due, zone)
    elif days is None:
        return None
    else:
        first = day_of(start.effective_at, zone)
        period = book.calendar.period(first, days, unit, roll)
        known: tuple[Fact, ...] = ()
        for fact in episode.excluded:
            due = due_instant(period.day, start.effective_at, ends, zone)
            if (fact.dated or fact.recorded_at) > due and not bearer.trusts(fact):
                unconfirmed.append(fact)
                continue
            known, excluded = (*known, fact), 0
            period = book.calendar.period(first, days, unit, roll)
            for day in _days_excluded(known, first, zone):
                if day <= period.day and (unit == "calendar" or book.calendar.is_working(day)):
                    excluded += 1
                    period = book.calendar.period(first, days + excluded, unit, roll)
        if episode.extensions:
            period, extended = _extended(
                book.calendar, rule, episode, first, days + excluded, period, bearer, unconfirmed
            )
        due_day = period.day
        due = due_instant(due_day, start.effective_at, ends, zone)
    outcome = Outcome(episode.end, episode.stopped) if rule.window else outcome_of(episode, due, bearer)
    return Deadline(
        rule.id,
        number,
        start,
        due,
        due_day,
        outcome.end,
        outcome.stopped,
        bearer.org,
        extended,
        excluded,
        period is not None and period.provisional,
        case.origin == "history" and outcome.end is None and (case.live_from is None or _ended_undated(case, rule)),
        rule,
        period,
        zone,
        (*unconfirmed, *outcome.unconfirmed),
    )


def _ended_undated(case: Case, rule: ClockRule) -> bool:
    """True if the source stated an end of the clock without its date: nobody knows whether it was in time."""
    return any(fact.name == "UndatedStepRecorded" and fact.kind in rule.end_events for fact in case.facts)


def _bearer(rule: ClockRule, start: Fact, case: Case, book: PolicyBook) -> str | None:
    responsible = rule.responsible
    if responsible == "organisation":
        direct = (
            case.filing.received_by if rule.applies.direct else None
        )  # Art. 23 ¶1: the receiving organisation, even after a transfer
        return direct or start.org or case.assignment.org or case.filing.received_by
    if responsible == "petition_office":
        return book.petition_office_at(start.effective_at)
    return _reviewer(start, case, book) if responsible == "review_body" else None


def _reviewer(start: Fact, case: Case, book: PolicyBook) -> str | None:
    """The body that was named for this request. Until one is named, the petition office is responsible for naming it."""
    named: str | None = None
    for fact in steps(case):
        if fact.version <= start.version:
            continue
        if fact.name in _REVIEWS:  # the next request has its own body
            break
        if fact.name == "ReviewBodyNamed":
            named = fact.kind
    return named or (
        book.review_body_at(start.effective_at)
        if case.origin == "history"
        else book.petition_office_at(start.effective_at)
    )


def _days_excluded(facts: tuple[Fact, ...], first: date, zone: str) -> list[date]:
    """The days after `first` that these facts cover, each once, in order."""
    days: set[date] = set()
    for fact in facts:
        day, last = day_of(fact.since or fact.effective_at, zone), day_of(fact.due or fact.effective_at, zone)
        day = max(day, first + timedelta(days=1))
        while day <= last and len(days) < _MOST_EXCLUDED:
            days.add(day)
            day += timedelta(days=1)
    return sorted(days)


def _days(table: Mapping[str, int], case: Case, start: Fact, book: PolicyBook, otherwise: int | None) -> int | None:
    """The days of the case's subject or its nearest ancestor, by the list in force when the clock began."""
    if case.filing.subject is None:
        return otherwise
    line = book.subject_line_at(case.filing.subject, start.effective_at)
    return next((table[subject] for subject in line if subject in table), otherwise)


def _extended(
    calendar: Calendar,
    rule: ClockRule,
    episode: Episode,
    first: date,
    days: int,
    period: Period,
    bearer: Bearer,
    unconfirmed: list[Fact],
) -> tuple[Period, int]:
    """The period with all granted days, up to the cap. An extension that was granted after the end is void; one that was recorded
    after it joins `unconfirmed` until its date is confirmed."""
    setting, extension = rule.period, rule.extension
    extended = 0
    for fact in episode.extensions:
        due = due_instant(period.day, episode.start.effective_at, setting.ends, bearer.zone)
        if extension is None or before(due, fact.effective_at, bearer.zone):
            continue
        if not bearer.counts(fact, due):
            unconfirmed.append(fact)
            continue
        extended = min(extended + fact.days, extension.cap_days)
        period = calendar.period(first, days + extended, setting.unit, setting.roll)
    return period, extended
