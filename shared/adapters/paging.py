"""Reading sorted data page by page, each page beginning after the last item of the one before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")


async def pages(
    read: Callable[[P], Awaitable[Sequence[T]]], start: P, place: Callable[[T], P], size: int
) -> AsyncIterator[Sequence[T]]:
    """The pages in order, without empty ones.

    Args:
        read: Returns at most `size` items after a place.
        start: The place before the first item.
        place: The place of an item.
        size: A shorter page is the last one.
    """
    after = start
    while True:
        page = await read(after)
        if page:
            yield page
        if len(page) < size:
            return
        after = place(page[-1])
