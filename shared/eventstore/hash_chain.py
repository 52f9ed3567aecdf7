"""The hash chain of a stream: the hash of an event covers its bytes and the hash of the event before it.

>>> chain(GENESIS, b"one")
'sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed'
>>> chain_all(GENESIS, [b"one", b"two"]) == chain(chain(GENESIS, b"one"), b"two")
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

GENESIS = ""
"""The hash before the first event of a stream."""
_begun = hashlib.sha256().copy
"""Copying an empty hash takes three quarters of the time of creating one."""


def chain(previous: str, data: bytes, algorithm: str = "sha256") -> str:
    """The hash of an event, `sha256:…` or `sm3:…`: H(hash of the event before it, its bytes)."""
    return f"{algorithm}:{hashlib.new(algorithm, previous.encode() + data).hexdigest()}"


def chain_all(previous: str, events: Iterable[bytes], algorithm: str = "sha256") -> str:
    """The hash after the last of `events`: chain() over all of them.

    For SHA-256 the digest is computed inline, because every byte that is read passes through this loop."""
    if algorithm != "sha256":
        for data in events:
            previous = chain(previous, data, algorithm)
        return previous
    for data in events:
        digest = _begun()
        digest.update(previous.encode())
        digest.update(data)
        previous = f"sha256:{digest.hexdigest()}"
    return previous


def algorithm_of(hash_text: str) -> str:
    """`sha256` of `sha256:…`."""
    return hash_text.partition(":")[0]
