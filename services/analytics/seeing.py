"""Which cases count in the figures of who asks, and what an answer rests on."""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb

from shared.access import Principal
from shared.accused import cell
from shared.case import Case


class Seeing(NamedTuple):
    """The cases of one jurisdiction (None: of all), without those in which `org` is complained of (Art. 30)."""

    jurisdiction: str | None = None
    org: str | None = None

    @property
    def condition(self) -> str:
        """SQL over cases, clocks or asked, with the names of values()."""
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
        """Is this case in none of the figures?"""
        elsewhere = self.jurisdiction not in (None, case.jurisdiction)
        return elsewhere or (self.org is not None and self.org in case.accused)


EVERYTHING = Seeing()


def seeing_of(caller: Principal) -> Seeing:
    """What `caller` may see at all."""
    return Seeing(caller.jurisdiction, caller.org)


class Rests(NamedTuple):
    """What an answer rests on: so many cases, folded from so many events of the log."""

    cases: int
    events: int


def rests_of(connection: duckdb.DuckDBPyConnection, seeing: Seeing = EVERYTHING) -> Rests:
    """The positions of the log in this transaction, of what is seen."""
    total = f"SELECT count(*), coalesce(sum(version), 0)::BIGINT FROM cases WHERE {seeing.condition}"
    found = connection.execute(total, seeing.values()).fetchone()
    return Rests(*found) if found else Rests(0, 0)
