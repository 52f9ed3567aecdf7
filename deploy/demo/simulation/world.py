"""The world of the simulation: a runtime, its settable clock, and the agenda of all actors."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any

from deploy.demo.county import DEMO
from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from shared.adapters.memory.clock import SetClock
from shared.application.command_dispatch import body_models, give
from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.hosting.process import Process
from shared.kernel.legal_time import day_of, zone
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook

REGISTRAR = Principal("registrar", "xfj", "play-registrar")
SUPERVISOR = Principal("supervisor", "xfj", "play-supervisor")
Act = Callable[[], Awaitable[None]]


def clerk(org: str) -> Principal:
    """Handles the cases of the organisation."""
    return Principal("clerk", org, f"play-{org}", person=f"play-{org}")


def head(org: str) -> Principal:
    """Decides on the requests of a clerk: never the same person (Art. 34)."""
    return Principal("clerk", org, f"play-{org}-head", person=f"play-{org}-head", head=True)


class World:
    """The environment of the simulated cases. Time comes only from the settable clock."""

    def __init__(self, runtime: Process, clock: SetClock, book: PolicyBook) -> None:
        self.runtime = runtime
        self.clock = clock
        self.book = book
        self.refused: Counter[str] = Counter()
        """Code -> number of refused commands. Actors do not know all rules."""
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
        """Carry out a command as the HTTP route does. Returns False when it is refused."""
        body = self._models[name].model_validate({"command": name, "command_id": f"p{next(self._ids)}", **fields})
        try:
            await give(self.runtime.ports, principal, case, RULES[name], body)
        except Refused as refused:
            self.refused[refused.code] += 1
            return False
        return True

    # ------------------------------------------------------------ the agenda

    def at(self, when: datetime, number: int, act: Act) -> None:
        """Schedule an action of the case with that number. Actions of one case keep their order."""
        heapq.heappush(self._agenda, (when, number, next(self._ids), act))

    def due(self) -> dict[int, list[Act]]:
        """Take the due actions from the agenda: number of the case -> its actions in order."""
        found: dict[int, list[Act]] = {}
        while self._agenda and self._agenda[0][0] <= self.clock.now():
            _when, number, _order, act = heapq.heappop(self._agenda)
            found.setdefault(number, []).append(act)
        return found

    def office_hour(self, dice: Random, days: tuple[int, int]) -> datetime:
        """A working hour, so many days from now or on the next working day after that."""
        return self.book.office.opening(self._hour(dice, days, (9, 16)))

    def waking_hour(self, dice: Random, days: tuple[int, int]) -> datetime:
        """A waking hour of any day: citizens keep no office hours."""
        return self._hour(dice, days, (8, 20))

    def _hour(self, dice: Random, days: tuple[int, int], hours: tuple[int, int]) -> datetime:
        here = zone(self.book.zone)
        day = day_of(self.clock.now(), self.book.zone) + timedelta(days=dice.randint(*days))
        wanted = datetime.combine(day, time(dice.randint(*hours)), here)
        return max(wanted, self.clock.now().astimezone(here) + timedelta(minutes=1))
