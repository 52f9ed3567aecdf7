"""Whether the clock of this machine may date the record.

A process compares its wall clock with witnesses of the time, at the start and while it runs. Between two answers the wall clock
must keep pace with the monotonic clock. While there is a doubt nothing is appended and no deadline fires (docs/adr/0042).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from shared.kernel.refusals import Unavailable

CLOCK_WRONG = "clock_wrong"
"""Code of the refusal, and of the reason in /readyz."""
TOLERANCE = 30.0
"""Seconds by which the wall clock may differ from a witness."""
SKEW = timedelta(seconds=2 * TOLERANCE)
"""By how much two trusted clocks may differ."""
LOOK = 2.0
"""Seconds between two questions to the witnesses."""
FRESH = 30.0
"""Seconds of the monotonic clock after which an answer of a witness is too old. A machine that was restored from a snapshot
continues both of its clocks from the past, so that only a witness shows the difference."""
RETRY = 5
"""Seconds after which a refused client may try again."""
JUMP, UNCONFIRMED = "jump", "unconfirmed"
log = structlog.get_logger("clock")
Asked = Callable[[], Awaitable[datetime]]


def runs(until: datetime | None, now: datetime, longest: timedelta) -> bool:
    """True while a lease until then runs. One that ends later than any could was written by a wrong clock."""
    return until is not None and now < until <= now + longest + SKEW


class Doubt(NamedTuple):
    """Why the clock is not trusted: the witness that contradicts it, or `jump`, or `unconfirmed`."""

    witness: str
    seconds: float
    """By how much the wall clock is ahead; negative: behind; 0 if nobody knows."""

    def __str__(self) -> str:
        if self.witness == UNCONFIRMED:
            return "no witness of the time has answered lately"
        if self.witness == JUMP:
            return f"the wall clock jumped by {self.seconds:.0f} s"
        side = "ahead of" if self.seconds > 0 else "behind"
        return f"the wall clock is {abs(self.seconds):.0f} s {side} the {self.witness}"


@dataclass(frozen=True)
class Witness:
    """A source of the time other than the clock of this machine.

    `decides`: an operator cannot overrule it, because all processes share it. `least`: it knows only that it is later than this.
    """

    ask: Asked
    decides: bool = True
    least: bool = False


class ClockTrust:
    """Compares `now`, the wall clock, with the witnesses, and in between with `steady`, the monotonic clock."""

    def __init__(self, now: Callable[[], datetime], steady: Callable[[], float]) -> None:
        self._now, self._steady = now, steady
        self._wall, self._since = now(), steady()
        self._witnesses: dict[str, Witness] = {}
        self._ahead: dict[str, float] = {}
        """Witness -> seconds by which the wall clock was ahead at its last answer."""
        self._answered: float | None = None
        self._away = False
        self._overruled: set[str] = set()
        self._known: Doubt | None = None
        self._accepted = False
        self.jumps = 0
        """Number of times that the clock was found wrong."""

    def add(self, name: str, witness: Witness) -> None:
        """Ask this witness, too."""
        self._witnesses[name] = witness

    @property
    def witnessed(self) -> bool:
        """True if a witness decides."""
        return any(one.decides for one in self._witnesses.values())

    @property
    def confirmed(self) -> bool:
        """True while somebody else says that the clock is right: a witness that decides, or an operator."""
        return self.doubt is None and (self._accepted or (self._answered is not None and self.witnessed))

    @property
    def offsets(self) -> dict[str, float]:
        """Witness -> seconds by which the wall clock was ahead at its last answer."""
        return dict(self._ahead)

    @property
    def doubt(self) -> Doubt | None:
        """Why the clock is not trusted now; None while it is. Costs no question."""
        for name, ahead in self._ahead.items():
            if abs(ahead) > TOLERANCE and name not in self._overruled:
                return self._noticed(Doubt(name, ahead))
        steady = self._steady()
        drift = (self._now() - self._wall).total_seconds() - (steady - self._since)
        if abs(drift) > TOLERANCE:
            return self._noticed(Doubt(JUMP, drift))
        if self.witnessed and not self._away and (self._answered is None or not 0 <= steady - self._answered <= FRESH):
            return Doubt(UNCONFIRMED, 0.0)
        return self._noticed(None)

    def now(self) -> datetime:
        """The time, for what is recorded.

        Raises:
            Unavailable: `clock_wrong`.
        """
        if (doubt := self.doubt) is not None:
            raise Unavailable(
                CLOCK_WRONG,
                f"This machine's clock is not trusted ({doubt.witness}), so nothing is recorded. Correct the clock; no data was"
                " written.",
                detail_zh="本机时钟与基准时间不符，暂不记录任何内容。请先校正时钟；未写入任何内容。",
                retry_after=RETRY,
            )
        return self._now()

    async def look(self) -> Doubt | None:
        """Ask every witness once. One that does not answer changes nothing."""
        for name, witness in self._witnesses.items():
            begun, since = self._now(), self._steady()
            try:
                told = await witness.ask()
            except Exception as error:  # readiness reports a store that does not answer
                self._away = self._away or witness.decides
                log.debug("witness_away", reason=name, error=type(error).__name__)
                continue
            ended, answered = self._now(), self._steady()
            if abs((ended - begun).total_seconds() - (answered - since)) > TOLERANCE:
                continue  # the clock jumped while the question was on its way, so the answer confirms neither side of the jump
            behind = min(0.0, (ended - told).total_seconds())
            ahead = 0.0 if witness.least else max(0.0, (begun - told).total_seconds())
            self._ahead[name] = behind or ahead
            agrees = abs(self._ahead[name]) <= TOLERANCE
            if agrees:
                self._overruled.discard(name)
            if witness.decides:
                self._away = False
                self._answered = answered
                if agrees:
                    self._wall, self._since = ended, answered
        return self.doubt

    async def fresh(self) -> Doubt | None:
        """As `doubt`, after a question to the witnesses if one decides."""
        return await self.look() if self.witnessed else self.doubt

    async def watch(self) -> None:
        """Ask for as long as the process lives."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK)

    def accept(self) -> Doubt | None:
        """An operator confirms the wall clock. Returns the doubt that remains: a witness that decides cannot be overruled."""
        self._overruled |= {name for name, one in self._witnesses.items() if not one.decides}
        self._wall, self._since = self._now(), self._steady()
        self._accepted = True
        return self.doubt

    def _noticed(self, doubt: Doubt | None) -> Doubt | None:
        """Log the beginning and the end of a doubt, once each."""
        known, self._known = self._known, doubt
        if doubt is not None and known is None:
            self.jumps += 1
            log.error("clock_wrong", reason=doubt.witness, seconds=round(doubt.seconds))
        elif doubt is None and known is not None:
            log.warning("clock_agrees_again")
        if doubt is not None:
            self._accepted = False
        return doubt
