"""Consuming: bring cases forward, write their rows, react, park what fails.

A consumer is told only *that* streams have moved. It brings each case forward from the log (through the shared cache), so the
order, repeats and gaps of the deliveries never matter, and writes one row per case and view, guarded by `applied`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from shared.case import STREAM, Case
from shared.cases import Cases
from shared.clock import Clock
from shared.consumers.parked_streams import ParkedStreams
from shared.consumers.policy_refresh import PolicyRefresh
from shared.consumers.projection import FAULTS, CaseView, Sink
from shared.consumers.reaction_runner import ATTEMPTS, ReactionRunner
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged
from shared.log import Log
from shared.policies import Policies
from shared.policy.book import PolicyBook
from shared.reacting import Reaction, Turn, Where
from shared.views import Row, Views


@dataclass
class Consumer:
    """One consumer group: the projections and reactions of one service."""

    group: str
    log: Log
    views: Views
    cases: Cases
    policies: Policies
    clock: Clock
    shows: Sequence[CaseView] = ()
    reactions: Mapping[str, Sequence[Reaction]] = field(default_factory=dict)
    """Event type -> what follows from it. There are no reactions to events of history."""
    sink: Sink | None = None
    gather: float = 0.0
    """Seconds that commits may wait so that more are handled together. Reactions are urgent; rows and facts may be a little
    late, and then a case that moves twice is written once."""
    handled: int = 0

    @cached_property
    def _parked(self) -> ParkedStreams:
        return ParkedStreams(self.group, self.views, self.clock)

    @cached_property
    def _refresh(self) -> PolicyRefresh:
        return PolicyRefresh(self.log, self.views, self.cases, self.policies, self._parked, self.shows, self.sink)

    @cached_property
    def _runner(self) -> ReactionRunner:
        return ReactionRunner(self.reactions, self._parked, self.clock)

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the subscription pauses and delivers the batch again."""
        self.policies.forget(commits)
        await self._refresh.after(commits)
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(STREAM):
                by_stream[commit.stream].append(commit)
        stopped = await self._parked.streams() if by_stream else frozenset()
        await self._handle({stream: own for stream, own in by_stream.items() if stream not in stopped})
        self.handled += len(commits)

    async def _handle(self, ready: Mapping[str, list[Commit]]) -> None:
        """Write the rows of these streams' cases, then react."""
        cases: list[Case] = []
        rows: dict[str, list[Row]] = {show.view.name: [] for show in self.shows}
        books: dict[str, PolicyBook] = {}
        for own, case in zip(ready.values(), await self._forward(ready), strict=True):
            made = await self._rows(case, own, books) if case is not None else None
            if case is None or made is None:
                continue
            for name, row in made:
                rows[name].append(row)
            cases.append(case)
        if any(rows.values()):
            await self.views.write(rows)
        if self.sink is not None and cases:
            cases = await self._sunk(self.sink, cases, ready)
        await self._runner.run((case, ready[case.stream]) for case in cases)

    async def _forward(self, ready: Mapping[str, list[Commit]]) -> list[Case | None]:
        """Every case with its commits applied. Where other processes append, cases are read at the same time: each read is a
        round trip over the network."""
        each = (self._brought_forward(stream, own) for stream, own in ready.items())
        if self.cases.alone:
            return [await one for one in each]
        return await asyncio.gather(*each)

    async def _brought_forward(self, stream: str, own: list[Commit]) -> Case | None:
        """The case with at least these commits applied; None (and parked) where a record cannot be used."""
        last = max(commit.last for commit in own)
        try:
            self.cases.follow(sorted(own, key=lambda commit: commit.first))
            case, _head = await self.cases.get(stream.removeprefix(STREAM), at_least=last)
            if case.version < last:
                raise Damaged(stream, own[0].first, "the log does not hold what was delivered")
            if self.reactions or self.sink is not None:
                for commit in own:
                    _ = commit.recorded  # decoded here, so that unreadable bytes park their own case only
        except FAULTS as error:
            await self._parked.park(own[0], error)
            return None
        return case

    async def _rows(self, case: Case, own: list[Commit], books: dict[str, PolicyBook]) -> list[tuple[str, Row]] | None:
        """(view name, row) of each view; None where the case was parked. `books`: the books of this batch so far."""
        if not self.shows:
            return []
        try:
            book = books.get(case.jurisdiction)
            if book is None:
                book = books[case.jurisdiction] = await self.policies.book(case.jurisdiction)
            return [(show.view.name, show.row(case, book)) for show in self.shows]
        except FAULTS as error:
            await self._parked.park(own[0], error)
            return None

    async def _sunk(self, sink: Sink, cases: list[Case], ready: Mapping[str, list[Commit]]) -> list[Case]:
        """Give the cases to the sink; returns those that it took. The others are parked, each by itself."""
        events = [event for case in cases for commit in ready[case.stream] for event in commit.recorded]
        try:
            await sink(cases, events)
        except FAULTS as error:
            if len(cases) > 1:
                return [case for one in cases for case in await self._sunk(sink, [one], ready)]
            await self._parked.park(ready[cases[0].stream][0], error)
            return []
        return cases

    async def redrive(self, stream: str) -> bool:
        """Handle the stream again from the version that it was parked at, and clear the mark. False where it was not parked, or
        cannot be handled still; then the mark stays.

        The mark is cleared last, so that a process that ends in between finds it again."""
        version = await self._parked.version(stream)
        if version is None:
            return False
        self.cases.forget([stream.removeprefix(STREAM)])
        done = version - 1
        while True:
            try:
                commits = await self.log.load(stream, after=done)
            except Damaged:
                return False
            if commits:
                self._parked.failed.discard(stream)
                await self._handle({stream: commits})
                if stream in self._parked.failed:
                    return False
                done = commits[-1].last
            elif not await self.views.unpark(self.group, stream):
                return True  # commits that came while the mark was cleared have been handled now, too

    async def retry(self) -> int:
        """Redrive the streams that were parked for a reason that passes by itself. Returns how many of them go on."""
        return sum([await self.redrive(stream) for stream in await self._parked.passing()])


__all__ = ["ATTEMPTS", "Reaction", "Sink", "Turn", "Where"]  # re-exported until importers name the new module
