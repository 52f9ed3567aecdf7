"""Rows of several cases that are written together."""

from __future__ import annotations

from collections.abc import Sequence

from shared.case import Case
from shared.consumers.projection import Projection
from shared.eventstore.read_models import ReadModelStore, Row
from shared.policy.book import PolicyBook
from shared.repositories.policy_repository import PolicyRepository


class RowBatch:
    """The rows of some cases in all of `shows`."""

    def __init__(self, shows: Sequence[Projection], policies: PolicyRepository) -> None:
        self._shows = shows
        self._policies = policies
        self._books: dict[str, PolicyBook] = {}
        self._rows: dict[str, list[Row]] = {show.view.name: [] for show in shows}

    async def add(self, case: Case) -> None:
        """Add the row of `case` in each view; none if one of them raises (FAULTS)."""
        if not self._shows:
            return
        book = self._books.get(case.jurisdiction)
        if book is None:
            book = self._books[case.jurisdiction] = await self._policies.book(case.jurisdiction)
        made = [(show.view.name, show.rows(case, book)) for show in self._shows]
        for name, rows in made:
            self._rows[name].extend(rows)

    async def write(self, views: ReadModelStore, *, renew: bool = False) -> int:
        """Write the rows; returns how many. `renew`: also over rows of the same version (see Views.write)."""
        count = sum(map(len, self._rows.values()))
        if count:
            await views.write(self._rows, renew=renew)
        return count
