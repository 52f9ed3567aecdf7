"""Days for the table of transitions, reckoned without the product: working days come from the package `chinesecalendar`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.support.official_days import works

ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
When = datetime | date


def day(when: When) -> date:
    """The calendar day in China."""
    return when.astimezone(ZONE).date() if isinstance(when, datetime) else when


def earlier(first: When, second: When) -> bool:
    """True if certainly earlier: by instant, or by day if one of them is a date."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first < second
    return day(first) < day(second)


def working_days_after(start: When, number: int) -> date:
    """The n-th working day after the day of `start`, which is not counted (Civil Code Art. 201)."""
    found = day(start)
    while number:
        found += DAY
        number -= works(found)
    return found


def calendar_days_after(start: When, number: int) -> date:
    """The n-th day after the day of `start`; if that is no working day, the next one (Civil Code Art. 203)."""
    found = day(start) + number * DAY
    while not works(found):
        found += DAY
    return found
