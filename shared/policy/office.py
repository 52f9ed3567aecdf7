"""Office hours: when an organisation may be reminded. Working days come from the calendar, hours from the policy."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from shared.policy.calendar import Calendar
from shared.policy.documents import OfficeHours
from shared.times import start_of_day, zone

_SEARCH = 400
"""Days. A calendar in which nobody works for over a year is broken; then hours do not hold anything back."""


class Office:
    """Opening hours in the zone of a jurisdiction, on its working days (make-up days too). Without hours it is always
    open: the policy says nothing about when somebody may be reminded."""

    def __init__(self, hours: OfficeHours | None, calendar: Calendar, zone_name: str) -> None:
        self._hours = hours
        self._calendar = calendar
        self._zone = zone_name

    def is_open(self, at: datetime) -> bool:
        """Is `at` on a working day, not before it opens and before it closes?"""
        return self.opening(at) == at

    def opening(self, at: datetime) -> datetime:
        """`at` itself while the office is open, else the next instant (UTC) at which it opens."""
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
        opens = datetime.combine(day, time(hours.opens), zone(self._zone)).astimezone(UTC)
        if hours.closes == 24:
            return opens, start_of_day(day + timedelta(days=1), self._zone)
        return opens, datetime.combine(day, time(hours.closes), zone(self._zone)).astimezone(UTC)
