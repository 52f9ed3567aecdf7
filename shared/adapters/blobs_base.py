"""What the blob stores have in common: a whole blob is a draft that is finished at once."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Sequence

from shared.eventstore.blobs import BlobInfo, Piece, new_draft, unchanged


class BlobsBase(ABC):
    """Base of the blob stores. The methods are those of `Blobs`."""

    async def put(self, content: AsyncIterable[Piece]) -> BlobInfo:
        """Store a whole blob. Where that fails, nothing stays, also if the caller is cancelled."""
        draft = new_draft()
        try:
            await self.write(draft, 0, content)
        except BaseException:
            await asyncio.shield(self.discard([draft]))
            raise
        return await self.finish(draft)

    @abstractmethod
    async def write(
        self, draft: str, offset: int, content: AsyncIterable[Piece], through: Callable[[Piece], Piece] = unchanged
    ) -> int: ...

    @abstractmethod
    async def finish(self, draft: str) -> BlobInfo: ...

    @abstractmethod
    async def discard(self, drafts: Sequence[str]) -> int: ...
