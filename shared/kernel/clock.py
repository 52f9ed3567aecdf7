"""The port `Clock`: what time it is, and new ids. The only place where either comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall clock in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: to notice that the wall clock jumped."""
        ...

    def new_id(self) -> str:
        """A fresh UUIDv7 as text."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a test's clock waits until it is set forward."""
        ...
