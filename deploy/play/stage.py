"""The stage: a runtime, its clock, and the hands of everybody who acts on it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any

from deploy.demo import DEMO
from services.intake.domain import FileCase
from services.intake.filing import file_case
from shared.access import Principal
from shared.adapters.memory.clock import SetClock
from shared.application.command_dispatch import body_models, give
from shared.case import Case
from shared.commands import RULES
from shared.policy.book import PolicyBook
from shared.refusals import Refused
from shared.runtime import Runtime
from shared.times import day_of, zone

REGISTRAR = Principal("registrar", "xfj", "play-registrar")
SUPERVISOR = Principal("supervisor", "xfj", "play-supervisor")
Act = Callable[[], Awaitable[None]]


def clerk(org: str) -> Principal:
    return Principal("clerk", org, f"play-{org}")


def head(org: str) -> Principal:
    """Decides on what a clerk asks for: never the same person (Art. 34)."""
    return Principal("organisation", org, f"play-{org}-head")


class Stage:
    """What actors are given. Chance comes from their own dice, time from the set clock alone."""

    def __init__(self, runtime: Runtime, clock: SetClock, book: PolicyBook) -> None:
        self.runtime = runtime
        self.clock = clock
        self.book = book
        self.refused: Counter[str] = Counter()
        """Code -> how often somebody was refused. Actors do not know the rules by heart."""
        self._models = body_models()
        self._ids = count(1)
        self._agenda: list[tuple[datetime, int, int, Act]] = []

    async def case(self, case: str) -> Case:
        return (await self.runtime.ports.cases.get(case))[0]

    async def file(self, principal: Principal, fields: dict[str, Any]) -> str:
        """A filing, as HTTP carries it out. Returns the case id."""
        command = FileCase.model_validate(fields)
        return (await file_case(self.runtime.handling("intake"), principal, command, DEMO)).case

    async def act(self, case: str, name: str, principal: Principal, **fields: Any) -> bool:
        """A command, as HTTP carries it out; False when it was refused."""
        body = self._models[name].model_validate({"command": name, "command_id": f"p{next(self._ids)}", **fields})
        try:
            await give(self.runtime.ports, principal, case, RULES[name], body)
        except Refused as refused:
            self.refused[refused.code] += 1
            return False
        return True

    # ------------------------------------------------------------ who does what when

    def at(self, when: datetime, who: int, act: Act) -> None:
        """`who` (the number of a matter) does `act` then. Acts of one matter keep their order."""
        heapq.heappush(self._agenda, (when, who, next(self._ids), act))

    def in_office(self, dice: Random, days: tuple[int, int]) -> datetime:
        """Some hour of work, so many days from now, on the next working day."""
        here = zone(self.book.zone)
        day = day_of(self.clock.now(), self.book.zone) + timedelta(days=dice.randint(*days))
        wanted = datetime.combine(day, time(dice.randint(9, 16)), here)
        return self.book.office.opening(max(wanted, self.clock.now().astimezone(here) + timedelta(minutes=1)))

    def some_time(self, dice: Random, days: tuple[int, int]) -> datetime:
        """A waking hour of any day: citizens keep no office hours."""
        day = day_of(self.clock.now(), self.book.zone) + timedelta(days=dice.randint(*days))
        wanted = datetime.combine(day, time(dice.randint(8, 20)), zone(self.book.zone))
        return max(wanted, self.clock.now() + timedelta(minutes=1))

    def due(self) -> dict[int, list[Act]]:
        """What is to be done by now: matter -> its acts in order. They leave the agenda."""
        now = self.clock.now()
        found: dict[int, list[Act]] = {}
        while self._agenda and self._agenda[0][0] <= now:
            _when, who, _order, act = heapq.heappop(self._agenda)
            found.setdefault(who, []).append(act)
        return found
