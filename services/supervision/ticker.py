"""The ticker: looks at the cases that are due, and only at those.

It asks the due index, loads each case and decides on the log. A rung is exactly once because the case itself knows which
rungs it has reached and the log admits one version only.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from services.supervision.views import DUE
from shared.access import Principal
from shared.commands import RULES, Command
from shared.handling import Handling, Stamp
from shared.log import Damaged
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
        self._wall = handling.clock.now()
        self._steady = handling.clock.monotonic()
        self.paused: str | None = None
        self.jumps = 0
        self.fired = 0

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            if not await self.look():
                await self._handling.clock.sleep(INTERVAL)

    async def look(self) -> bool:
        """One round over everything that is due now. True when something fired: there may be more to do at once."""
        now = self._handling.clock.now()
        if not self._trusts(now):
            return False
        until = [Condition("next_at", "<=", to_text(now))]
        after: tuple[Value, ...] | None = None
        busy = False
        while True:
            due = await self._views.find(DUE.name, until, order=["next_at"], after=after, limit=BATCH)
            busy = any(await asyncio.gather(*(self._tick(row) for row in due))) or busy
            if len(due) < BATCH:
                return busy
            after = ((due[-1].values or {}).get("next_at"), due[-1].key)

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
        stamp = Stamp(
            principal=Principal("service", None, "supervision"),
            cause=f"supervision.tick:{self._handling.clock.new_id()}",  # once, because the case knows its rungs
        )
        try:
            done = await self._handling.on_case(
                row.key, rule.action, stamp, lambda case, given: rule(case, Command(), given)
            )
        except Unavailable as unavailable:  # this case only, and only now: the others are not to wait for it
            log.warning("ticker_waits", code=unavailable.code)
            return False
        except (Damaged, Refused) as refused:
            log.error("tick_refused", code=getattr(refused, "code", "damaged_case"))
            return False
        self.fired += 0 if done.commit is None or done.repeated else 1
        return done.commit is not None and not done.repeated
