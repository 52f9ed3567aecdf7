"""The simulation: each hour people act, the consumers catch up, and the deadline scheduler records due deadlines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from deploy.demo.county import DEMO, activate_demo
from deploy.demo.simulation.organisation_profiles import profiles
from deploy.demo.simulation.report import Report, create_report
from deploy.demo.simulation.simulated_case import SimulatedCase
from deploy.demo.simulation.world import Act, World
from deploy.modes.embedded import opened
from shared.adapters.memory.clock import SetClock
from shared.application.case_reference import WORKLIST
from shared.eventstore.commit import Commit
from shared.eventstore.read_models import Condition
from shared.hosting.process import Process
from shared.kernel.legal_time import to_text, zone
from shared.kernel.settings import Settings
from shared.policy.working_calendar import Reason

FIRST = date(2026, 8, 10)
"""A Monday. The ninety days from it include Mid-Autumn, National Day and two worked weekend days."""
HOURS = (0, *range(8, 18), 20)
"""Hours of the simulation: shortly after midnight, in working hours, and in the evening."""
HOURS_OFF = (0, 8, 12, 16, 20)
"""Hours of the simulation on days off."""
ROUNDS = (0, 3)
"""Weekdays of the supervisor's round, at ten: Monday and Thursday."""
_AT_ONCE = 64


class Parameters(NamedTuple):
    """The parameters of a simulation. The same parameters give the same outcome."""

    days: int = 90
    cases: int = 2000
    seed: int = 1


class Day(NamedTuple):
    """The events of a day: event type -> number of events. `off`: why the day is off."""

    day: date
    off: Reason | None
    events: Counter[str]


async def simulate(folder: Path, parameters: Parameters, on_day: Callable[[Day], None] | None = None) -> Report:
    """Simulate in a new data folder, with all services on SQLite. `on_day` is called after each day.

    Raises FolderProblem when the folder is not empty.
    """
    clock = SetClock(_at(FIRST, 0, "Asia/Shanghai") - timedelta(hours=1), seed=parameters.seed)
    async with opened(folder, Settings(data=folder), clock=clock, tasks=False) as runtime:
        await activate_demo(runtime)
        world = World(runtime, clock, await runtime.ports.policies.book(DEMO))
        return await _Simulation(world, parameters, on_day).run()


def _at(day: date, hour: int, zone_name: str) -> datetime:
    return datetime.combine(day, time(hour, 1 if hour == 0 else 0), zone(zone_name))


class _Simulation:
    def __init__(self, world: World, parameters: Parameters, on_day: Callable[[Day], None] | None) -> None:
        self.world = world
        self.runtime: Process = world.runtime
        self.days = parameters.days
        self.on_day = on_day
        self.today: Counter[str] = Counter()
        self.ticker: Any = next(part.ticker for part in self.runtime.parts if part.ticker is not None)
        self.runtime.observers.append(self._count)
        orgs = (org.code for org in world.book.organisations_of("handling"))
        self.profiles = profiles(orgs, parameters.seed)
        numbers = range(1, parameters.cases + 1)
        self.cases = [SimulatedCase(number, parameters.seed, world, self.profiles) for number in numbers]

    async def run(self) -> Report:
        book, clock = self.world.book, self.world.clock
        for case in self.cases:
            day = case.filing_day(FIRST, self.days)
            self.world.at(_at(day, case.dice.randint(8, 20), book.zone), case.number, case.file)
        for passed in range(self.days):
            day = FIRST + timedelta(days=passed)
            working = book.calendar.is_working(day)
            for hour in HOURS if working else HOURS_OFF:
                clock.set(_at(day, hour, book.zone))
                if working and hour == 10 and day.weekday() in ROUNDS:
                    await self._supervise()
                await self._act()
                await self._settle()
                while await self.ticker.look():
                    await self._settle()
            if self.on_day is not None:
                self.on_day(Day(day, book.calendar.off(day), self.today))
            self.today = Counter()
        return await create_report(self.world, self.profiles)

    async def _act(self) -> None:
        """Perform the actions that are due now: cases concurrently, the actions of one case in their order."""

        async def in_turn(acts: Sequence[Act]) -> None:
            for act in acts:
                await act()

        turns = list(self.world.due().values())
        for start in range(0, len(turns), _AT_ONCE):
            await asyncio.gather(*map(in_turn, turns[start : start + _AT_ONCE]))

    async def _settle(self) -> None:
        """Wait until all consumers have handled every event."""
        feed: Any = self.runtime.ports.feed
        await feed.drain()

    async def _supervise(self) -> None:
        """周督办: the supervisor goes through the cases that are overdue."""
        overdue = [Condition("due", "<", to_text(self.world.clock.now()))]
        rows = await self.runtime.ports.views.find(WORKLIST, overdue, limit=len(self.cases))
        late = {row.key for row in rows}
        for case in self.cases:
            if case.id in late:
                await case.watch()

    def _count(self, group: str, commits: Sequence[Commit]) -> None:
        if group == "supervision":
            for commit in commits:
                self.today.update(event.type for event in commit.recorded)
