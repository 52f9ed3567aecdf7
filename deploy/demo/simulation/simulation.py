"""Playing: day after day, hour after hour; actors act, everything that follows happens, the ticker looks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from deploy.demo.county import DEMO, OPERATOR
from deploy.demo.simulation.organisation_profiles import tempers
from deploy.demo.simulation.report import Played, summarised
from deploy.demo.simulation.simulated_case import Matter
from deploy.demo.simulation.world import Stage
from deploy.embedded import opened
from shared.activating import activate
from shared.adapters.memory.clock import SetClock
from shared.finding import WORKLIST
from shared.log import Commit
from shared.policy.calendar import Reason
from shared.policy.load import bundled
from shared.runtime import Runtime
from shared.settings import Settings
from shared.times import to_text, zone
from shared.views import Condition, Value

FIRST = date(2026, 8, 10)
"""A Monday. Ninety days from it hold Mid-Autumn, National Day and two weekend days that are worked."""
HOURS = (0, *range(8, 18), 20)
"""When actors and ticker come on: a moment after midnight, the hours of work, the evening."""
HOURS_OFF = (0, 8, 12, 16, 20)
"""On days on which nobody works."""
ROUNDS = (0, 3)
"""Weekdays of the supervisor's round: Monday and Thursday, at ten."""
_AT_ONCE = 64
_PAGE = 500


class Wanted(NamedTuple):
    """What is to be played. The same again gives the same outcome."""

    days: int = 90
    cases: int = 2000
    seed: int = 1


class Day(NamedTuple):
    """What happened on a day: event type -> how often. `off`: why nobody worked."""

    day: date
    off: Reason | None
    events: Counter[str]


async def play(folder: Path, wanted: Wanted, tell: Callable[[Day], None] | None = None) -> Played:
    """Play in a new folder, with all services on SQLite. Raises FolderProblem for one that holds something."""
    clock = SetClock(_at(FIRST, 0, "Asia/Shanghai") - timedelta(hours=1), seed=wanted.seed)
    async with opened(folder, Settings(data=folder), clock=clock, tasks=False) as runtime:
        sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        return await _County(runtime, clock, wanted, tell).play()


def _at(day: date, hour: int, zone_name: str) -> datetime:
    return datetime.combine(day, time(hour, 1 if hour == 0 else 0), zone(zone_name))


class _County:
    def __init__(self, runtime: Runtime, clock: SetClock, wanted: Wanted, tell: Callable[[Day], None] | None) -> None:
        self.runtime = runtime
        self.clock = clock
        self.wanted = wanted
        self.tell = tell
        self.today: Counter[str] = Counter()
        self.ticker: Any = next(part.ticker for part in runtime.parts if part.ticker is not None)
        runtime.observers.append(self._count)

    async def play(self) -> Played:
        book = await self.runtime.ports.policies.book(DEMO)
        orgs = [org.code for org in book.organisations_of("handling")]
        stage = Stage(self.runtime, self.clock, book)
        drawn = tempers(orgs, self.wanted.seed)
        matters = [Matter(number, self.wanted.seed, stage, drawn) for number in range(1, self.wanted.cases + 1)]
        for matter in matters:
            day = matter.filed_on(FIRST, self.wanted.days)
            stage.at(_at(day, matter.dice.randint(8, 20), book.zone), matter.number, matter.file)
        for passed in range(self.wanted.days):
            day = FIRST + timedelta(days=passed)
            for hour in HOURS if book.calendar.is_working(day) else HOURS_OFF:
                self.clock.set(_at(day, hour, book.zone))
                if hour == 10 and day.weekday() in ROUNDS and book.calendar.is_working(day):
                    await self._round(matters)
                await self._acts(stage)
                await self._tick()
            if self.tell is not None:
                self.tell(Day(day, book.calendar.off(day), self.today))
            self.today = Counter()
        return await summarised(self.runtime, stage, drawn)

    async def _acts(self, stage: Stage) -> None:
        """All that is due now; matters side by side, the acts of one in their order."""

        async def in_turn(acts: Sequence[Callable[[], Any]]) -> None:
            for act in acts:
                await act()

        turns = list(stage.due().values())
        for start in range(0, len(turns), _AT_ONCE):
            await asyncio.gather(*(in_turn(acts) for acts in turns[start : start + _AT_ONCE]))

    async def _tick(self) -> None:
        await self._settle()
        while await self.ticker.look():
            await self._settle()

    async def _settle(self) -> None:
        """Everything that follows from what happened has happened."""
        feed: Any = self.runtime.ports.feed
        await feed.drain()

    async def _round(self, matters: Sequence[Matter]) -> None:
        """周督办: the list of what is overdue, as a supervisor sees it, earliest first."""
        late: set[str] = set()
        until = [Condition("due", "<", to_text(self.clock.now()))]
        after: tuple[Value, ...] | None = None
        while True:
            rows = await self.runtime.ports.views.find(WORKLIST, until, order=["due"], after=after, limit=_PAGE)
            late.update(row.key for row in rows)
            if len(rows) < _PAGE:
                break
            after = ((rows[-1].values or {}).get("due"), rows[-1].key)
        for matter in matters:
            if matter.id in late:
                await matter.watch()

    def _count(self, group: str, commits: Sequence[Commit]) -> None:
        if group == "supervision":
            for commit in commits:
                self.today.update(event.type for event in commit.recorded)
