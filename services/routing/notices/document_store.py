"""Where the documents of notices are stored: encrypted, each under a key of its own, before the event that names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """A stored document."""

    address: str
    """Hash of the encrypted bytes."""
    key: str
    """Opens it; the event seals it under the petitioner's key."""


class DocumentMissing(Exception):
    """There is no document of this address, or it is not the one that was stored."""


class DocumentStore(Protocol):
    """What is stored never changes."""

    async def keep(self, content: bytes) -> Stored:
        """Store a document; it is durable when this returns."""
        ...

    async def read(self, address: str, key: str) -> bytes:
        """The document. Raises DocumentMissing."""
        ...

    async def discard(self, addresses: Sequence[str]) -> None:
        """Remove documents that no event names."""
        ...
