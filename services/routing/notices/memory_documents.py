"""Documents in memory."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken

from services.routing.notices.document_store import DocumentMissing, Stored


class MemoryDocuments:
    """Documents of this process, gone with it."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def keep(self, content: bytes) -> Stored:
        key = Fernet.generate_key()
        encrypted = Fernet(key).encrypt(content)
        address = f"sha256:{sha256(encrypted).hexdigest()}"
        self._kept[address] = encrypted
        return Stored(address, key.decode())

    async def read(self, address: str, key: str) -> bytes:
        try:
            return Fernet(key.encode()).decrypt(self._kept[address])
        except (KeyError, InvalidToken) as error:
            raise DocumentMissing(address) from error

    async def discard(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._kept.pop(address, None)
