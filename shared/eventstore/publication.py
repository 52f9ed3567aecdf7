"""The port `Publication`: which commits a broker has not acknowledged yet. Part of the event store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from shared.eventstore.commit import Commit

MISDATED = timedelta(minutes=5)
"""More than any claim lasts, and two trusted clocks differ."""


class Publication(Protocol):
    """Promises, checked by the contract suite for each adapter. A store whose subscriptions read the store itself has no
    unpublished commits."""

    async def unpublished(self, before: datetime, limit: int = 500) -> list[Commit]:
        """Unpublished commits with a time before `before`, oldest first. The time is that of the append, or the one that
        claim() or hold() set."""
        ...

    async def claim(self, before: datetime, until: datetime, limit: int = 500) -> list[Commit]:
        """Take at most `limit` of those commits by setting their time to `until` (later than `before`). Of several processes
        that claim at once only one gets each commit. A commit that is not marked as published by `until` can be claimed
        again, so a sweeper that is killed loses nothing. A time more than `MISDATED` after `until` was set by a wrong clock
        and counts as passed."""
        ...

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        """Extend the claim: those of `commits` that are unpublished get the time `until`, and no process claims them before it."""
        ...

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        """The broker has acknowledged these commits. Marking twice has no effect; a lost mark only publishes them again."""
        ...

    async def backlog(self) -> int:
        """The number of unpublished commits, claimed or not."""
        ...
