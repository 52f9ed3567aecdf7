"""Blobs in memory, for tests."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

from shared.adapters.blobs_base import BlobsBase
from shared.eventstore.blobs import (
    PIECE,
    BlobInfo,
    BlobMissing,
    DraftInfo,
    DraftShorter,
    Piece,
    address_of,
    checked_draft,
    unchanged,
)

_PIECE = 1 << 16


class MemoryBlobs(BlobsBase):
    """A `Blobs`. Tests may change `stored` and `times` to damage or age a blob."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.times: dict[str, datetime] = {}
        self._drafts: dict[str, bytearray] = {}
        self._changed: dict[str, datetime] = {}

    async def open(self, address: str, offset: int = 0, *, piece: int = PIECE) -> AsyncGenerator[Piece, None]:
        if address not in self.stored:
            raise BlobMissing(address)
        content = self.stored[address]
        for at in range(offset, len(content), piece):
            yield content[at : at + piece]

    async def stat(self, address: str) -> BlobInfo:
        if address not in self.stored:
            raise BlobMissing(address)
        return BlobInfo(address, len(self.stored[address]), self.times[address])

    async def exists(self, addresses: Sequence[str]) -> set[str]:
        return {one for one in addresses if one in self.stored}

    async def erase(self, addresses: Sequence[str]) -> int:
        gone = await self.exists(addresses)
        for one in gone:
            del self.stored[one], self.times[one]
        return len(gone)

    async def scan(self, *, after: str = "", batch: int = 1000) -> AsyncIterator[Sequence[BlobInfo]]:
        found = [BlobInfo(one, len(self.stored[one]), self.times[one]) for one in sorted(self.stored) if one > after]
        for at in range(0, len(found), batch):
            yield found[at : at + batch]

    async def write(
        self, draft: str, offset: int, content: AsyncIterable[Piece], through: Callable[[Piece], Piece] = unchanged
    ) -> int:
        kept = self._drafts.get(checked_draft(draft), bytearray())
        if len(kept) < offset:
            raise DraftShorter
        self._drafts[draft] = kept
        del kept[offset:]
        async for piece in content:
            kept += through(piece)
            self._changed[draft] = datetime.now(UTC)
        self._changed[draft] = datetime.now(UTC)
        return len(kept)

    async def read(self, draft: str, offset: int = 0) -> AsyncGenerator[Piece, None]:
        content = bytes(self._drafts.get(checked_draft(draft), b""))
        for at in range(offset, len(content), _PIECE):
            yield content[at : at + _PIECE]

    async def address(self, draft: str) -> str:
        if checked_draft(draft) not in self._drafts:
            raise DraftShorter
        return address_of(hashlib.sha256(self._drafts[draft]))

    async def finish(self, draft: str) -> BlobInfo:
        if checked_draft(draft) not in self._drafts:
            raise DraftShorter
        content = bytes(self._drafts.pop(draft))
        del self._changed[draft]
        address = address_of(hashlib.sha256(content))
        if address not in self.stored:
            self.stored[address] = content
            self.times[address] = datetime.now(UTC)
        return BlobInfo(address, len(content), self.times[address])

    async def discard(self, drafts: Sequence[str]) -> int:
        gone = [one for one in drafts if self._drafts.pop(checked_draft(one), None) is not None]
        for one in gone:
            self._changed.pop(one, None)
        return len(gone)

    async def drafts(self, *, batch: int = 1000) -> AsyncIterator[Sequence[DraftInfo]]:
        found = [DraftInfo(one, len(self._drafts[one]), self._changed[one]) for one in sorted(self._drafts)]
        for at in range(0, len(found), batch):
            yield found[at : at + batch]

    async def close(self) -> None:
        """Nothing to close."""
