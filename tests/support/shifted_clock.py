"""The clock of this machine, moved: for tests whose result depends on the hour, such as that no message is sent at night."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.adapters.system_clock import SystemClock


class ShiftedClock(SystemClock):
    """Shows `start` when it is made, and goes on from there."""

    def __init__(self, start: datetime) -> None:
        self._shift = start - datetime.now(UTC)
        super().__init__()

    def now(self) -> datetime:
        return super().now() + self._shift
