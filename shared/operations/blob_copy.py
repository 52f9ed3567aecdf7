"""Files in operations: verify them, copy them, and their digest."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from shared.application.ports import Ports
from shared.events.files import FileAttached
from shared.eventstore.blobs import BlobMissing, Blobs, Piece, address_of
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModelStore
from shared.eventstore.verification import Finding
from shared.kernel.progress import reached
from shared.queries.file_index import FILES, named

_MARK = f'"{FileAttached.__name__}"'.encode()
_NAMED = 20
_AT_ONCE = 1000


class NamedBlob(NamedTuple):
    """A blob, and the event that names it."""

    blob: str
    stream: str
    version: int
    position: int


class Copied(NamedTuple):
    """The result of a copy."""

    copied: int
    there: int
    """Blobs that the target had already."""
    damaged: tuple[str, ...]
    """Addresses of those whose bytes do not match; they were not copied."""


class FileScrub(NamedTuple):
    """Files and events compared. Lists name at most 20 addresses."""

    unnamed: int
    """Blobs that no event names: of unfinished uploads, or to be swept."""
    missing: tuple[str, ...]
    """Named by an event and not stored: run `huiyin restore --blobs-only`."""


async def blobs_digest(blobs: Blobs) -> str:
    """The digest over the sorted addresses."""
    digest = hashlib.sha256()
    async for page in blobs.scan():
        for one in page:
            digest.update(one.address.encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"


async def named_blobs(log: EventStore) -> AsyncIterator[Sequence[NamedBlob]]:
    """The blobs that events of the log name, in the order of the log."""
    async for commits in log.scan():
        reached(commits[-1].stream)
        found = [
            NamedBlob(event.body.blob, commit.stream, event.version, commit.position)
            for commit in commits
            if any(_MARK in data for data in commit.events)
            for event in commit.recorded
            if isinstance(event.body, FileAttached)
        ]
        if found:
            yield found


async def verify_blobs(log: EventStore, blobs: Blobs) -> AsyncIterator[Finding]:
    """Read every byte of every file that an event names. A finding names the address."""
    async for page in named_blobs(log):
        for one in page:
            if (wrong := await _wrong(blobs, one.blob)) is not None:
                yield Finding(one.stream, one.version, one.position, "blob", f"{one.blob} {wrong}")


async def missing_blobs(log: EventStore, blobs: Blobs, most: int = 5) -> list[str]:
    """The first addresses that the log names and the store does not have."""
    lost: list[str] = []
    async for page in named_blobs(log):
        there = await blobs.exists([one.blob for one in page])
        lost += [one.blob for one in page if one.blob not in there]
        if len(lost) >= most:
            break
    return lost[:most]


async def copy_blobs(source: Blobs, target: Blobs) -> Copied:
    """Copy what the target does not have. The bytes are checked on the way. After a crash, the same call continues."""
    copied = there = 0
    damaged: list[str] = []
    async for page in source.scan():
        known = await target.exists([one.address for one in page])
        there += len(known)
        for one in page:
            if one.address in known:
                continue
            try:
                await target.put(_checked(source, one.address))
            except _Damaged:
                damaged.append(one.address)
            else:
                copied += 1
    return Copied(copied, there, tuple(damaged))


class _Damaged(Exception):
    """The bytes of a blob do not match its address."""


async def _checked(source: Blobs, address: str) -> AsyncIterator[Piece]:
    """The bytes of a blob. Raises _Damaged at their end, so that the target stores nothing: bytes in the wrong place can be of
    another blob, which the target has already and keeps."""
    digest = hashlib.sha256()
    async for piece in source.open(address):
        digest.update(piece)
        yield piece
    if address_of(digest) != address:
        raise _Damaged


async def scrub_blobs(ports: Ports) -> FileScrub:
    """Compare the stored files with the read model of files, by address only."""
    unnamed, missing = 0, list[str]()
    async for page in ports.blobs.scan(batch=_AT_ONCE):
        unnamed += len(page) - len(await named(ports.views, [one.address for one in page]))
    async for addresses in _rows(ports.views):
        there = await ports.blobs.exists(addresses)
        missing += [one for one in addresses if one not in there]
    return FileScrub(unnamed, tuple(missing[:_NAMED]))


async def _rows(views: ReadModelStore) -> AsyncIterator[list[str]]:
    async for page in views.rows(FILES.name, batch=_AT_ONCE):
        yield [row.key for row in page]


async def _wrong(blobs: Blobs, address: str) -> str | None:
    digest = hashlib.sha256()
    try:
        async for piece in blobs.open(address):
            digest.update(piece)
    except BlobMissing:
        return "is missing"
    return None if address_of(digest) == address else "does not match its bytes"
