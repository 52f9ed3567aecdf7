"""The stored documents of notices: blobs, each under a key of its own, durable before the event that names them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.application.file_uploads import FileUploads
from shared.eventstore.blobs import BlobMissing, Blobs
from shared.eventstore.file_encryption import FileDamaged, FileKey, encrypted
from shared.kernel.file_ciphers import FileCipher


class Stored(NamedTuple):
    """A stored document."""

    address: str
    """Hash of the encrypted bytes."""
    key: str
    """Opens it; the event seals it under the petitioner's key."""
    size: int


class DocumentMissing(Exception):
    """There is no document of this address, or it is not the one that was stored."""


@dataclass(frozen=True)
class DocumentStore:
    """Keeps documents in the blobs of a process. What is stored never changes."""

    blobs: Blobs
    files: FileUploads
    cipher: FileCipher

    async def keep(self, content: bytes) -> Stored:
        """Store a document; it is durable when this returns."""
        key = FileKey.new(self.cipher)
        info = await self.blobs.put(encrypted(key, _pieces(content)))
        return Stored(info.address, str(key), len(content))

    async def read(self, address: str, key: str) -> bytes:
        """The document. Raises DocumentMissing."""
        try:
            return b"".join([piece async for piece in self.files.open_file(address, key)])
        except (BlobMissing, FileDamaged, ValueError) as error:
            raise DocumentMissing(address) from error

    async def discard(self, addresses: Sequence[str]) -> None:
        """Remove documents that no event names."""
        await self.blobs.erase(addresses)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
