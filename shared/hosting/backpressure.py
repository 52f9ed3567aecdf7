"""Backpressure: no filing is accepted while more commits wait for the broker than the settings allow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from shared.eventstore.errors import Damaged, LoginRefused, StoreUnavailable
from shared.eventstore.event_store import EventStore
from shared.kernel.clock import Clock
from shared.kernel.refusals import Unavailable

LOOK = 0.5
"""Seconds between two counts, and between two questions whether the log answers. A filing never waits for them."""
ANSWER = 0.75
"""Seconds after which such a question is asked again."""
AWAY = 2.0
"""Seconds without an answer after which the log counts as away: as long as a request waits until it is refused. So /readyz turns
within 2 * (LOOK + ANSWER) = 2.5 s of silence."""
ASKED = "principals"
"""Stream that is asked for: reading its beginning costs one look into an index."""
LOG_AWAY, STORE_LOGIN_REFUSED = "log_away", "store_login_refused"
"""Codes of /readyz while the log cannot be queried."""
RETRY = 30
"""Seconds after which a refused client may try again."""


class Backpressure:
    """Asks in the background whether the log answers, and counts the commits that the broker has not acknowledged. Reading the
    results costs no query."""

    def __init__(self, log: EventStore, clock: Clock, limit: int) -> None:
        self.waiting = 0
        """As last counted."""
        self.away: str | None = None
        """Why the log cannot be queried; None while it can."""
        self._answered = clock.monotonic()
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
        """Ask once whether the log answers."""
        why = LOG_AWAY
        try:
            with suppress(Damaged):  # that is an answer
                await asyncio.wait_for(self._log.load(ASKED, limit=1), ANSWER)
        except StoreUnavailable as error:
            why = STORE_LOGIN_REFUSED if isinstance(error, LoginRefused) else LOG_AWAY
        except TimeoutError:
            pass
        else:
            self.away, self._answered = None, self._clock.monotonic()
            return
        if self._clock.monotonic() - self._answered >= AWAY:
            self.away = why

    async def count(self) -> None:
        """Count once. While the log is away, the last count remains valid."""
        with suppress(StoreUnavailable):
            self.waiting = await self._log.backlog()

    async def watch(self) -> None:
        """Ask and count for as long as the process lives. A count that hangs does not delay the question."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._always(self.look))
            group.create_task(self._always(self.count))

    async def _always(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            await once()
            await self._clock.sleep(LOOK)
