"""The port `Clock`: the only source of time and of new ids."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from shared.kernel.clock_trust import ClockTrust


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall clock in UTC."""
        ...

    @property
    def trust(self) -> ClockTrust:
        """Whether the wall clock may date the record; `trust.now()` is the time for it."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, to detect jumps of the wall clock."""
        ...

    def new_id(self) -> str:
        """A fresh UUIDv7 as text."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait. The clock of a test waits until it is set forward."""
        ...
