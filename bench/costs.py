"""The cost of authorisation and of the ticker per command: in microseconds, and as a share of the lifecycle of the same run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.cases import folder
from bench.figures import Figure, beside, timed
from bench.world import COMMANDS, DEMO, SUPERVISOR, World, world
from services.supervision.deadline_scheduler import INTERVAL, DeadlineScheduler
from services.supervision.read_models import due_row
from shared.case import EMPTY, STREAM, Case, evolve
from shared.commands.authorization import authorize
from shared.commands.command import RULES
from shared.eventstore.recorded_event import RecordedEvent
from shared.policy.book import PolicyBook

NAME = "costs"
ACTION = RULES["close"].action


class Lived(NamedTuple):
    """A run of whole cases: the time per command, and every state of its cases, one per event."""

    command: float
    """Seconds."""
    states: Sequence[Case]
    commits: int
    book: PolicyBook
    look: float
    """Seconds of one round of the ticker while nothing is due."""


def measure(*, quick: bool) -> list[Figure]:
    number = 30 if quick else 400
    with folder() as path:
        lived = asyncio.run(_live(path, number))
    commands = number * COMMANDS
    rounds = 3 if quick else 5
    taken = beside(
        {"authorise": timed(lambda: _authorise(lived.states)), "due": timed(lambda: _due(lived.states, lived.book))},
        rounds,
    )
    authorised = median(taken["authorise"]) / len(lived.states)
    indexed = median(taken["due"]) / len(lived.states) * lived.commits / commands
    looking = lived.look * lived.command / INTERVAL
    return [
        _figure(
            "authorisation", authorised, lived, "authorize() once, on every state that the cases of the run were in"
        ),
        _figure(
            "ticker",
            indexed + looking,
            lived,
            f"due index updated at each of {lived.commits / commands:.1f} commits, deadlines derived;"
            f" without writing the row; no rung fires; one idle round ({lived.look * 1e6:,.0f} µs) every {INTERVAL:g} s",
        ),
    ]


def _figure(name: str, seconds: float, lived: Lived, note: str) -> Figure:
    share = seconds / lived.command
    note = f"{share:.3%} of the lifecycle; {note}"
    there = lived.command * 1e6
    return Figure(name, seconds * 1e6, "µs/command", "whole lifecycle, same run", there, share, "", None, note)


def _authorise(states: Sequence[Case]) -> None:
    for case in states:
        authorize(SUPERVISOR, ACTION, case)


def _due(states: Sequence[Case], book: PolicyBook) -> None:
    for case in states:
        due_row(forgotten(case), book)


def forgotten(case: Case) -> Case:
    """The same state as a new object without cached deadlines."""
    after = object.__new__(Case)
    after.__dict__.update(case.__dict__)
    return after


async def _live(path: Path, number: int) -> Lived:
    async with world(path) as made:
        start = time.perf_counter()
        await made.lifecycles(f"case-{item}" for item in range(number))
        taken = (time.perf_counter() - start) / (number * COMMANDS)
        states, commits = await _states(made)
        ticker = DeadlineScheduler(made.ports.handling("supervision"), made.ports.views)
        start = time.perf_counter()
        for _ in range(20):
            await ticker.look()
        look = (time.perf_counter() - start) / 20
        return Lived(taken, states, commits, await made.ports.policies.book(DEMO), look)


async def _states(made: World) -> tuple[list[Case], int]:
    states: list[Case] = []
    commits = 0
    events: dict[str, list[RecordedEvent]] = {}
    async for page in made.ports.log.scan(STREAM):
        for commit in page:
            commits += 1
            events.setdefault(commit.stream, []).extend(commit.recorded)
    for recorded in events.values():
        states += list(accumulate(recorded, evolve, initial=EMPTY))[1:]
    return states, commits
