"""The clock of the operating system."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import uuid_utils

from shared.kernel.clock_trust import ClockTrust


def _steady() -> float:
    """Seconds that never go back and, where the system counts them, include those that the machine slept."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock:
    """The `Clock` of every process that is not a test."""

    def __init__(self) -> None:
        self.trust = ClockTrust(self.now, _steady)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def new_id(self) -> str:
        return str(uuid_utils.uuid7())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
