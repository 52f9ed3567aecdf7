"""The content of an upload as it arrives: taken in rounds, counted, cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable

from shared.application.upload_refusals import too_large


class Pieces:
    """The content of a part, taken in rounds. An error of the source ends it and is kept."""

    def __init__(self, content: AsyncIterable[bytes], room: int) -> None:
        self._content = content.__aiter__()
        self._room = room
        self._left: memoryview = memoryview(b"")
        self.ended = False
        self.error: BaseException | None = None

    async def next(self, most: int, late: Callable[[], bool]) -> AsyncIterator[memoryview]:
        """Pieces of the next `most` bytes, or of what came before it was `late`."""
        taken = False
        while most and not self.ended:
            if not self._left:
                if taken and late():
                    return
                await self._take()
                taken = True
                continue
            piece = self._left[:most]
            self._left = self._left[len(piece) :]
            most -= len(piece)
            yield piece

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


class Counted:
    """Content, and how many bytes of it came."""

    def __init__(self, content: AsyncIterable[bytes]) -> None:
        self._content = content
        self.size = 0

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for piece in self._content:
            self.size += len(piece)
            yield piece


async def first(content: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """The first `most` bytes."""
    async for piece in content:
        if most <= 0:
            return
        yield piece[:most]
        most -= len(piece)
