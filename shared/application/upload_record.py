"""The record of an upload: in memory, as stored, and as shown to its owner."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.commands.attached_files import FileDetails
from shared.eventstore.file_encryption import CHUNK, FileDamaged, FileKey
from shared.eventstore.key_store import KeyStore
from shared.eventstore.uploads import UploadRecord

_NONCE = 12


class UploadStatus(NamedTuple):
    """The current state of an upload."""

    upload: str
    offset: int
    """Bytes of the file that are stored; the next part begins here."""
    size: int | None
    """Bytes of the whole file, as stated; those it has once it is complete."""
    complete: bool
    expires_at: datetime
    blob: str | None
    """The address; only with `complete`."""
    held: str | None
    """Why no event may name it yet, None if one may."""
    attached: bool
    """An event names it."""
    details: FileDetails | None


@dataclass(frozen=True)
class Upload:
    """An upload record in memory."""

    key: str
    version: int
    expires_at: datetime
    draft: str
    file_key: FileKey | None
    """None once an event names the file."""
    header: bytes
    chunks: int = 0
    tail: bytes = b""
    """Plaintext after the last chunk."""
    size: int | None = None
    stated: str | None = None
    """Keyed digest of the content as the owner stated it."""
    digest: str | None = None
    """Keyed digest of the content that arrived."""
    blob: str | None = None
    details: FileDetails | None = None
    held: str | None = None
    claim: tuple[str, str] | None = None
    """(who writes, until when)."""
    cause: str | None = None
    """Digest of the command that takes the file."""
    attached: bool = False

    @property
    def offset(self) -> int:
        """Bytes of content so far."""
        if self.blob is not None and self.size is not None:
            return self.size
        return self.chunks * CHUNK + len(self.tail)


def status_of(upload: str, found: Upload) -> UploadStatus:
    """What the owner sees under the id `upload`."""
    return UploadStatus(
        upload,
        found.offset,
        found.size,
        found.blob is not None,
        found.expires_at,
        found.blob,
        found.held,
        found.attached,
        found.details,
    )


def sealed(keys: KeyStore, upload: Upload) -> UploadRecord:
    """The stored form: the key of the file, its last bytes and what is known of it are encrypted."""
    value: dict[str, Any] = {
        "header": b64encode(upload.header).decode(),
        "chunks": upload.chunks,
        "size": upload.size,
        "stated": upload.stated,
        "digest": upload.digest,
        "held": upload.held,
        "claim": upload.claim,
        "cause": upload.cause,
        "attached": upload.attached,
    }
    if upload.file_key is not None:
        wrapping, bound = AESGCM(keys.secret("upload-keys")), upload.key.encode()
        secret = {
            "key": str(upload.file_key),
            "tail": b64encode(upload.tail).decode(),
            "details": None if upload.details is None else upload.details._asdict(),
        }
        nonce = os.urandom(_NONCE)
        value["sealed"] = b64encode(nonce + wrapping.encrypt(nonce, orjson.dumps(secret), bound)).decode()
    return UploadRecord(upload.key, upload.version, upload.expires_at, upload.draft, upload.blob, orjson.dumps(value))


def opened(keys: KeyStore, record: UploadRecord) -> Upload:
    """The record in memory. Raises FileDamaged."""
    value = orjson.loads(record.value)
    secret: Mapping[str, Any] = {}
    if "sealed" in value:
        wrapping, raw = AESGCM(keys.secret("upload-keys")), b64decode(value["sealed"])
        try:
            secret = orjson.loads(wrapping.decrypt(raw[:_NONCE], raw[_NONCE:], record.key.encode()))
        except InvalidTag as error:
            raise FileDamaged("an upload record does not open") from error
    details = secret.get("details")
    return Upload(
        record.key,
        record.version,
        record.expires_at,
        record.draft,
        FileKey.parsed(secret["key"]) if secret else None,
        b64decode(value["header"]),
        value["chunks"],
        b64decode(secret["tail"]) if secret else b"",
        value["size"],
        value["stated"],
        value["digest"],
        record.blob,
        None if details is None else FileDetails(**details),
        value["held"],
        None if value["claim"] is None else (value["claim"][0], value["claim"][1]),
        value["cause"],
        value["attached"],
    )
