"""Consuming: apply by version, fill gaps from the log, react, park what fails.

A consumer is told only *that* streams have moved. It brings each case forward from the log (through the shared cache), so
order, repeats and gaps of the feed never matter, and writes one row per case and view, guarded by `applied`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from shared.case import STREAM, Case
from shared.cases import Cases
from shared.clock import Clock
from shared.envelope import NewerEvent, Recorded
from shared.events.policy import PolicyActivated
from shared.failpoints import failpoint
from shared.log import Commit, Damaged, Log, LogAway, LogBroken, LogFull
from shared.policies import STREAM as POLICY
from shared.policies import Policies
from shared.policy.book import PolicyBook
from shared.refusals import Refused, Unavailable
from shared.times import to_text
from shared.views import CaseView, Parked, Row, Views

ATTEMPTS = 4
PASSING = frozenset({"busy", "clock_behind"})
"""Codes of refusals that pass by themselves."""
FAULTS = (ArithmeticError, AttributeError, Damaged, LookupError, Refused, TypeError, ValueError)
"""What one record can do to those who handle it. Anything else is a fault of the infrastructure."""
log = structlog.get_logger("consumer")


class Turn(NamedTuple):
    """What a reaction is given: the event, and the case as it is now (not as it was)."""

    case: Case
    event: Recorded


Reaction = Callable[[Turn], Awaitable[None]]
"""Carries out what follows from an event. Its appends carry a cause made of the event's id, so that it may run again."""


@dataclass(frozen=True)
class Where:
    """A reaction that only some events of a type ask for. The others cost no task, no look at the log and no query."""

    asks: Callable[[Turn], bool]
    """Looks at the event and the case, nothing else."""
    reaction: Reaction

    async def __call__(self, turn: Turn) -> None:
        await self.reaction(turn)


class Step(NamedTuple):
    """One reaction to one event of a commit."""

    reaction: Reaction
    turn: Turn
    commit: Commit


Sink = Callable[[Sequence[Case], Sequence[Recorded]], Awaitable[None]]
"""Takes folded cases and the events that came (analytics). No events: the law changed, and the cases did not."""
LAW = frozenset({"jurisdiction", "organisations", "subjects", "clocks", "calendar"})
"""Sections of a policy that rows depend on."""


@dataclass
class Consumer:
    """One group: the views and reactions of one service."""

    group: str
    log: Log
    views: Views
    cases: Cases
    policies: Policies
    clock: Clock
    shows: Sequence[CaseView] = ()
    reactions: Mapping[str, Sequence[Reaction]] = field(default_factory=dict)
    """Event type -> what follows from it. Events of history are never reacted to."""
    sink: Sink | None = None
    gather: float = 0.0
    """Seconds that commits may wait so that more are handled together. Reactions are waited for; lists and facts may
    be a little late, and then a case that moves twice is shown once."""
    handled: int = 0
    _failed: set[str] = field(default_factory=set)
    """Streams that were parked; a redrive asks whether its own is among them again."""

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the feed pauses and delivers again."""
        self.policies.forget(commits)
        if (self.shows or self.sink is not None) and (changed := _law_changed(commits)):
            await self._renew(changed)
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(STREAM):
                by_stream[commit.stream].append(commit)
        stopped = {mark.stream for mark in await self.views.parked(self.group)} if by_stream else set()
        await self._handle({stream: own for stream, own in by_stream.items() if stream not in stopped})
        self.handled += len(commits)

    async def _handle(self, ready: Mapping[str, list[Commit]]) -> None:
        cases: list[Case] = []
        rows: dict[str, list[Row]] = {show.view.name: [] for show in self.shows}
        books: dict[str, PolicyBook] = {}
        for (_stream, own), case in zip(ready.items(), await self._forward(ready), strict=True):
            made = await self._rows(case, own, books) if case is not None else None
            if case is None or made is None:
                continue
            for show, row in made:
                rows[show].append(row)
            cases.append(case)
        if any(rows.values()):
            await self.views.write(rows)
        if self.sink is not None and cases:
            cases = await self._sunk(self.sink, cases, ready)
        if self.reactions:
            following = (list(self._following(case, ready[case.stream])) for case in cases)
            await asyncio.gather(*(self._react(steps) for steps in following if steps))

    async def _renew(self, jurisdictions: frozenset[str]) -> None:
        """Write the rows of these jurisdictions again: their cases stand where they stood, but the law is another one.

        The policy's commit counts as handled only after that, so that a crash in between begins it again."""
        stopped = {mark.stream for mark in await self.views.parked(self.group)}
        async for heads in self.log.heads(STREAM, batch=500):
            cases: list[Case] = []
            rows: dict[str, list[Row]] = {show.view.name: [] for show in self.shows}
            for stream, head in heads:
                if stream in stopped:
                    continue
                try:
                    case, _head = await self.cases.get(stream.removeprefix(STREAM), at_least=head.version)
                    if case.jurisdiction not in jurisdictions:
                        continue
                    book = await self.policies.book(case.jurisdiction)
                    made = [(show.view.name, show.row(case, book)) for show in self.shows]
                except FAULTS as error:  # it is parked when its own commits come by
                    log.error("row_not_renewed", group=self.group, stream=stream, error=type(error).__name__)
                    continue
                for name, row in made:
                    rows[name].append(row)
                cases.append(case)
            if any(rows.values()):
                await self.views.write(rows, renew=True)
            if self.sink is not None and cases:
                await self._sink_renewed(self.sink, cases)

    async def _sink_renewed(self, sink: Sink, cases: list[Case]) -> None:
        try:
            await sink(cases, ())
        except FAULTS as error:
            if len(cases) == 1:
                log.error("row_not_renewed", group=self.group, stream=cases[0].stream, error=type(error).__name__)
                return
            for one in cases:
                await self._sink_renewed(sink, [one])

    async def _forward(self, ready: Mapping[str, list[Commit]]) -> list[Case | None]:
        """Every case with its commits applied. Where other processes append, what has to be read is read at once: each look
        at the log is a way over the network."""
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
                    _ = commit.recorded  # decoded here, so that bytes that cannot be read park their own case only
        except FAULTS as error:
            await self._park(stream, own[0], error)
            return None
        return case

    async def _rows(self, case: Case, own: list[Commit], books: dict[str, PolicyBook]) -> list[tuple[str, Row]] | None:
        """None: the case was parked. `books`: what this batch has asked for already."""
        if not self.shows:
            return []
        try:
            book = books.get(case.jurisdiction)
            if book is None:
                book = books[case.jurisdiction] = await self.policies.book(case.jurisdiction)
            return [(show.view.name, show.row(case, book)) for show in self.shows]
        except FAULTS as error:
            await self._park(case.stream, own[0], error)
            return None

    async def _sunk(self, sink: Sink, cases: list[Case], ready: Mapping[str, list[Commit]]) -> list[Case]:
        """Give the cases to the sink; returns those that it took. The others are parked, each by itself."""
        events = [event for case in cases for commit in ready[case.stream] for event in commit.recorded]
        try:
            await sink(cases, events)
        except FAULTS as error:
            if len(cases) > 1:
                return [case for one in cases for case in await self._sunk(sink, [one], ready)]
            await self._park(cases[0].stream, ready[cases[0].stream][0], error)
            return []
        return cases

    def _following(self, case: Case, own: list[Commit]) -> Iterator[Step]:
        """What follows from these commits. Most batches hold nothing that a service reacts to."""
        for commit in sorted(own, key=lambda one: one.first):
            for event in commit.recorded:
                if event.origin == "history" or isinstance(event.body, NewerEvent):
                    continue
                for reaction in self.reactions.get(event.type, ()):
                    turn = Turn(case, event)
                    if not isinstance(reaction, Where) or reaction.asks(turn):
                        yield Step(reaction, turn, commit)

    async def _react(self, steps: list[Step]) -> None:
        for reaction, turn, commit in steps:
            if not await self._attempt(reaction, turn, commit):
                return

    async def _attempt(self, reaction: Reaction, turn: Turn, commit: Commit) -> bool:
        """Try a reaction a few times; False when the case was parked. What is only unavailable now is parked too, so that one
        case never holds up the others: the process itself tries those again (`retry`)."""
        for attempt in range(ATTEMPTS):
            try:
                failpoint("consumer.reacts", turn.case.id)
                await reaction(turn)
            except (LogFull, LogBroken, LogAway):
                raise
            except Unavailable as error:
                if attempt == ATTEMPTS - 1 or error.code not in PASSING:
                    await self._park(commit.stream, commit, error)
                    return False
                await self.clock.sleep(0.05 * 2**attempt)
            except Exception as error:  # whatever one record does, it stops only its own case
                await self._park(commit.stream, commit, error)
                return False
            else:
                return True
        return False

    async def _park(self, stream: str, commit: Commit, error: Exception) -> None:
        code = error.code if isinstance(error, Refused) else type(error).__name__
        self._failed.add(stream)
        log.error("case_parked", group=self.group, stream=stream, version=commit.first, reason=code)
        await self.views.park(
            Parked(
                self.group,
                stream,
                commit.first,
                code,
                to_text(self.clock.now()),
                b"\n".join(commit.events),
            )
        )

    async def redrive(self, stream: str) -> bool:
        """Handle the stream again from the parked version, and clear the mark when that went well. False when it was not
        parked or cannot be handled still; then the mark stays.

        The mark is cleared last: a process that ends in between finds it again."""
        marks = await self.views.parked(self.group, stream)
        if not marks:
            return False
        self.cases.forget([stream.removeprefix(STREAM)])
        done = marks[0].version - 1
        while True:
            try:
                commits = await self.log.load(stream, after=done)
            except Damaged:
                return False
            if commits:
                self._failed.discard(stream)
                await self._handle({stream: commits})
                if stream in self._failed:
                    return False
                done = commits[-1].last
            elif not await self.views.unpark(self.group, stream):
                return True  # what came while the mark was cleared has been handled now, too

    async def retry(self) -> int:
        """Redrive what was parked for a reason that passes by itself. Returns how many streams go on."""
        marks = [mark for mark in await self.views.parked(self.group) if mark.reason in PASSING]
        return sum([await self.redrive(mark.stream) for mark in marks])


def _law_changed(commits: Sequence[Commit]) -> frozenset[str]:
    """Jurisdictions for which one of `commits` puts something in force that rows depend on."""
    return frozenset(
        commit.stream.removeprefix(POLICY)
        for commit in commits
        if commit.stream.startswith(POLICY)
        and any(isinstance(event.body, PolicyActivated) and event.body.section in LAW for event in commit.recorded)
    )
