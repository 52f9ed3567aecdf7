"""Periods of calendar days: `all`, `2025`, `2025-Q1`, `2025-03`, `2025-03-01..2025-03-31`, `2025-03-15`.

Facts contain days in the zone of their jurisdiction, so a period has no zone: 2025-03 begins at midnight there.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, NamedTuple

from shared.kernel.legal_time import given_day
from shared.kernel.refusals import Invalid

Kind = Literal["all", "year", "quarter", "month", "days"]
Compare = Literal["month", "year"]
ALLOWED = "all, 2025, 2025-Q1, 2025-03, 2025-03-15 or 2025-03-01..2025-03-31"

_YEAR = re.compile(r"(\d{4})", re.ASCII)
_QUARTER = re.compile(r"(\d{4})-Q([1-4])", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAYS = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?", re.ASCII)
_SENSIBLE: dict[Compare, frozenset[Kind]] = {
    "month": frozenset({"month"}),
    "year": frozenset({"month", "quarter", "year", "days"}),
}


class Period(NamedTuple):
    """A period that includes both days; for `all` they are the limits of the calendar."""

    kind: Kind
    label: str
    first: date
    last: date

    def compared(self, with_: Compare) -> Period:
        """The month before, or the same days a year before. Raises Invalid where the two are not comparable."""
        if self.kind not in _SENSIBLE[with_]:
            kinds = ", ".join(sorted(_SENSIBLE[with_]))
            raise Invalid(
                "wrong_compare",
                f"This period cannot be compared with the {with_} before. Use a period of this kind: {kinds}.",
                detail_zh="该期间不能作此比较，请改用其他期间。",
                field="compare",
            )
        if with_ == "month":
            year, month = self.first.year, self.first.month - 1
            return parse(f"{year:04}-{month:02}" if month else f"{year - 1:04}-12")
        if self.kind != "days":
            return parse(f"{self.first.year - 1:04}{self.label[4:]}")
        try:
            return _days(_year_before(self.first), _year_before(self.last))
        except (OverflowError, ValueError) as error:
            raise _wrong() from error


def parse(text: str) -> Period:
    """The period named by `text`. Raises Invalid `wrong_period` with the allowed forms."""
    try:
        if text == "all":
            return Period("all", "all", date.min, date.max)
        if found := _YEAR.fullmatch(text):
            return _months("year", text, int(found[1]), 1, 12)
        if found := _QUARTER.fullmatch(text):
            quarter = int(found[2])
            return _months("quarter", text, int(found[1]), quarter * 3 - 2, quarter * 3)
        if found := _MONTH.fullmatch(text):
            return _months("month", text, int(found[1]), int(found[2]), int(found[2]))
        if found := _DAYS.fullmatch(text):
            first = given_day(found[1])
            last = given_day(found[2]) if found[2] else first
            if first <= last:
                return _days(first, last)
    except ValueError as error:
        raise _wrong() from error
    raise _wrong()


def _wrong() -> Invalid:
    return Invalid(
        "wrong_period",
        f"This is not a valid period. Use one of: {ALLOWED}.",
        detail_zh=f"期间格式有误，可用：{ALLOWED}。",
        field="period",
        allowed=[ALLOWED],
    )


def _months(kind: Kind, label: str, year: int, first: int, last: int) -> Period:
    """The period from the month `first` to the month `last`. Raises ValueError for a month that does not exist."""
    return Period(kind, label, date(year, first, 1), date(year, last, monthrange(year, last)[1]))


def _days(first: date, last: date) -> Period:
    label = first.isoformat() if first == last else f"{first.isoformat()}..{last.isoformat()}"
    return Period("days", label, first, last)


def _year_before(day: date) -> date:
    """The same day of the year before; for 29 February the 28th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day - timedelta(days=366)
