"""Data keys in memory, for tests. The secrets are the same in every run, and therefore the case ids are, too."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from shared.eventstore.key_store import DataKey, KeyErased


class MemoryKeyStore:
    """A `Keys`. `root` identifies the deployment: two objects with the same root derive the same secrets."""

    def __init__(self, root: bytes = b"a root secret for tests only") -> None:
        self._root = root
        self._keys: dict[tuple[str, str, str], DataKey] = {}
        self._kids: dict[str, DataKey] = {}
        self._erased: set[tuple[str, str, str | None]] = set()
        self._erased_kids: set[str] = set()

    async def obtain(self, wanted: Sequence[tuple[str, str, str]]) -> list[DataKey]:
        for case, party, purpose in wanted:
            if (case, party, purpose) in self._erased or (case, party, None) in self._erased:
                raise KeyErased
        for triple in wanted:
            if triple not in self._keys:
                key = DataKey(os.urandom(16).hex(), *triple, os.urandom(32))
                self._keys[triple] = self._kids[key.kid] = key
        return [self._keys[triple] for triple in wanted]

    async def get(self, kids: Sequence[str]) -> dict[str, DataKey]:
        return {kid: self._kids[kid] for kid in kids if kid in self._kids}

    async def erase(self, case: str, party: str, purpose: str | None = None) -> int:
        self._erased.add((case, party, purpose))
        gone = [
            key
            for key in self._keys.values()
            if (key.case, key.party) == (case, party) and purpose in (None, key.purpose)
        ]
        for key in gone:
            del self._keys[key.case, key.party, key.purpose], self._kids[key.kid]
            self._erased_kids.add(key.kid)
        return len(gone)

    async def count(self) -> int:
        return len(self._keys)

    async def missing(self, kids: Sequence[str]) -> list[str]:
        return [kid for kid in kids if kid not in self._kids and kid not in self._erased_kids]

    def secret(self, name: str) -> bytes:
        return hmac.digest(self._root, name.encode(), hashlib.sha256)

    async def close(self) -> None:
        """Nothing to close."""
