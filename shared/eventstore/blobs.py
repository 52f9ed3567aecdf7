"""The port `Blobs`: encrypted files, each under the hash of its bytes. It sees ciphertext only (see file_encryption.py).

A blob is written once, as a draft that can grow, be cut back and go on after an interruption, and becomes a blob when it is
finished. A blob never changes. Events name blobs; nothing here knows which.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

Piece = bytes | memoryview
"""Some bytes of a file."""
PIECE = 512 * 1024
"""Bytes that are read at once."""
P = ParamSpec("P")
T = TypeVar("T")
ALGORITHM = "sha256"
DRAFT_BYTES = 16
_ADDRESS = re.compile(r"sha256:[0-9a-f]{64}")
_DRAFT = re.compile(r"[0-9a-f]{32}")
_REMEMBERED = 512
_AT_ONCE = 64 * 1024
"""Bytes that are encrypted or hashed within 0.1 ms."""


def unchanged(piece: Piece) -> Piece:
    return piece


async def beside(size: int, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """The result of `work` on `size` bytes; in a thread where it would hold up the event loop."""
    if size <= _AT_ONCE:
        return work(*given, **named)
    return await asyncio.to_thread(work, *given, **named)


class BlobInfo(NamedTuple):
    """One stored blob."""

    address: str
    size: int
    """Bytes of the ciphertext."""
    stored_at: datetime
    """When it became a blob, by the clock of the store."""


class DraftInfo(NamedTuple):
    """One draft that is not finished."""

    draft: str
    size: int
    changed_at: datetime


class BlobMissing(Exception):
    """There is no blob of this address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is missing")
        self.address = address


class DraftShorter(Exception):
    """A draft has fewer bytes than the caller takes for durable: it was removed or belongs to another store."""


class Blobs(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - What `put`, `write` and `finish` return is durable. A name that is visible always has its whole content.
    - `put` and `finish` of bytes that are there already give the same address and store nothing twice.
    - No operation holds a whole blob in memory.
    - A name that is no address is refused as missing, never used as a path.
    - Where the store does not answer or has no space: StoreUnavailable, StoreFull.
    """

    async def put(self, content: AsyncIterable[Piece]) -> BlobInfo:
        """Store a whole blob. An error of `content` is raised again, and nothing is stored."""
        ...

    def open(self, address: str, offset: int = 0, *, piece: int = PIECE) -> AsyncGenerator[Piece, None]:
        """The bytes from `offset` on, as they are read; `piece` at once where the store can. Raises BlobMissing at the first."""
        ...

    async def stat(self, address: str) -> BlobInfo:
        """Its size and age. Raises BlobMissing."""
        ...

    async def exists(self, addresses: Sequence[str]) -> set[str]:
        """Those of `addresses` that are stored. One round trip for the whole list."""
        ...

    async def erase(self, addresses: Sequence[str]) -> int:
        """Remove them; returns how many there were."""
        ...

    def scan(self, *, after: str = "", batch: int = 1000) -> AsyncIterator[Sequence[BlobInfo]]:
        """All blobs whose address follows `after`, in the order of the addresses."""
        ...

    async def write(
        self, draft: str, offset: int, content: AsyncIterable[Piece], through: Callable[[Piece], Piece] = unchanged
    ) -> int:
        """Keep the first `offset` bytes of a draft, drop what follows them, and append `content`. Returns the new size, which is
        durable. Only one writer may use a draft at a time.

        Args:
            through: What becomes of each piece before it is stored, such as its encryption. Called for one piece after the
                other, in the thread that writes them where there is one.

        Raises:
            DraftShorter: there are fewer than `offset` bytes.
        """
        ...

    def read(self, draft: str, offset: int = 0) -> AsyncGenerator[Piece, None]:
        """The bytes of a draft. A draft that does not exist has none."""
        ...

    async def address(self, draft: str) -> str:
        """The address that the draft gets when it is finished as it is. Raises DraftShorter where it does not exist."""
        ...

    async def finish(self, draft: str) -> BlobInfo:
        """Make the draft a blob. Raises DraftShorter where it does not exist."""
        ...

    async def discard(self, drafts: Sequence[str]) -> int:
        """Remove drafts; returns how many there were."""
        ...

    def drafts(self, *, batch: int = 1000) -> AsyncIterator[Sequence[DraftInfo]]:
        """All drafts, in the order of their names."""
        ...

    async def close(self) -> None: ...


def new_draft() -> str:
    """A name that no other draft has."""
    return os.urandom(DRAFT_BYTES).hex()


def is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def checked_draft(draft: str) -> str:
    """The name. Raises ValueError if it is none of new_draft()."""
    if _DRAFT.fullmatch(draft) is None:
        raise ValueError("not the name of a draft")
    return draft


def address_of(digest: hashlib._Hash) -> str:
    return f"{ALGORITHM}:{digest.hexdigest()}"


class DraftHashes:
    """The hashes of drafts that this process writes, so that a draft is not read again when it is finished. Only a help: what is
    forgotten is computed from the bytes."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, hashlib._Hash]] = OrderedDict()

    def taken(self, draft: str, size: int) -> hashlib._Hash | None:
        """The hash of the first `size` bytes of the draft, to be continued; None where it is not known. It is forgotten until it is
        kept again."""
        if size == 0:
            self._known.pop(draft, None)
            return hashlib.sha256()
        known = self._known.pop(draft, None)
        return known[1] if known is not None and known[0] == size else None

    def known(self, draft: str, size: int) -> hashlib._Hash | None:
        """The hash of a draft of `size` bytes, None where it is not known."""
        known = self._known.get(draft)
        return known[1] if known is not None and known[0] == size else None

    def keep(self, draft: str, size: int, digest: hashlib._Hash) -> None:
        self._known[draft] = (size, digest)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, draft: str) -> None:
        self._known.pop(draft, None)
