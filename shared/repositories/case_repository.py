"""The folded cases of this process: loaded from the log once, then brought forward by its events.

A cached case may be outdated. That is safe, because an append names the version that it was decided on, and the log refuses
an outdated one. Commands, views and reactions share this cache, so a case is folded once per process.

`load` reports for each case whether it is confirmed (`LoadedCase.confirmed`). A decision to append may rest on any case; a decision
not to append only on a confirmed one, see command_handler.py and docs/adr/0028.

>>> import asyncio
>>> from shared.adapters.memory import MemoryEventStore
>>> several = CaseRepository(MemoryEventStore(), alone=False)
>>> asyncio.run(several.load("c-1")).confirmed, asyncio.run(several.load("c-1")).case.exists
(True, False)
>>> asyncio.run(CaseRepository(MemoryEventStore()).load("c-1", NEW)).confirmed
False
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from shared.case import EMPTY, STREAM, Case, fold
from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead
from shared.eventstore.event_store import EventStore

DEFAULT_SIZE = 20_000


class Expected(NamedTuple):
    """What the caller knows about a case before it is loaded. It can save a read of the log."""

    version: int = 0
    """The caller has just brought the case forward to this version. 0: nothing is known."""
    new: bool = False
    """The command usually begins the case."""


ANY = Expected()
NEW = Expected(new=True)


class LoadedCase(NamedTuple):
    """A case from the repository."""

    case: Case
    head: StreamHead
    confirmed: bool
    """True if the log was read, or this process is the only one that appends. False: the log may have newer events."""
    read: bool = False
    """True if the log was read for this answer."""


class CaseRepository:
    """At most `size` folded cases; the least recently used are dropped first.

    `alone=False`: other processes append, too. Then the end of a case's stream is read before a cached case is shown or used
    for a decision, unless the caller expects its version: no caller sees a case older than another process showed it.
    """

    def __init__(self, log: EventStore, size: int = DEFAULT_SIZE, *, alone: bool = True) -> None:
        self._log = log
        self._size = size
        self.alone = alone
        self._known: OrderedDict[str, LoadedCase] = OrderedDict()
        self._unknown = LoadedCase(EMPTY, EMPTY_HEAD, confirmed=False)

    async def load(self, case_id: str, expected: Expected = ANY) -> LoadedCase:
        """The case, from the cache if that is recent enough for what is `expected`, else from the log. A case that does not
        exist is EMPTY at version 0."""
        known = self._known.get(case_id)
        if known is not None and known.case.version >= expected.version and (self.alone or expected.version):
            self._known.move_to_end(case_id)
            return known
        if known is None and expected.new and self.alone:
            return self._unknown
        return await self.load_confirmed(case_id)

    async def load_confirmed(self, case_id: str) -> LoadedCase:
        """The case as the log has it now."""
        case, head = self._known.get(case_id, self._unknown)[:2]
        for commit in await self._log.load(STREAM + case_id, after=case.version):
            case, head = fold(commit.recorded, case), commit.head
        if case.exists:
            self.remember(case, head)
        return LoadedCase(case, head, confirmed=True, read=True)

    async def get(self, case_id: str, at_least: int = 0) -> tuple[Case, StreamHead]:
        """load() of a case that is expected at version `at_least`, for readers."""
        return (await self.load(case_id, Expected(at_least)))[:2]

    def remember(self, case: Case, head: StreamHead) -> None:
        """Store a fold. One that is older than the stored one is ignored."""
        known = self._known.get(case.id)
        if known is not None and known.case.version >= case.version:
            return
        self._known[case.id] = LoadedCase(case, head, confirmed=self.alone)
        self._known.move_to_end(case.id)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def forget(self, case_ids: Iterable[str]) -> None:
        for case_id in case_ids:
            self._known.pop(case_id, None)

    def follow(self, commits: Iterable[Commit]) -> None:
        """Apply commits to the cases that they continue exactly, or begin.

        A process that is alone does not begin unknown cases here: a cached case counts as confirmed there, and a subscription
        that begins again delivers the oldest commits first."""
        for commit in commits:
            if not commit.stream.startswith(STREAM):
                continue
            case, head = self._known.get(commit.stream.removeprefix(STREAM), self._unknown)[:2]
            if self.alone and not case.exists:
                continue
            if head == StreamHead(commit.first - 1, commit.previous) and commit.intact():
                self.remember(fold(commit.recorded, case), commit.head)
