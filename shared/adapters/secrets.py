"""The two secret files of a deployment: `kek` wraps the data keys, `root` is what names come from.

Danger: without `kek` all sealed texts are lost, without `root` every case id would change. Back them up apart from the
data. They are made once, when there is nothing yet, and never again: a missing one is refused, not replaced.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.adapters.folders import sync_folder
from shared.keys import DataKey

SIZE = 32
NAMES = ("kek", "root")
_NONCE = 12


class KeysLost(Exception):
    """A secret file is missing, damaged or of another deployment. Restore it from the backup."""


def read_secret(path: Path) -> bytes:
    """Raises KeysLost when it is not there or not whole."""
    try:
        secret = path.read_bytes()
    except FileNotFoundError as error:
        raise KeysLost(f"{path.name} is missing") from error
    if len(secret) != SIZE:
        raise KeysLost(f"{path.name} is damaged")
    return secret


def make_secret(path: Path) -> None:
    """Make the file unless it is there. Whole or not at all, durable, and never over another one."""
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
        os.link(draft, path)  # fails when another process was first, and then its file counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def fingerprint(secret: bytes) -> bytes:
    """What a key store knows of a secret, so that a foreign file is noticed before it is used."""
    return hmac.digest(secret, b"huiyin fingerprint", hashlib.sha256)


class Wrapping:
    """Data keys as they are stored: nonce and AES-256-GCM(kek, data key), with the key's names as additional data."""

    NONCE = _NONCE

    def __init__(self, kek: bytes) -> None:
        self._kek = AESGCM(kek)

    def wrap(self, key: DataKey, nonce: bytes) -> bytes:
        return nonce + self._kek.encrypt(nonce, key.secret, orjson.dumps(key[:4]))

    def unwrap(self, kid: str, case: str, party: str, purpose: str, wrapped: bytes) -> DataKey:
        """Raises KeysLost where the bytes are not those that were stored under these names."""
        names = orjson.dumps((kid, case, party, purpose))
        try:
            secret = self._kek.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], names)
        except InvalidTag as error:
            raise KeysLost("a stored key is damaged") from error
        return DataKey(kid, case, party, purpose, secret)


class Derived:
    """The deployment's secrets by name, all from one root."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._known: dict[str, bytes] = {}

    def secret(self, name: str) -> bytes:
        secret = self._known.get(name)
        if secret is None:
            derive = HKDF(SHA256(), SIZE, salt=None, info=f"huiyin secret {name}".encode())
            secret = self._known[name] = derive.derive(self._root)
        return secret
