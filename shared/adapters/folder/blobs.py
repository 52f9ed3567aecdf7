"""Blobs as files in a folder: `<first two hex digits>/<62 hex digits>` for blobs, `drafts/<name>` for what is not finished.

A draft is flushed to disk before `write` returns. Finishing it renames it, and flushes the folders of the name. A name that is
visible therefore has its whole content, also after a power failure.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from shared.adapters.durable_folder import sync_folder
from shared.eventstore.blobs import (
    BlobInfo,
    BlobMissing,
    DraftHashes,
    DraftInfo,
    DraftShorter,
    address_of,
    checked_draft,
    is_address,
    new_draft,
)
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.kernel.failpoints import failpoint

T = TypeVar("T")
_PIECE = 512 * 1024
"""Bytes that are read or written at once."""
_PREFIX = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{62}")
_DRAFT = re.compile(r"[0-9a-f]{32}")
_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class FolderBlobs:
    """A `Blobs` in `folder`, which is created (0700) if it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / "drafts"
        self._hashes = DraftHashes()
        _meaningful(self._create)

    def _create(self) -> None:
        if not self._drafts.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._drafts.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
            sync_folder(self._folder.parent)

    def path(self, address: str) -> Path:
        """The file of a blob. Raises BlobMissing for what is no address."""
        if not is_address(address):
            raise BlobMissing(address)
        digest = address.partition(":")[2]
        return self._folder / digest[:2] / digest[2:]

    async def put(self, content: AsyncIterable[bytes]) -> BlobInfo:
        draft = new_draft()
        try:
            await self.write(draft, 0, content)
        except BaseException:
            await asyncio.shield(self.discard([draft]))
            raise
        return await self.finish(draft)

    async def open(self, address: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        async for piece in self._pieces(self.path(address), offset, address):
            yield piece

    async def stat(self, address: str) -> BlobInfo:
        path = self.path(address)
        try:
            return _info(address, await _run(path.stat))
        except FileNotFoundError:
            raise BlobMissing(address) from None

    async def exists(self, addresses: Sequence[str]) -> set[str]:
        wanted = [one for one in addresses if is_address(one)]
        return await _run(lambda: {one for one in wanted if self.path(one).exists()})

    async def erase(self, addresses: Sequence[str]) -> int:
        return await _run(lambda: _removed([self.path(one) for one in addresses if is_address(one)]))

    async def scan(self, *, after: str = "", batch: int = 1000) -> AsyncIterator[Sequence[BlobInfo]]:
        found = self._found(after.partition(":")[2])
        while page := await _run(lambda: list(islice(found, batch))):
            yield page

    async def write(self, draft: str, offset: int, content: AsyncIterable[bytes]) -> int:
        path = self._drafts / checked_draft(draft)
        handle = await _run(lambda: _opened(path, offset))
        size, digest = offset, self._hashes.taken(draft, offset)
        try:
            waiting = bytearray()

            def flush() -> None:
                nonlocal size
                if digest is not None:
                    digest.update(waiting)
                view = memoryview(waiting)
                while view:
                    view = view[os.write(handle, view) :]
                size += len(waiting)

            async for piece in content:
                waiting += piece
                if len(waiting) >= _PIECE:
                    await _run(flush)
                    waiting = bytearray()
            if waiting:
                await _run(flush)
            await _run(lambda: os.fsync(handle))
            if offset == 0:
                await _run(lambda: sync_folder(self._drafts))
        finally:
            os.close(handle)
        if digest is not None:
            self._hashes.keep(draft, size, digest)
        failpoint("blob.written")
        return size

    async def read(self, draft: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        async for piece in self._pieces(self._drafts / checked_draft(draft), offset, None):
            yield piece

    async def address(self, draft: str) -> str:
        path = self._drafts / checked_draft(draft)
        return await _run(lambda: self._address(draft, path))

    async def finish(self, draft: str) -> BlobInfo:
        path = self._drafts / checked_draft(draft)
        info = await _run(lambda: self._finish(draft, path))
        failpoint("blob.stored")
        return info

    async def discard(self, drafts: Sequence[str]) -> int:
        for one in drafts:
            self._hashes.forget(one)
        return await _run(lambda: _removed([self._drafts / checked_draft(one) for one in drafts]))

    async def drafts(self, *, batch: int = 1000) -> AsyncIterator[Sequence[DraftInfo]]:
        found = self._found_drafts()
        while page := await _run(lambda: list(islice(found, batch))):
            yield page

    async def close(self) -> None:
        """Nothing stays open."""

    async def _pieces(self, path: Path, offset: int, address: str | None) -> AsyncGenerator[bytes, None]:
        try:
            handle = await _run(lambda: os.open(path, os.O_RDONLY | os.O_NOFOLLOW))
        except FileNotFoundError:
            if address is not None:
                raise BlobMissing(address) from None
            return
        try:
            while piece := await asyncio.to_thread(os.pread, handle, _PIECE, offset):
                offset += len(piece)
                yield piece
        finally:
            os.close(handle)

    def _address(self, draft: str, path: Path) -> str:
        try:
            digest = self._hashes.known(draft, path.stat().st_size)
            if digest is None:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256")
        except FileNotFoundError:
            raise DraftShorter from None
        return address_of(digest)

    def _finish(self, draft: str, path: Path) -> BlobInfo:
        address = self._address(draft, path)
        self._hashes.forget(draft)
        target = self.path(address)
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
        if target.exists():
            path.unlink()
        else:
            os.utime(path)  # the age of a blob counts from here
            path.rename(target)
            sync_folder(target.parent)
        return _info(address, target.stat())

    def _found(self, after: str) -> Iterator[BlobInfo]:
        for prefix in sorted(one.name for one in self._folder.iterdir() if _PREFIX.fullmatch(one.name)):
            if prefix < after[:2]:
                continue
            for rest in sorted(one.name for one in (self._folder / prefix).iterdir()):
                if prefix + rest > after and _REST.fullmatch(rest):
                    try:
                        status = (self._folder / prefix / rest).stat()
                    except FileNotFoundError:  # erased meanwhile
                        continue
                    yield _info(f"sha256:{prefix}{rest}", status)

    def _found_drafts(self) -> Iterator[DraftInfo]:
        for name in sorted(one.name for one in self._drafts.iterdir()):
            if _DRAFT.fullmatch(name):
                try:
                    status = (self._drafts / name).stat()
                except FileNotFoundError:
                    continue
                yield DraftInfo(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _info(address: str, status: os.stat_result) -> BlobInfo:
    return BlobInfo(address, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _opened(path: Path, offset: int) -> int:
    """The draft, cut to `offset` bytes and positioned at its end. Raises DraftShorter."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(handle).st_size < offset:
            raise DraftShorter
        os.ftruncate(handle, offset)
        os.lseek(handle, offset, os.SEEK_SET)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _removed(paths: Sequence[Path]) -> int:
    """The number of files that were there; durable."""
    gone = set()
    number = 0
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError:
            continue
        number += 1
        gone.add(path.parent)
    for parent in gone:
        sync_folder(parent)
    return number


async def _run(work: Callable[[], T]) -> T:
    """The result of `work` in a thread. Raises StoreFull, StoreBroken."""
    return await asyncio.to_thread(_meaningful, work)


def _meaningful(work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StoreFull("the disk is full; free some space, then send it again") from error
        if error.errno == errno.EIO:
            raise StoreBroken("reading or writing a file failed") from error
        raise
