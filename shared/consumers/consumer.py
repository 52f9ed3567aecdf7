"""Consumers: bring cases forward, write their rows, run reactions, park what fails.

A delivery only says *that* streams have moved. The consumer brings each case forward from the log (through the shared cache), so
the order, repeats and gaps of deliveries never matter, and writes one row per case and read model, guarded by `applied`.

>>> import asyncio
>>> from shared.eventstore.read_models import ReadModel
>>> from tests.support.county import county
>>> states = Projection(ReadModel("states", {"state": "text"}), lambda case, book: {"state": case.state})
>>> async def project() -> str:
...     async with county() as here:
...         receipt = await here.file(place="dh", subject="01")
...         here.ports.views.declare(states.view)
...         consumer = here.ports.consumer("example", shows=[states])
...         await consumer(await here.ports.log.load(f"case/{receipt.case}"))
...         return (await here.ports.views.get("states", receipt.case)).values["state"]
>>> asyncio.run(project())
'dispatched'
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from shared.case import STREAM, Case
from shared.consumers.parked_streams import ParkedStreams
from shared.consumers.policy_refresh import PolicyRefresh
from shared.consumers.projection import FAULTS, BatchProjection, Projection, give
from shared.consumers.reaction import Reaction
from shared.consumers.reaction_runner import ReactionRunner
from shared.consumers.row_batch import RowBatch
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModelStore
from shared.kernel.clock import Clock
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import STREAM as POLICY
from shared.repositories.policy_repository import PolicyRepository


@dataclass
class CaseConsumer:
    """One consumer group: the projections and reactions of one service."""

    group: str
    log: EventStore
    views: ReadModelStore
    cases: CaseRepository
    policies: PolicyRepository
    clock: Clock
    shows: Sequence[Projection] = ()
    reactions: Mapping[str, Sequence[Reaction]] = field(default_factory=dict)
    """Event type -> its reactions. There are no reactions to events of history."""
    sink: BatchProjection | None = None
    lawful: bool = True
    """Rows and facts depend on the policy, so that they are written again when it changes."""
    gather: float = 0.0
    """Seconds that commits may wait so that more are handled together. Reactions are urgent. Rows and facts may be a little
    late, and then a case that moves twice is written once."""
    handled: int = 0

    @cached_property
    def parked(self) -> ParkedStreams:
        return ParkedStreams(self.group, self.views, self.clock)

    @property
    def _refresh(self) -> PolicyRefresh:
        return PolicyRefresh(self.log, self.views, self.cases, self.policies, self.parked, self.shows, self.sink)

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the subscription pauses and delivers the batch again."""
        self.policies.forget(commits)
        changed = [commit for commit in commits if commit.stream.startswith(POLICY)]
        if changed and self.lawful and (self.shows or self.sink is not None):
            await self._refresh.run(changed)
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(STREAM):
                by_stream[commit.stream].append(commit)
        stopped = {mark.stream for mark in await self.views.parked(self.group)} if by_stream else set()
        await self.handle({stream: own for stream, own in by_stream.items() if stream not in stopped})
        self.handled += len(commits)

    async def handle(self, ready: Mapping[str, list[Commit]]) -> None:
        """Write the rows of these streams' cases, then react. `ready`: stream -> its commits."""
        rows, cases = RowBatch(self.shows, self.policies), list[Case]()
        for own, case in zip(ready.values(), await self._forward(ready), strict=True):
            if case is None:
                continue
            try:
                await rows.add(case)
            except FAULTS as error:
                await self.parked.park(own[0], error)
            else:
                cases.append(case)
        await rows.write(self.views)
        if self.sink is not None and cases:
            events = {case.stream: [event for one in ready[case.stream] for event in one.recorded] for case in cases}
            for case, why in await give(self.sink, cases, events):
                await self.parked.park(ready[case.stream][0], why)
                cases.remove(case)
        if self.reactions and cases:
            runner = ReactionRunner(self.reactions, self.parked, self.clock)
            await runner.run((case, ready[case.stream]) for case in cases)

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
            await self.parked.park(own[0], error)
            return None
        return case
