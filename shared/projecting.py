"""Consuming: apply by version, fill gaps from the log, react, park what fails.

A consumer is told only *that* streams have moved. It brings each case forward from the log (through the shared cache), so
order, repeats and gaps of the feed never matter, and writes one row per case and view, guarded by `applied`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from shared.case import STREAM, Case
from shared.cases import Cases
from shared.clock import Clock
from shared.envelope import NewerEvent, Recorded
from shared.log import Commit, Damaged, Log, LogBroken, LogFull
from shared.policies import Policies
from shared.policy.book import PolicyBook
from shared.refusals import Refused, Unavailable
from shared.times import to_text
from shared.views import Parked, Row, Value, View, Views

ATTEMPTS = 4
log = structlog.get_logger("consumer")

Project = Callable[[Case, PolicyBook], Mapping[str, Value] | None]


@dataclass(frozen=True)
class CaseView:
    """A read model: one row per case, None where the case does not belong to it."""

    view: View
    project: Project

    def row(self, case: Case, book: PolicyBook) -> Row:
        return Row(case.id, case.version, self.project(case, book))


class Turn(NamedTuple):
    """What a reaction is given: the event, and the case as it is now (not as it was)."""

    case: Case
    event: Recorded


Reaction = Callable[[Turn], Awaitable[None]]
"""Carries out what follows from an event. Its appends carry a cause made of the event's id, so that it may run again."""
Sink = Callable[[Sequence[Case], Sequence[Recorded]], Awaitable[None]]
"""Takes folded cases and the events that came (analytics)."""


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

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the feed pauses and delivers again."""
        self.policies.forget(commits)
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(STREAM):
                by_stream[commit.stream].append(commit)
        stopped = {mark.stream for mark in await self.views.parked(self.group)} if by_stream else set()
        ready = {stream: own for stream, own in by_stream.items() if stream not in stopped}
        cases: list[Case] = []
        rows: dict[str, list[Row]] = {show.view.name: [] for show in self.shows}
        for stream, own in ready.items():
            case = await self._brought_forward(stream, own)
            if case is not None:
                if self.shows:
                    for show, row in await self._rows(case, own):
                        rows[show].append(row)
                cases.append(case)
        if any(rows.values()):
            await self.views.write(rows)
        if self.sink is not None and cases:
            shown = {case.stream for case in cases}
            events = [
                event for stream, own in ready.items() if stream in shown for commit in own for event in commit.recorded
            ]
            await self.sink(cases, events)
        if self.reactions:
            await asyncio.gather(
                *(self._react(case, ready[case.stream]) for case in cases if self._concerned(ready[case.stream]))
            )
        self.handled += len(commits)

    async def _brought_forward(self, stream: str, own: list[Commit]) -> Case | None:
        """The case with at least these commits applied; None (and parked) where a record cannot be used."""
        last = max(commit.last for commit in own)
        try:
            self.cases.follow(sorted(own, key=lambda commit: commit.first))
            case, _head = await self.cases.get(stream.removeprefix(STREAM), at_least=last)
            if self.reactions or self.sink is not None:
                for commit in own:
                    _ = commit.recorded  # decoded here, so that bytes that cannot be read park their own case only
        except (Damaged, ValueError, KeyError, TypeError) as error:
            await self._park(stream, own[0], error)
            return None
        return case

    async def _rows(self, case: Case, own: list[Commit]) -> list[tuple[str, Row]]:
        try:
            book = await self.policies.book(case.jurisdiction)
            return [(show.view.name, show.row(case, book)) for show in self.shows]
        except (ArithmeticError, AttributeError, LookupError, Refused, TypeError, ValueError) as error:
            await self._park(case.stream, own[0], error)
            return []

    def _concerned(self, own: list[Commit]) -> bool:
        """Does anything follow from these commits? Most batches hold nothing that a service reacts to."""
        return any(event.type in self.reactions for commit in own for event in commit.recorded)

    async def _react(self, case: Case, own: list[Commit]) -> None:
        for commit in sorted(own, key=lambda one: one.first):
            for event in commit.recorded:
                if event.origin == "history" or isinstance(event.body, NewerEvent):
                    continue
                for reaction in self.reactions.get(event.type, ()):
                    if not await self._attempt(reaction, Turn(case, event), commit):
                        return

    async def _attempt(self, reaction: Reaction, turn: Turn, commit: Commit) -> bool:
        """Try a reaction a few times; False when the case was parked."""
        for attempt in range(ATTEMPTS):
            try:
                await reaction(turn)
            except (LogFull, LogBroken):
                raise
            except Unavailable:
                if attempt == ATTEMPTS - 1:
                    raise
                await self.clock.sleep(0.05 * 2**attempt)
            except Exception as error:  # whatever one record does, it stops only its own case
                await self._park(commit.stream, commit, error)
                return False
            else:
                return True
        return False

    async def _park(self, stream: str, commit: Commit, error: Exception) -> None:
        code = error.code if isinstance(error, Refused) else type(error).__name__
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
        """Clear the mark and handle the stream again from the parked version. False when it was not parked."""
        marks = await self.views.parked(self.group, stream)
        if not marks or not await self.views.unpark(self.group, stream):
            return False
        self.cases.forget([stream.removeprefix(STREAM)])
        await self(await self.log.load(stream, after=marks[0].version - 1))
        return True
