"""Subscriptions in embedded mode: reads the log's own table by position and stores a checkpoint for each group."""

from __future__ import annotations

import time
from collections.abc import Sequence

from shared.adapters.log_subscription import Group, LogSubscription
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.eventstore.commit import Commit
from shared.eventstore.subscription import Handler

_SAVE_EVERY = 0.2
"""Seconds between two writes of a checkpoint; after a crash, at most this much is delivered again."""


class _StoredGroup(Group):
    """A group whose position is stored in the read model file.

    The checkpoint is written after the handler returned, into the same file as the rows that the handler wrote: it can be
    behind them, never ahead. Dropping the read models drops the checkpoints, and everything is delivered again.
    """

    def __init__(
        self, log: SqliteEventStore, views: SqliteReadModels, name: str, handler: Handler, most: int, gather: float
    ) -> None:
        super().__init__(name, handler, most, gather)
        self._log = log
        self._views = views
        self._position = 0
        self._generation = 0
        self._saved = 0
        self._saved_at = 0.0

    async def take(self) -> Sequence[Commit]:
        if self._generation != self._views.generation:
            await self.restore()
        return await self._log.since(self._position, self.most, look=self.look)

    def handled(self, commits: Sequence[Commit]) -> None:
        self._position = commits[-1].position

    def done(self) -> bool:
        return self._position >= self._log.position and self._generation == self._views.generation

    def lag(self) -> int:
        handled = self._position if self._generation == self._views.generation else 0
        return self._log.position - handled

    async def restore(self) -> None:
        self._generation = self._views.generation
        self._position = self._saved = await self._views.checkpoint(self.name)

    async def save(self, *, now: bool) -> None:
        late = time.monotonic() - self._saved_at >= _SAVE_EVERY
        if self._position == self._saved or not (now or late) or self._generation != self._views.generation:
            return
        position = self._position
        await self._views.save_checkpoint(self.name, position, self._generation)
        self._saved, self._saved_at = position, time.monotonic()


class SqliteSubscriptions(LogSubscription[_StoredGroup]):
    """A `Feed` over a SqliteEventStore. Appends of this process wake it at once; otherwise it reads every `poll` seconds."""

    def __init__(
        self,
        log: SqliteEventStore,
        views: SqliteReadModels,
        *,
        poll: float = 0.5,
        pause: float = 0.2,
        longest: float = 10.0,
    ) -> None:
        super().__init__(log, poll=poll, pause=pause, longest=longest)
        self._log = log
        self._views = views

    def _group(self, name: str, handler: Handler, max_commits: int, gather: float) -> _StoredGroup:
        return _StoredGroup(self._log, self._views, name, handler, max_commits, gather)

    async def _begin_again(self, group: str) -> None:
        await self._views.save_checkpoint(group, 0, self._views.generation)
