"""The ticker: looks at the cases that are due, and only at those.

It asks the due index, of the slots that it has leased, loads each case and decides on the log. A rung is exactly once because
the case itself knows which rungs it has reached, the log admits one version only, and one commit under a cause that is
made of the rung.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from services.supervision.slots import SLOTS, Slots
from services.supervision.views import DUE
from shared.access import Principal
from shared.case import Case
from shared.commands import RULES, Command, Fresh, Given
from shared.deadlines import rungs_due, waits_until
from shared.handling import Handling, Stamp
from shared.log import Damaged
from shared.names import derived_id
from shared.refusals import Refused, Unavailable
from shared.times import to_text
from shared.views import Condition, Row, Value, Views

BATCH = 500
INTERVAL = 1.0
"""Seconds between looks when nothing is due."""
DRIFT = 30.0
"""Seconds by which wall clock and monotonic clock may part before firing pauses."""
log = structlog.get_logger("ticker")


class Ticker:
    """Fires what is due. `paused` says why it does not."""

    def __init__(self, handling: Handling, views: Views) -> None:
        self._handling = handling
        self._views = views
        self.slots = Slots(views, handling.clock.new_id())
        self._asleep: dict[str, tuple[Row, datetime]] = {}
        """Case -> its row in the index, and until when it waits: a reminder for the opening of the office."""
        self._wall = handling.clock.now()
        self._steady = handling.clock.monotonic()
        self.paused: str | None = None
        self.jumps = 0
        self.fired = 0

    def leases(self) -> int:
        """Slots of the due index that this process holds."""
        return len(self.slots.known(self._handling.clock.now()))

    async def run(self) -> None:
        """For ever, until cancelled; then its slots are free at once."""
        try:
            while True:
                if not await self.look():
                    await self._handling.clock.sleep(INTERVAL)
        finally:
            await self.slots.release()

    async def look(self) -> bool:
        """One round over everything of its slots that is due now. True when something fired: there may be more to do at
        once."""
        now = self._handling.clock.now()
        if not self._trusts(now):
            return False
        held = await self.slots.held(now)
        due = Condition("next_at", "<=", to_text(now))
        if len(held) == SLOTS:
            return await self._round([due], now)
        fired = [await self._round([Condition("slot", "=", slot), due], now) for slot in sorted(held)]
        return any(fired)

    async def _round(self, where: list[Condition], now: datetime) -> bool:
        after: tuple[Value, ...] | None = None
        busy = False
        while True:
            due = await self._views.find(DUE.name, where, order=["next_at"], after=after, limit=BATCH)
            awake = [row for row in due if not self._sleeps(row, now)]
            busy = any(await asyncio.gather(*(self._tick(row) for row in awake))) or busy
            if len(due) < BATCH:
                return busy
            after = ((due[-1].values or {}).get("next_at"), due[-1].key)

    def _sleeps(self, row: Row, now: datetime) -> bool:
        """Was it seen, as it stands in the index, that nothing is to be recorded yet?"""
        if row.key not in self._asleep:
            return False
        seen, until = self._asleep[row.key]
        if seen == row and now < until:
            return True
        del self._asleep[row.key]
        return False

    def _trusts(self, now: datetime) -> bool:
        """A wall clock that parts from the monotonic one pauses firing until it agrees again or is accepted anew."""
        steady = self._handling.clock.monotonic()
        drift = (now - self._wall).total_seconds() - (steady - self._steady)
        if abs(drift) <= DRIFT:
            if self.paused:
                log.warning("clock_agrees_again")
            self.paused = None
            return True
        if not self.paused:
            self.jumps += 1
            log.error("clock_jump", seconds=round(drift))
        self.paused = f"wall clock jumped by {round(drift)} s"
        return False

    def accept_clock(self) -> None:
        """Operations say that the wall clock is right now."""
        self._wall, self._steady = self._handling.clock.now(), self._handling.clock.monotonic()
        self.paused = None

    async def _tick(self, row: Row) -> bool:
        rule = RULES["tick"]
        try:
            case, _head = await self._handling.cases.get(row.key, at_least=row.applied)
            book = await self._handling.policies.book(case.jurisdiction)
            now = self._handling.clock.now()
            due = rungs_due(case, book, now)
            if not due:
                until = waits_until(case, book, now)
                if until is not None:
                    self._asleep[row.key] = (row, until)
                return False
            first = derived_id(case.id, *due[0].name)

            def decide(found: Case, given: Given) -> list[Fresh]:
                fresh = rule(found, Command(), given)
                return fresh if fresh and fresh[0].id == first else []  # else it has moved on: look again

            stamp = Stamp(
                principal=Principal("service", None, "supervision"),
                cause=f"supervision.tick:{'.'.join(due[0].name)}",
            )
            done = await self._handling.on_case(row.key, rule.action, stamp, decide)
        except Unavailable as unavailable:  # this case only, and only now: the others are not to wait for it
            log.warning("ticker_waits", code=unavailable.code)
            return False
        except (Damaged, Refused) as refused:
            log.error("tick_refused", code=getattr(refused, "code", "damaged_case"))
            return False
        self.fired += 0 if done.commit is None or done.repeated else 1
        return done.commit is not None and not done.repeated
