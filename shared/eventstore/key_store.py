"""The port `KeyStore`: the data keys of sealed parts, and the deployment's own secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class DataKey(NamedTuple):
    """A key of one party of one case for one purpose. `kid` is random, so that it links no two cases."""

    kid: str
    case: str
    party: str
    purpose: str
    secret: bytes
    """32 bytes. Stored only wrapped by the key-encryption key; in the clear only in memory."""


class Entry(NamedTuple):
    """One key as it is stored, or a mark that no key may be obtained any more."""

    case: str
    party: str
    purpose: str
    """Empty: the mark covers all purposes of the party."""
    kid: str | None
    """None: this is a mark."""
    wrapped: bytes | None
    """None: it was erased. Wrapped by the same key-encryption key on both sides."""


class KeyStore(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `obtain` is durable before it returns: no event is ever appended whose key could be lost.
    - The same (case, party, purpose) always gives the same key until it is erased, also when two ask at once.
    - An erased key is gone from the store (not marked), `get` leaves it out, and `obtain` refuses it (KeyErased).
    - Where the store does not answer, everything but `secret` raises StoreUnavailable.
    - `secret` never changes for a deployment; another secret would change all case ids.
    """

    async def obtain(self, wanted: Sequence[tuple[str, str, str]]) -> list[DataKey]:
        """One key for each (case, party, purpose), made where there is none. One round trip for the whole list."""
        ...

    async def get(self, kids: Sequence[str]) -> dict[str, DataKey]:
        """kid -> key, without those that are erased or unknown."""
        ...

    async def erase(self, case: str, party: str, purpose: str | None = None) -> int:
        """Destroy the keys of that party (PIPL Art. 47); returns how many there were."""
        ...

    async def count(self) -> int:
        """The number of keys; backup and restore compare it with the log."""
        ...

    async def missing(self, kids: Sequence[str]) -> list[str]:
        """Those of `kids` that neither exist unchanged nor are known to be erased: the key store is damaged, or another
        deployment's."""
        ...

    def secret(self, name: str) -> bytes:
        """A 32-byte secret of this deployment by name (`case-id`, `query-code`, `request`), derived from one root."""
        ...

    async def close(self) -> None: ...


class KeyErased(Exception):
    """The party's data were erased; nothing more can be sealed for it."""
