"""Period arithmetic: from a start day and a number of days to the last day of a period.

The Regulation does not define it, so Civil Code Art. 201 to 203 applies: the day of the start is not counted; a period
whose last day is a day off ends on the next working day; it ends at 24:00 of that day. That weekends count as days off for
the last day is our interpretation, so each clock can switch it off (`roll`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from shared.kernel.legal_time import LegalTime, day_of, end_of_day, zone
from shared.policy.documents import CalendarDocument

Unit = Literal["calendar", "working"]
Roll = Literal["next_working_day", "none"]
Ends = Literal["end_of_day", "same_wall_time"]
Reason = Literal["holiday", "weekend", "statutory"]

_MEMO_LIMIT = 65_536
_MAX_DAYS = 36_500


class Skipped(NamedTuple):
    """A day that was not counted, or on which the period could not end."""

    day: date
    reason: Reason
    rolled: bool
    """True: it was the last day, and the end moved to a later day. False: it was left out of a count of working days."""


class Period(NamedTuple):
    """The end of a period. `nominal` is the last day before rolling."""

    day: date
    nominal: date
    provisional: bool
    skipped: tuple[Skipped, ...]
    made_up: tuple[date, ...]
    """Weekend days that were counted because they are make-up workdays (调休)."""


class Calendar:
    """Working days of a jurisdiction: immutable, compared by identity."""

    def __init__(self, document: CalendarDocument) -> None:
        self.document = document
        self._holidays = {day.toordinal() for year in document.years.values() for day in year.holidays}
        self._workdays = {day.toordinal() for year in document.years.values() for day in year.workdays}
        self._weekend = frozenset(document.weekend)
        self._fixed = frozenset(document.fixed)
        self._statutory = frozenset(day for days in document.statutory.values() for day in days)
        until = document.published_until
        self._published = frozenset(year for year in document.years if until is None or year <= until)
        # If no year is published and none is expected, there are no make-up days and only weekends count.
        self._plain = not document.years and until is None
        self._memo: dict[tuple[date, int, Unit, Roll], Period] = {}

    def published(self, year: int) -> bool:
        """True if the calendar of that year is known. Otherwise the statutory holidays are used provisionally."""
        return self._plain or year in self._published

    def off(self, day: date) -> Reason | None:
        """Why the day is not a working day; None on a working day."""
        ordinal = day.toordinal()
        if self.published(day.year):
            if ordinal in self._workdays:
                return None
            if ordinal in self._holidays:
                return "holiday"
        if not self.published(day.year) and (day in self._statutory or day.isoformat()[5:] in self._fixed):
            return "statutory"
        return "weekend" if day.isoweekday() in self._weekend else None

    def is_working(self, day: date) -> bool:
        return self.off(day) is None

    def period(self, start: date, days: int, unit: Unit = "calendar", roll: Roll = "next_working_day") -> Period:
        """The period of `days` after `start`, which is not counted. A period of zero days ends on the start day.

        Raises ValueError for a negative number of days or more than a century.
        """
        key = (start, days, unit, roll)
        found = self._memo.get(key)
        if found is None:
            if not 0 <= days <= _MAX_DAYS:
                raise ValueError(f"a period has 0 to {_MAX_DAYS} days, not {days}")
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            found = self._memo[key] = self._working(start, days) if unit == "working" else self._calendar(*key)
        return found

    def _working(self, start: date, days: int) -> Period:
        skipped: list[Skipped] = []
        made_up: list[date] = []
        provisional = False
        ordinal = start.toordinal()
        left = days
        while left:
            ordinal += 1
            day = date.fromordinal(ordinal)
            provisional = provisional or not self.published(day.year)
            reason = self.off(day)
            if reason is not None:
                skipped.append(Skipped(day, reason, rolled=False))
                continue
            if day.isoweekday() in self._weekend:
                made_up.append(day)
            left -= 1
        last = date.fromordinal(ordinal)
        return Period(last, last, provisional, tuple(skipped), tuple(made_up))

    def _calendar(self, start: date, days: int, unit: Unit, roll: Roll) -> Period:
        nominal = last = date.fromordinal(start.toordinal() + days)
        if roll == "none":
            return Period(last, nominal, provisional=False, skipped=(), made_up=())
        skipped: list[Skipped] = []
        provisional = not self.published(last.year)
        while (reason := self.off(last)) is not None:
            skipped.append(Skipped(last, reason, rolled=True))
            last = date.fromordinal(last.toordinal() + 1)
            provisional = provisional or not self.published(last.year)
        made_up = (last,) if last.isoweekday() in self._weekend else ()
        return Period(last, nominal, provisional, tuple(skipped), made_up)


PLAIN = Calendar(CalendarDocument())
"""No holidays, weekends on Saturday and Sunday."""


def due_instant(last: date, start: LegalTime, ends: Ends, zone_name: str) -> datetime:
    """The instant (UTC) at which a period that ends on `last` ends.

    `same_wall_time`: at the local time of day of the start. If that time occurs twice or not at all (a change of summer
    time), the later instant, so that no deadline passes too early.
    """
    if ends == "end_of_day" or not isinstance(start, datetime):
        return end_of_day(last, zone_name)
    here = zone(zone_name)
    wall = datetime.combine(last, start.astimezone(here).time().replace(fold=0))
    return max(wall.replace(tzinfo=here, fold=fold).astimezone(UTC) for fold in (0, 1))


def start_day(start: LegalTime, zone_name: str) -> date:
    """The day of the start, which is not counted."""
    return day_of(start, zone_name)
