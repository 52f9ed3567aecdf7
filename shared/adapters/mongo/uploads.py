"""Upload records in MongoDB, beside the blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from shared.adapters.mongo.client import LONG_SECONDS, Collection, Database, Document, Mongo, ask, documents, fetch
from shared.adapters.mongo.database_format import opened
from shared.eventstore.uploads import UploadChanged, UploadRecord

FORMAT = 1
UPLOADS = "uploads"
_INDEXES = {
    UPLOADS: (
        IndexModel([("blob", ASCENDING)], name="by_blob", partialFilterExpression={"blob": {"$type": "string"}}),
    ),
}


class MongoUploads:
    """An `UploadStore` in the database of the blobs. Use `open` to create it."""

    def __init__(self, mongo: Mongo, database: Database) -> None:
        self._mongo = mongo
        self._uploads: Collection = database[UPLOADS]

    @classmethod
    async def open(cls, mongo: Mongo, name: str) -> MongoUploads:
        """The records in the database of that name. Raises NewerData, OlderData, WrongData, Unsuitable, StoreUnavailable."""
        async with opened(mongo, name, "files", FORMAT, _INDEXES) as database:
            return cls(mongo, database)

    async def get(self, keys: Sequence[str]) -> dict[str, UploadRecord]:
        return {one["_id"]: _record(one) for one in await fetch(self._uploads, {"_id": {"$in": list(keys)}})}

    async def save(self, record: UploadRecord) -> None:
        document: Document = {
            "version": record.version,
            "expires": record.expires_at,
            "draft": record.draft,
            "blob": record.blob,
            "value": record.value,
        }
        if record.version == 1:
            try:
                await ask(self._uploads.insert_one({"_id": record.key, **document}))
            except DuplicateKeyError:
                raise UploadChanged from None
            return
        where = {"_id": record.key, "version": record.version - 1}
        done = await ask(self._uploads.update_one(where, {"$set": document}))
        if done.matched_count != 1:
            raise UploadChanged

    async def of_blobs(self, addresses: Sequence[str]) -> list[UploadRecord]:
        return [_record(one) for one in await fetch(self._uploads, {"blob": {"$in": list(addresses)}})]

    async def all(self, *, batch: int = 1000) -> AsyncIterator[Sequence[UploadRecord]]:
        async for page in documents(self._uploads, batch):
            yield [_record(one) for one in page]

    async def erase(self, keys: Sequence[str]) -> int:
        gone = await ask(self._uploads.delete_many({"_id": {"$in": list(keys)}}), LONG_SECONDS)
        return int(gone.deleted_count)

    async def close(self) -> None:
        await self._mongo.close()


def _record(document: Document) -> UploadRecord:
    expires: datetime = document["expires"]
    return UploadRecord(
        document["_id"],
        document["version"],
        expires if expires.tzinfo else expires.replace(tzinfo=UTC),
        document["draft"],
        document["blob"],
        bytes(document["value"]),
    )
