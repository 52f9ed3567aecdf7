"""The clock of the operating system."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import uuid_utils


class SystemClock:
    """The `Clock` of every process that is not a test."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def new_id(self) -> str:
        return str(uuid_utils.uuid7())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
