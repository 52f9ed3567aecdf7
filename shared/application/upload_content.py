"""The content of an upload as it arrives: taken in rounds, counted, cut."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.application.upload_refusals import too_large
from shared.eventstore.blobs import Piece

STEP = 512 * 1024
"""Bytes that are encrypted and written at once: each step has a turn of the event loop and one in a thread."""


class Pieces:
    """The content of a part, taken in rounds. An error of the source ends it and is kept. `order`: its place among others."""

    def __init__(self, content: AsyncIterable[bytes], room: int, order: int) -> None:
        self.order = order
        self._content = content.__aiter__()
        self._room = room
        self._left: memoryview = memoryview(b"")
        self.ended = False
        self.error: BaseException | None = None

    async def next(self, most: int, late: Callable[[], bool]) -> bytes:
        """What comes next: STEP bytes, at most `most`; fewer where it was `late`, or the content ended; then none."""
        found: list[memoryview] = []
        room = min(most, STEP)
        while room:
            if not self._left:
                if self.ended or (found and late()):
                    break
                await self._take()
                continue
            piece = self._left[:room]
            self._left = self._left[len(piece) :]
            room -= len(piece)
            found.append(piece)
        return b"".join(found)

    async def _take(self) -> None:
        try:
            self._left = memoryview(await anext(self._content))
        except StopAsyncIteration:
            self.ended = True
        except (Exception, asyncio.CancelledError) as error:
            self.ended, self.error = True, error
        if len(self._left) > self._room:
            self.ended, self.error, self._left = True, too_large(), memoryview(b"")
        self._room -= len(self._left)


class Turns:
    """The turns of the parts that are being received: `most` have one at a time, and the part that began first goes first. So the
    first files are soon whole, and checked while others still arrive."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._begun = itertools.count()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def order(self) -> int:
        """The place of a new part."""
        return next(self._begun)

    @asynccontextmanager
    async def turn(self, order: int) -> AsyncIterator[None]:
        """The turn of the part with that place."""
        if self._free:
            self._free -= 1
        else:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (order, waiting))
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled():
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            _, waiting = heapq.heappop(self._waiting)
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1


class Counted:
    """Content, and how many bytes of it came."""

    def __init__(self, content: AsyncIterable[bytes]) -> None:
        self._content = content
        self.size = 0

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for piece in self._content:
            self.size += len(piece)
            yield piece


async def first(content: AsyncIterator[Piece], most: int) -> AsyncGenerator[Piece, None]:
    """The first `most` bytes."""
    async for piece in content:
        if most <= 0:
            return
        yield piece[:most]
        most -= len(piece)
