"""Office hours, in which organisations may be reminded: working days of the calendar, hours of the policy."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from shared.kernel.legal_time import start_of_day, zone
from shared.policy.documents import OfficeHours
from shared.policy.working_calendar import Calendar

_SEARCH = 400
"""Days. A calendar without a working day for over a year is broken; office hours are then ignored."""


class Office:
    """Opening hours in the zone of a jurisdiction, on its working days including make-up workdays. Without hours the office
    is always open."""

    def __init__(self, hours: OfficeHours | None, calendar: Calendar, zone_name: str) -> None:
        self._hours = hours
        self._calendar = calendar
        self._zone = zone_name

    def is_open(self, at: datetime) -> bool:
        """True if `at` is on a working day, at or after opening and before closing."""
        return self.opening(at) == at

    def opening(self, at: datetime) -> datetime:
        """`at` itself while the office is open, else the next opening (UTC)."""
        if self._hours is None:
            return at
        day = at.astimezone(zone(self._zone)).date()
        for _ in range(_SEARCH):
            if self._calendar.is_working(day):
                opens, closes = self._span(day, self._hours)
                if at < closes:
                    return max(at, opens)
            day += timedelta(days=1)
        return at

    def _span(self, day: date, hours: OfficeHours) -> tuple[datetime, datetime]:
        here = zone(self._zone)
        opens = datetime.combine(day, time(hours.opens), here).astimezone(UTC)
        if hours.closes == 24:
            return opens, start_of_day(day + timedelta(days=1), self._zone)
        return opens, datetime.combine(day, time(hours.closes), here).astimezone(UTC)
