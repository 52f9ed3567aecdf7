"""Long polling: a reader asks for entries after its cursor, and gets the answer as soon as there are some."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from fastapi import Depends, Query

from shared.hosting.process import Process
from shared.http.authentication import Caller, key_required
from shared.kernel.settings import Settings
from shared.messaging.notification_stream import StreamPage

LOOK_SECONDS = 1.0
"""Interval of the queries for entries that another process appended. Each is one query of an index."""


Page = TypeVar("Page", bound=StreamPage[Any])


class Cursor(NamedTuple):
    """The entries of a stream that a reader requests, and how many seconds the request may wait for one."""

    after: int
    limit: int
    wait: float
    reader: str = ""
    """Id of the reader's access key."""


def cursor_query(settings: Settings) -> Any:
    """The FastAPI dependency that reads a Cursor from the query."""

    async def cursor(
        caller: Caller,
        after: int = Query(
            0, ge=0, le=2**53, description="Cursor: id of the last entry that was read; 0 for the beginning"
        ),
        limit: int = Query(50, ge=1, le=settings.page_limit, description="Maximum number of entries"),
        wait: float = Query(0, ge=0, le=settings.wait_limit, description="Seconds to wait while there is no entry"),
    ) -> Cursor:
        return Cursor(after, limit, wait, caller.ref)

    return Depends(cursor)


async def polled(runtime: Process, stream: str, cursor: Cursor, look: Callable[[], Awaitable[Page]]) -> Page:
    """The first page of `look` with entries after the cursor, or the last page when the time is up or the process stops.

    Appends to other streams cost nothing. Raises NotAuthenticated once the reader's key was revoked or has expired."""
    until = time.monotonic() + cursor.wait
    with runtime.watching(stream) as news:
        while True:
            news.clear()
            if not await runtime.principals.still_valid(cursor.reader):
                raise key_required()
            page = await look()
            left = until - time.monotonic()
            if page.after > cursor.after or left <= 0 or runtime.stopping:
                return page
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(left, LOOK_SECONDS))
