"""Long polling: a reader asks for entries after its cursor, and gets the answer as soon as there are some."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from shared.hosting.process import Process

LOOK_SECONDS = 1.0
"""How long a wait may miss what another process appended: one look at an index, and all that an idle wait costs."""


class _Page(Protocol):
    """A page of a stream. `after`: cursor of the next one."""

    after: int


Page = TypeVar("Page", bound=_Page)


async def polled(runtime: Process, stream: str, after: int, wait: float, look: Callable[[], Awaitable[Page]]) -> Page:
    """What `look` finds, as soon as that reaches past `after`; what it found last when `wait` seconds are over, or the process
    stops. Appends to other streams cost nothing."""
    until = time.monotonic() + wait
    with runtime.watching(stream) as news:
        while True:
            news.clear()
            page = await look()
            left = until - time.monotonic()
            if page.after > after or left <= 0 or runtime.stopping:
                return page
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(left, LOOK_SECONDS))
