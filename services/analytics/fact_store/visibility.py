"""Which cases count in figures, the same for every caller of a jurisdiction, and on how many cases an answer is based.

Accusations, suspected ones, and cases that name an organisation as respondent count in no figure (Art. 30): a caller who may not
see one of them would learn of it from the difference to its own list. They are given as one coarse number of a year instead.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from shared.case import Case
from shared.commands.authorization import Principal

_OPEN_TRACK = "NOT sealed AND accused IS NULL"
BANDS = (0, 10, 50, 100, 500, 1_000, 5_000, 10_000)
"""First number of each band of the coarse number. Few and wide (own choice), so that a single case seldom moves it."""


class Visibility(NamedTuple):
    """The cases of the open track, of one jurisdiction (None: of all)."""

    jurisdiction: str | None = None

    @property
    def condition(self) -> str:
        """SQL condition over cases, clocks or asked, with the parameters of values()."""
        return f"{_OPEN_TRACK} AND {self.within}"

    @property
    def within(self) -> str:
        """SQL condition of the jurisdiction alone, with the parameters of values()."""
        return "true" if self.jurisdiction is None else "jurisdiction = $jurisdiction"

    def values(self) -> dict[str, Any]:
        return {} if self.jurisdiction is None else {"jurisdiction": self.jurisdiction}

    def hides(self, case: Case) -> bool:
        """True if this case counts in no figure."""
        elsewhere = self.jurisdiction not in (None, case.jurisdiction)
        return elsewhere or case.accusation.sealed or bool(case.accusation.accused)


EVERYTHING = Visibility()


def visibility_of(caller: Principal) -> Visibility:
    """The visibility of this caller."""
    return Visibility(caller.jurisdiction)


def sealed_count(visibility: Visibility) -> str:
    """The statement, with the parameters $first, $last and values(), that counts what `condition` leaves out."""
    left_out = f"NOT ({_OPEN_TRACK}) AND NOT voided AND {visibility.within}"
    return f"SELECT count(*) FROM cases WHERE {left_out} AND filed_day BETWEEN $first AND $last"


def band(number: int) -> str:
    """The band of a number, as text.

    >>> band(0), band(9), band(10), band(12_345)
    ('0-9', '0-9', '10-49', '10000-')
    """
    place = max(place for place, first in enumerate(BANDS) if first <= number)
    return f"{BANDS[place]}-{BANDS[place + 1] - 1 if place + 1 < len(BANDS) else ''}"


class LogExtent(NamedTuple):
    """The basis of an answer: the numbers of cases and of events of the log."""

    cases: int
    events: int


OPEN_NOW = f'"case" NOT IN (SELECT "case" FROM cases WHERE NOT ({_OPEN_TRACK}))'
"""SQL condition: the case counts in figures now, whatever was known on an earlier day."""


def on_day(table: str) -> str:
    """The source of a query of past figures: the table as known at the end of the day that is the parameter `day`."""
    return f"{table}_on($day) AS {table}"


def extent_of(visibility: Visibility = EVERYTHING, day: date | None = None) -> tuple[str, dict[str, Any]]:
    """The statement, with its parameters, that selects the LogExtent of the visible cases, at the end of `day` if given."""
    total = "SELECT count(*), coalesce(sum(version), 0)::BIGINT FROM"
    if day is None:
        return f"{total} cases WHERE {visibility.condition}", visibility.values()
    where = f"{visibility.condition} AND {OPEN_NOW}"
    return f"{total} {on_day('cases')} WHERE {where}", {**visibility.values(), "day": day}
