"""Visibility: which cases count in the figures of a caller, and on how many cases and events an answer is based."""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.case import Case
from shared.commands.authorization import Principal
from shared.queries.respondents import cell


class Visibility(NamedTuple):
    """The cases of one jurisdiction (None: of all), without those in which `org` is the respondent (Art. 30)."""

    jurisdiction: str | None = None
    org: str | None = None

    @property
    def condition(self) -> str:
        """SQL condition over cases, clocks or asked, with the parameters of values()."""
        parts = []
        if self.jurisdiction is not None:
            parts.append("jurisdiction = $jurisdiction")
        if self.org is not None:
            parts.append("NOT coalesce(contains(accused, $unseen), false)")
        return " AND ".join(parts) or "true"

    def values(self) -> dict[str, Any]:
        found = {"jurisdiction": self.jurisdiction, "unseen": cell((self.org,)) if self.org is not None else None}
        return {name: value for name, value in found.items() if value is not None}

    def hides(self, case: Case) -> bool:
        """True if this case counts in no figure."""
        elsewhere = self.jurisdiction not in (None, case.jurisdiction)
        return elsewhere or (self.org is not None and self.org in case.accusation.accused)


EVERYTHING = Visibility()


def visibility_of(caller: Principal) -> Visibility:
    """The visibility of this caller."""
    return Visibility(caller.jurisdiction, caller.org)


class LogExtent(NamedTuple):
    """The basis of an answer: the numbers of cases and of events of the log."""

    cases: int
    events: int


def extent_of(visibility: Visibility = EVERYTHING) -> tuple[str, dict[str, Any]]:
    """The statement, with its parameters, that selects the LogExtent of the visible cases."""
    total = f"SELECT count(*), coalesce(sum(version), 0)::BIGINT FROM cases WHERE {visibility.condition}"
    return total, visibility.values()
