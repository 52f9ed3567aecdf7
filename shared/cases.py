"""Folded cases of this process: load from the log once, then follow.

A cached case may be old; that never matters, because an append names the version it was decided on and the log refuses a
late one. Commands, views and reactions share this cache, so a case is folded once per process.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from shared.case import EMPTY, STREAM, Case, fold, head_of
from shared.log import EMPTY_HEAD, Commit, Head, Log

DEFAULT_SIZE = 20_000
_NOTHING = (EMPTY, EMPTY_HEAD)


class Cases:
    """`size` folded cases at most; the least recently used go first.

    `alone=False`: other processes append, too. Then what is known here is never shown or decided on without a look at the
    end of its stream, so that nobody sees a case older than he saw it at another process."""

    def __init__(self, log: Log, size: int = DEFAULT_SIZE, *, alone: bool = True) -> None:
        self._log = log
        self._size = size
        self.alone = alone
        self._known: OrderedDict[str, tuple[Case, Head]] = OrderedDict()

    async def get(self, case_id: str, at_least: int = 0) -> tuple[Case, Head]:
        """The case as known here, read from the log if not known or older than version `at_least`. A case that does
        not exist is EMPTY at version 0."""
        known = self._known.get(case_id)
        if known is not None and known[0].version >= at_least and (self.alone or at_least):
            self._known.move_to_end(case_id)
            return known
        return await self.reload(case_id)

    def known(self, case_id: str) -> tuple[Case, Head]:
        """The case as known here, EMPTY where it is not: nobody looks at the log."""
        return self._known.get(case_id, _NOTHING)

    async def reload(self, case_id: str) -> tuple[Case, Head]:
        """The case as the log has it now."""
        case, head = self.known(case_id)
        for commit in await self._log.load(STREAM + case_id, after=case.version):
            case, head = fold(commit.recorded, case), commit.head
        if case.exists:
            self.remember(case, head)
        return case, head

    async def lines(self, case_ids: Iterable[str], *, fresh: bool = False) -> dict[str, Case]:
        """These cases, each with all that it follows, by id. Those that do not exist are left out.

        `fresh`: as the log has them now, for decisions."""
        found: dict[str, Case] = {}
        waiting = list(case_ids)
        while waiting:
            case_id = waiting.pop()
            if case_id in found:
                continue
            case, _head = await (self.reload(case_id) if fresh else self.get(case_id))
            if case.exists:
                found[case_id] = case
                if case.lead is not None:
                    waiting.append(case.lead)
        return found

    async def lead_of(self, case: Case) -> Case | None:
        """The case that leads the matter of a follower; None for a case that stands by itself."""
        return None if case.lead is None else head_of(case.lead, await self.lines([case.lead]))

    def remember(self, case: Case, head: Head) -> None:
        """Keep a newer fold. An older one is ignored."""
        known = self._known.get(case.id)
        if known is not None and known[0].version >= case.version:
            return
        self._known[case.id] = (case, head)
        self._known.move_to_end(case.id)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def forget(self, case_ids: Iterable[str]) -> None:
        for case_id in case_ids:
            self._known.pop(case_id, None)

    def follow(self, commits: Iterable[Commit]) -> None:
        """Bring cases forward with commits that continue them exactly, or begin them.

        Alone, what is not known is read from the log: there what is known counts as all there is, and a feed that begins
        again brings first what came first."""
        for commit in commits:
            if not commit.stream.startswith(STREAM):
                continue
            case, head = self.known(commit.stream.removeprefix(STREAM))
            if self.alone and not case.exists:
                continue
            if head == Head(commit.first - 1, commit.previous) and commit.intact():
                self.remember(fold(commit.recorded, case), commit.head)
