"""Periods of calendar days: `all`, `2025`, `2025-Q1`, `2025-03`, `2025-03-01..2025-03-31`, `2025-03-15`.

Facts keep days in the zone of their jurisdiction, so a period needs no zone: 2025-03 begins at midnight there.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, NamedTuple

from shared.refusals import Invalid

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
    """Both days belong to it; `all` has no bounds that matter."""

    kind: Kind
    label: str
    first: date
    last: date

    def compared(self, with_: Compare) -> Period:
        """The month before, or the same days a year before. Raises Invalid where that is no fair comparison."""
        if self.kind not in _SENSIBLE[with_]:
            kinds = ", ".join(sorted(_SENSIBLE[with_]))
            raise Invalid(
                "wrong_compare",
                f"A comparison with the {with_} before needs a period of this kind: {kinds}.",
                why_zh="该期间不能作此比较。",
                field="compare",
            )
        try:
            if with_ == "month":
                return _month(*_before(self.first.year, self.first.month))
            return self._year_before()
        except ValueError as error:
            raise _wrong() from error

    def _year_before(self) -> Period:
        year = self.first.year - 1
        if self.kind == "year":
            return _year(year)
        if self.kind == "quarter":
            return _quarter(year, (self.first.month + 2) // 3)
        if self.kind == "month":
            return _month(year, self.first.month)
        return _days(_shifted(self.first), _shifted(self.last))


def parse(text: str) -> Period:
    """The period that `text` names. Raises Invalid `wrong_period` with what is allowed."""
    try:
        if text == "all":
            return Period("all", "all", date.min, date.max)
        if found := _YEAR.fullmatch(text):
            return _year(int(found[1]))
        if found := _QUARTER.fullmatch(text):
            return _quarter(int(found[1]), int(found[2]))
        if found := _MONTH.fullmatch(text):
            return _month(int(found[1]), int(found[2]))
        if found := _DAYS.fullmatch(text):
            first = date.fromisoformat(found[1])
            last = date.fromisoformat(found[2]) if found[2] else first
            if first <= last:
                return _days(first, last)
    except ValueError as error:
        raise _wrong() from error
    raise _wrong()


def _wrong() -> Invalid:
    return Invalid(
        "wrong_period",
        f"This is no period. Allowed: {ALLOWED}.",
        why_zh=f"期间写法不对，可用：{ALLOWED}。",
        field="period",
        allowed=[ALLOWED],
    )


def _year(year: int) -> Period:
    return Period("year", f"{year:04}", date(year, 1, 1), date(year, 12, 31))


def _quarter(year: int, quarter: int) -> Period:
    last = quarter * 3
    return Period(
        "quarter", f"{year:04}-Q{quarter}", date(year, last - 2, 1), date(year, last, monthrange(year, last)[1])
    )


def _month(year: int, month: int) -> Period:
    first = date(year, month, 1)
    return Period("month", f"{year:04}-{month:02}", first, date(year, month, monthrange(year, month)[1]))


def _days(first: date, last: date) -> Period:
    label = first.isoformat() if first == last else f"{first.isoformat()}..{last.isoformat()}"
    return Period("days", label, first, last)


def _before(year: int, month: int) -> tuple[int, int]:
    return (year, month - 1) if month > 1 else (year - 1, 12)


def _shifted(day: date) -> date:
    """The same day a year before; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day - timedelta(days=366)
