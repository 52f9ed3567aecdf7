"""A clock that only moves when a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from uuid import UUID

from shared.kernel.clock_trust import ClockTrust

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class SetClock:
    """A `Clock` for tests: `advance` and `set` move both clocks; `jump` moves only the wall clock, as an operator or NTP would.

    Sleepers wake in the order of their times. After moving the clock, a test must yield (`await asyncio.sleep(0)`) to let
    them run. Two clocks with the same seed and start give the same ids.
    """

    def __init__(self, start: datetime = START, *, seed: int = 0) -> None:
        self._wall = start.astimezone(UTC)
        self._monotonic = 0.0
        self._random = Random(seed)
        self._order = count()
        self._last = (0, 0)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self.trust = ClockTrust(self.now, self.monotonic)

    def now(self) -> datetime:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def new_id(self) -> str:
        """A UUIDv7 that grows with each call, even if the clock does not move."""
        millisecond = max(int(self._wall.timestamp() * 1000), self._last[0])
        tick = self._last[1] + 1 if millisecond == self._last[0] else 0
        if tick > 0xFFF:
            millisecond, tick = millisecond + 1, 0
        self._last = (millisecond, tick)
        low = 0b10 << 62 | self._random.getrandbits(62)
        return str(UUID(int=millisecond << 80 | 0x7 << 76 | tick << 64 | low))

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), woken))
        await woken

    def advance(self, by: timedelta | float) -> None:
        """Let `by` (seconds, if a number) pass."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        if seconds < 0:
            raise ValueError("time cannot pass backwards; use jump() to change the wall clock")
        self._wall += timedelta(seconds=seconds)
        self._monotonic += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)

    def set(self, when: datetime) -> None:
        """Let time pass until `when`."""
        self.advance(when - self._wall)

    def jump(self, by: timedelta) -> None:
        """Change the wall clock without letting time pass."""
        self._wall += by
