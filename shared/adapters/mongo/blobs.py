"""Blobs in MongoDB, in the format of GridFS, so that every tool for GridFS reads them: a document in `blobs.files` for each blob,
whose `filename` is the address, and its pieces in `blobs.chunks`.

The pieces of a draft are stored under the name of the draft; the document in `blobs.files` is written last and makes them a blob.
The driver's own streams are not used, because they cannot go on with a file that another process began.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from shared.adapters.blobs_base import BlobsBase
from shared.adapters.mongo.client import ANSWER_SECONDS, LONG_SECONDS, Collection, Database, Document, Mongo, ask, fetch
from shared.adapters.mongo.database_format import opened
from shared.eventstore.blobs import (
    BlobInfo,
    BlobMissing,
    DraftHashes,
    DraftInfo,
    DraftShorter,
    Piece,
    address_of,
    beside,
    checked_draft,
    is_address,
    unchanged,
)
from shared.eventstore.errors import StoreUnavailable
from shared.kernel.failpoints import failpoint

FORMAT = 1
FILES, CHUNKS, DRAFTS = "blobs.files", "blobs.chunks", "drafts"
PIECE = 255 * 1024
"""Bytes of a piece: the default of GridFS."""
_INDEXES = {
    FILES: (IndexModel([("filename", ASCENDING)], name="by_address", unique=True),),
    CHUNKS: (IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], name="by_file", unique=True),),
}
_SECONDS = 4 * ANSWER_SECONDS
"""Time limit for a piece, which is larger than other documents."""
_LATE = "no majority has confirmed the file yet; send it again"


class MongoBlobs(BlobsBase):
    """A `Blobs` in a database of its own. Use `open_on` to create it."""

    def __init__(self, mongo: Mongo, database: Database) -> None:
        self._mongo = mongo
        self._files: Collection = database[FILES]
        self._chunks: Collection = database[CHUNKS]
        self._drafts: Collection = database[DRAFTS]
        self._hashes = DraftHashes()

    @classmethod
    async def open_on(cls, mongo: Mongo, name: str) -> MongoBlobs:
        """The blobs in the database of that name. Raises NewerData, OlderData, WrongData, Unsuitable, StoreUnavailable."""
        async with opened(mongo, name, "files", FORMAT, _INDEXES) as database:
            return cls(mongo, database)

    async def open(self, address: str, offset: int = 0, *, piece: int = PIECE) -> AsyncGenerator[Piece, None]:
        file = await ask(self._files.find_one({"filename": address}))
        if file is None:
            raise BlobMissing(address)
        async for found in self._pieces(file["_id"], file["chunkSize"], offset, file["length"], address, piece):
            yield found

    async def stat(self, address: str) -> BlobInfo:
        file = await ask(self._files.find_one({"filename": address}))
        if file is None:
            raise BlobMissing(address)
        return _info(file)

    async def exists(self, addresses: Sequence[str]) -> set[str]:
        wanted = [one for one in addresses if is_address(one)]
        found = await fetch(self._files, {"filename": {"$in": wanted}}, fields={"filename": 1}, seconds=LONG_SECONDS)
        return {file["filename"] for file in found}

    async def erase(self, addresses: Sequence[str]) -> int:
        """The document goes first: pieces without one are a draft, which the sweep removes where this process is killed."""
        found = await fetch(self._files, {"filename": {"$in": list(addresses)}}, fields={"_id": 1})
        names = [file["_id"] for file in found]
        for name in names:
            await self._mark(name)
        await ask(self._files.delete_many({"_id": {"$in": names}}), LONG_SECONDS)
        await self.discard(names)
        return len(names)

    async def scan(self, *, after: str = "", batch: int = 1000) -> AsyncIterator[Sequence[BlobInfo]]:
        order = [("filename", ASCENDING)]
        while True:
            where = {"filename": {"$gt": after}}
            found = await fetch(self._files, where, sort=order, limit=batch, seconds=LONG_SECONDS)
            if found:
                after = found[-1]["filename"]
                yield [_info(file) for file in found]
            if len(found) < batch:
                return

    async def write(
        self, draft: str, offset: int, content: AsyncIterable[Piece], through: Callable[[Piece], Piece] = unchanged
    ) -> int:
        number, kept = divmod(offset, PIECE)
        begun = await self._begun(checked_draft(draft), number, kept)
        await self._mark(draft)
        await ask(
            self._chunks.delete_many({"files_id": draft, "n": {"$gt": number if kept else number - 1}}), LONG_SECONDS
        )
        size, digest = offset, self._hashes.taken(draft, offset)
        waiting = bytearray(begun)

        def taken(piece: Piece) -> Piece:
            stored = through(piece)
            if digest is not None:
                digest.update(stored)
            return stored

        async for given in content:
            piece = await beside(len(given), taken, given)
            size += len(piece)
            waiting += piece
            while len(waiting) >= PIECE:
                await self._store(draft, number, bytes(waiting[:PIECE]))
                del waiting[:PIECE]
                number += 1
        if waiting:
            await self._store(draft, number, bytes(waiting))
        await ask(
            self._drafts.update_one({"_id": draft}, {"$set": {"size": size, "changed": datetime.now(UTC)}}, upsert=True)
        )
        if digest is not None:
            self._hashes.keep(draft, size, digest)
        failpoint("blob.written")
        return size

    async def read(self, draft: str, offset: int = 0) -> AsyncGenerator[Piece, None]:
        async for piece in self._pieces(checked_draft(draft), PIECE, offset, None, None):
            yield piece

    async def address(self, draft: str) -> str:
        return (await self._summed(draft))[0]

    async def finish(self, draft: str) -> BlobInfo:
        address, size = await self._summed(draft)
        self._hashes.forget(draft)
        file = {
            "_id": draft,
            "length": size,
            "chunkSize": PIECE,
            "uploadDate": _now(),
            "filename": address,
        }
        try:
            await ask(self._files.insert_one(file))
            await ask(self._drafts.delete_one({"_id": draft}))
        except DuplicateKeyError:
            there = await ask(self._files.find_one({"filename": file["filename"]}))
            if there is None:  # erased meanwhile
                raise StoreUnavailable(_LATE) from None
            if there["_id"] == draft:  # sent again after a timeout
                await ask(self._drafts.delete_one({"_id": draft}))
            else:
                await self.discard([draft])
            file = there
        failpoint("blob.stored")
        return _info(file)

    async def discard(self, drafts: Sequence[str]) -> int:
        gone = 0
        for draft in drafts:
            self._hashes.forget(checked_draft(draft))
            await ask(self._chunks.delete_many({"files_id": draft}), LONG_SECONDS)
            gone += int((await ask(self._drafts.delete_one({"_id": draft}))).deleted_count)
        return gone

    async def drafts(self, *, batch: int = 1000) -> AsyncIterator[Sequence[DraftInfo]]:
        after = ""
        while True:
            found = await fetch(
                self._drafts, {"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=batch, seconds=LONG_SECONDS
            )
            if found:
                after = found[-1]["_id"]
                yield [DraftInfo(one["_id"], one.get("size", 0), one["changed"]) for one in found]
            if len(found) < batch:
                return

    async def close(self) -> None:
        await self._mongo.close()

    async def _summed(self, draft: str) -> tuple[str, int]:
        """(address, size) of a draft. Raises DraftShorter."""
        known = await ask(self._drafts.find_one({"_id": checked_draft(draft)}))
        if known is None or "size" not in known:
            raise DraftShorter
        digest, size = self._hashes.known(draft, known["size"]), int(known["size"])
        if digest is None:
            digest, size = hashlib.sha256(), 0
            async for piece in self.read(draft):
                await asyncio.to_thread(digest.update, piece)
                size += len(piece)
        return address_of(digest), size

    async def _mark(self, draft: str) -> None:
        """A draft is known before its first piece, so that a sweep finds the pieces of a killed process."""
        await ask(self._drafts.update_one({"_id": draft}, {"$set": {"changed": datetime.now(UTC)}}, upsert=True))

    async def _begun(self, draft: str, number: int, kept: int) -> bytes:
        """The first `kept` bytes of that piece. Raises DraftShorter."""
        if kept:
            piece = await ask(self._chunks.find_one({"files_id": draft, "n": number}), _SECONDS)
            if piece is None or len(piece["data"]) < kept:
                raise DraftShorter
            return bytes(piece["data"][:kept])
        if number:
            piece = await ask(self._chunks.find_one({"files_id": draft, "n": number - 1}), _SECONDS)
            if piece is None or len(piece["data"]) < PIECE:
                raise DraftShorter
        return b""

    async def _store(self, draft: str, number: int, data: bytes) -> None:
        piece = {"files_id": draft, "n": number, "data": data}
        try:
            await ask(
                self._chunks.bulk_write([ReplaceOne({"files_id": draft, "n": number}, piece, upsert=True)]), _SECONDS
            )
        except BulkWriteError as error:
            raise StoreUnavailable(_LATE) from error

    async def _pieces(
        self, name: Any, size: int, offset: int, length: int | None, address: str | None, wanted: int = PIECE
    ) -> AsyncGenerator[Piece, None]:
        """What follows `offset`, in some `wanted` bytes: as many pieces in one round trip."""
        number, skipped = divmod(offset, size)
        many = max(1, wanted // size)
        while length is None or number * size < length:
            where = {"files_id": name, "n": {"$gte": number, "$lt": number + many}}
            found = await fetch(self._chunks, where, sort=[("n", ASCENDING)], limit=many, seconds=_SECONDS)
            for piece in found:
                if piece["n"] != number:
                    break
                yield memoryview(piece["data"])[skipped:]
                number, skipped = number + 1, 0
            else:
                if len(found) == many or (length is not None and number * size >= length):
                    continue
            if address is not None:
                raise BlobMissing(address)
            return


def _now() -> datetime:
    """As MongoDB keeps it, in milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _info(file: Document) -> BlobInfo:
    stored: datetime = file["uploadDate"]
    return BlobInfo(file["filename"], int(file["length"]), stored if stored.tzinfo else stored.replace(tzinfo=UTC))
