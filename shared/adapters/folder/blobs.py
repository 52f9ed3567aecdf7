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
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from shared.adapters.blobs_base import BlobsBase
from shared.adapters.durable_folder import sync_folder
from shared.eventstore.blobs import (
    PIECE,
    BlobInfo,
    BlobMissing,
    DraftHashes,
    DraftInfo,
    DraftShorter,
    Piece,
    address_of,
    checked_draft,
    is_address,
    unchanged,
)
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.kernel.failpoints import failpoint

T = TypeVar("T")
_READERS, _WRITERS = 2, 6
_PREFIX = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{62}")
_DRAFT = re.compile(r"[0-9a-f]{32}")
_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class FolderBlobs(BlobsBase):
    """A `Blobs` in `folder`, which is created (0700) if it does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / "drafts"
        self._hashes = DraftHashes()
        # of their own: neither a reader nor anybody else waits until files are on the disk
        self._readers, self._writers = ThreadPoolExecutor(_READERS, "blobs"), ThreadPoolExecutor(_WRITERS, "blobs")
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

    async def open(self, address: str, offset: int = 0, *, piece: int = PIECE) -> AsyncGenerator[Piece, None]:
        async for found in self._pieces(self.path(address), offset, address, piece):
            yield found

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

    async def write(
        self, draft: str, offset: int, content: AsyncIterable[Piece], through: Callable[[Piece], Piece] = unchanged
    ) -> int:
        path = self._drafts / checked_draft(draft)
        handle = await _run(lambda: _opened(path, offset), self._writers)
        size, digest = offset, self._hashes.taken(draft, offset)
        waiting: list[Piece] = []

        def store() -> None:
            nonlocal size
            for given in waiting:
                piece = through(given)
                size += len(piece)
                if digest is not None:
                    digest.update(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(handle, view) :]
            waiting.clear()

        def store_last() -> None:
            store()
            os.fsync(handle)
            if offset == 0:
                sync_folder(self._drafts)

        try:
            kept = 0
            async for piece in content:
                waiting.append(piece)
                kept += len(piece)
                if kept >= PIECE:
                    await _run(store, self._writers)
                    kept = 0
            await _run(store_last, self._writers)
        finally:
            os.close(handle)
        if digest is not None:
            self._hashes.keep(draft, size, digest)
        failpoint("blob.written")
        return size

    async def read(self, draft: str, offset: int = 0) -> AsyncGenerator[Piece, None]:
        async for piece in self._pieces(self._drafts / checked_draft(draft), offset, None):
            yield piece

    async def address(self, draft: str) -> str:
        path = self._drafts / checked_draft(draft)
        return await _run(lambda: self._address(draft, path))

    async def finish(self, draft: str) -> BlobInfo:
        path = self._drafts / checked_draft(draft)
        info = await _run(lambda: self._finish(draft, path), self._writers)
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
        for one in (self._readers, self._writers):
            one.shutdown(wait=False)

    async def _pieces(
        self, path: Path, offset: int, address: str | None, size: int = PIECE
    ) -> AsyncGenerator[Piece, None]:
        try:
            handle = await _run(lambda: os.open(path, os.O_RDONLY | os.O_NOFOLLOW), self._readers)
        except FileNotFoundError:
            if address is not None:
                raise BlobMissing(address) from None
            return
        try:
            while piece := await _run(lambda: os.pread(handle, size, offset), self._readers):  # noqa: B023
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


async def _run(work: Callable[[], T], executor: Executor | None = None) -> T:
    """The result of `work` in a thread, which has ended with it also where the caller is cancelled: the file that it uses may be
    closed. Raises StoreFull, StoreBroken."""
    job = asyncio.get_running_loop().run_in_executor(executor, _meaningful, work)
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        await asyncio.wait([job])
        raise


def _meaningful(work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise StoreFull("the disk is full; free some space, then send it again") from error
        if error.errno == errno.EIO:
            raise StoreBroken("reading or writing a file failed") from error
        raise
