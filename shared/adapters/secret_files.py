"""The two secret files of a deployment: `kek` wraps the data keys, `root` is the source of all derived secrets.

Danger: without `kek` all encrypted texts are lost; without `root` every case id would change. Back them up separately from
the data. They are created once, for a new deployment. If one is missing later, it is refused, not replaced.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.adapters.durable_folder import sync_folder
from shared.eventstore.errors import Damaged
from shared.eventstore.key_store import DataKey

SIZE = 32
NAMES = ("kek", "root")
_KID, _NONCE = 16, 12


class KeysLost(Exception):
    """A secret file is missing, damaged or from another deployment. Restore it from the backup."""


class KeyDamaged(KeysLost, Damaged):
    """The bytes of one stored key were changed, so the texts of its case cannot be read; those of other cases can."""

    def __init__(self, case: str) -> None:
        Damaged.__init__(self, f"case/{case}", 0, "a stored key is damaged; restore the key store from the backup")


def read_secret(path: Path) -> bytes:
    """The content of a secret file. Raises KeysLost if it is missing or has another length."""
    try:
        secret = path.read_bytes()
    except FileNotFoundError as error:
        raise KeysLost(f"{path.name} is missing; restore it from the backup") from error
    if len(secret) != SIZE:
        raise KeysLost(f"{path.name} is damaged; restore it from the backup")
    return secret


def make_secret(path: Path) -> None:
    """Create the file unless it exists. It is complete and durable when it appears, and never replaces another one."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        os.write(handle, os.urandom(SIZE))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)  # fails if another process created it first; its file is used
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def fingerprint(secret: bytes) -> bytes:
    """The digest of a secret that the key store keeps, to detect a file of another deployment before it is used."""
    return hmac.digest(secret, b"huiyin fingerprint", hashlib.sha256)


def checked_secret(path: Path, known: bytes | None, *, may_make: bool) -> bytes:
    """The content of a secret file that belongs to a key store.

    Args:
        known: The fingerprint that the store keeps; None if it has none yet.
        may_make: The store is empty, so that a secret without a fingerprint may be created.

    Raises:
        KeysLost: The file is missing, damaged, or of another deployment.
    """
    if known is None:
        if not may_make:
            raise KeysLost(f"the store has no fingerprint of its {path.name}; restore the key store from the backup")
        make_secret(path)
    secret = read_secret(path)
    if known is not None and not hmac.compare_digest(known, fingerprint(secret)):
        raise KeysLost(f"{path.name} is not the one of this store; restore it from the backup")
    return secret


class Wrapping:
    """Data keys as they are stored: nonce and AES-256-GCM(kek, data key), with the key's names as additional data."""

    def __init__(self, kek: bytes) -> None:
        self._kek = AESGCM(kek)

    def new(self, triples: Sequence[tuple[str, str, str]]) -> list[tuple[DataKey, bytes]]:
        """(new key, its wrapped form) for each (case, party, purpose)."""
        # All random bytes at once: each call releases and takes the interpreter lock.
        draw = BytesIO(os.urandom((_KID + SIZE + _NONCE) * len(triples))).read
        keys = [DataKey(draw(_KID).hex(), *triple, draw(SIZE)) for triple in triples]
        return [(key, self._wrap(key, draw(_NONCE))) for key in keys]

    def _wrap(self, key: DataKey, nonce: bytes) -> bytes:
        return nonce + self._kek.encrypt(nonce, key.secret, orjson.dumps(key[:4]))

    def unwrap(self, kid: str, case: str, party: str, purpose: str, wrapped: bytes) -> DataKey:
        """The key in `wrapped`. Raises KeysLost if the bytes are not those that were stored under these names."""
        names = orjson.dumps((kid, case, party, purpose))
        try:
            secret = self._kek.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], names)
        except InvalidTag as error:
            raise KeyDamaged(case) from error
        return DataKey(kid, case, party, purpose, secret)

    def opens(self, kid: str, case: str, party: str, purpose: str, wrapped: bytes) -> bool:
        """True if `wrapped` is what was stored under these names."""
        try:
            self.unwrap(kid, case, party, purpose, wrapped)
        except KeysLost:
            return False
        return True


def derived_secret(root: bytes, name: str) -> bytes:
    """The deployment's secret of that name. All are derived from one root."""
    return HKDF(SHA256(), SIZE, salt=None, info=f"huiyin secret {name}".encode()).derive(root)
