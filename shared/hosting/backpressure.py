"""Backpressure: no filing is accepted while more commits wait for the broker than the settings allow."""

from __future__ import annotations

from shared.eventstore.errors import LoginRefused, StoreUnavailable
from shared.eventstore.event_store import EventStore
from shared.kernel.clock import Clock
from shared.kernel.refusals import Unavailable

LOOK = 0.5
"""Seconds between two counts. A filing never waits for a count."""
AWAY = 2
"""After this many unanswered counts in a row the log counts as away; a change of the primary takes less."""
LOG_AWAY, STORE_LOGIN_REFUSED = "log_away", "store_login_refused"
"""Codes of /readyz while the log cannot be queried."""
RETRY = 30
"""Seconds after which a refused client may try again."""


class Backpressure:
    """Counts, in the background, the commits that the broker has not acknowledged. Reading the result costs no query."""

    def __init__(self, log: EventStore, clock: Clock, limit: int) -> None:
        self.waiting = 0
        """As last counted."""
        self.away: str | None = None
        """Why the log cannot be queried; None while it can."""
        self._unanswered = 0
        self._log = log
        self._clock = clock
        self._limit = limit

    @property
    def full(self) -> bool:
        return self.waiting >= self._limit

    def admit(self) -> None:
        """Raises Unavailable `unpublished_full` while too many commits wait for the broker."""
        if self.full:
            raise Unavailable(
                "unpublished_full",
                "Too many events are waiting for Kafka, so nothing new is accepted. All filings accepted so far are stored."
                " Send this again later.",
                detail_zh="待送出的内容已达上限，暂不受理新的内容；已受理的均已保存。请稍后重新提交。",
                retry_after=RETRY,
            )

    async def look(self) -> None:
        """Count once. While the log is away, the last count remains valid."""
        try:
            self.waiting = await self._log.backlog()
        except StoreUnavailable as error:
            self._unanswered += 1
            if self._unanswered >= AWAY:
                self.away = STORE_LOGIN_REFUSED if isinstance(error, LoginRefused) else LOG_AWAY
        else:
            self.away, self._unanswered = None, 0

    async def watch(self) -> None:
        """Count for as long as the process lives."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK)
