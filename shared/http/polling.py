"""Waiting for news of a stream: a reader asks for what comes after its cursor, and is answered when there is something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

from shared.runtime import Runtime

LOOK_SECONDS = 1.0
"""How long a wait may miss what another process appended: one look at an index, and all that an idle wait costs."""


class Reach(NamedTuple):
    """How far a page reaches. `after`: cursor of the next one."""

    after: int
    more: bool


Page = TypeVar("Page")


async def polled(
    runtime: Runtime, stream: str, after: int, wait: float, look: Callable[[], Awaitable[tuple[Page, Reach]]]
) -> tuple[Page, Reach]:
    """What `look` finds, as soon as that reaches past `after`; what it found last when `wait` seconds are over, or the process
    stops. Appends to other streams cost nothing."""
    until = time.monotonic() + wait
    with runtime.watching(stream) as news:
        while True:
            news.clear()
            page, reach = await look()
            left = until - time.monotonic()
            if reach.after > after or left <= 0 or runtime.stopping:
                return page, reach
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(left, LOOK_SECONDS))
