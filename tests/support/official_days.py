"""The working days of the State Council's notices, from an independent package."""

from __future__ import annotations

from datetime import date

import chinese_calendar

LEFT_OUT = date(2005, 12, 31)
"""A Saturday that the notice on the holidays of 2006 makes a working day. The package begins its notices with 2006."""


def works(day: date) -> bool:
    """True on a working day. Raises NotImplementedError for a year of which the package has no notice."""
    return day == LEFT_OUT or bool(chinese_calendar.is_workday(day))
