"""Read models in MongoDB: one collection per view and shape, with the parked streams and the checkpoints."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from pymongo.errors import BulkWriteError

from shared.adapters.declared_read_models import After, DeclaredReadModels
from shared.adapters.mongo.client import (
    IN_ORDER,
    LONG_SECONDS,
    Collection,
    Database,
    Document,
    Mongo,
    aggregate,
    ask,
    documents,
    duplicates,
    fetch,
)
from shared.adapters.mongo.database_format import opened
from shared.adapters.mongo.read_model_documents import PREFIX, ReadModelDocuments
from shared.eventstore.read_models import Condition, Parked, ReadModel, Row, Value

FORMAT = 1
_PARKED, _CHECKPOINTS, _STATE = "parked", "checkpoints", "state"
_GENERATION = {"_id": "generation"}
_SHAPE = {"_id": "shape"}
_ROWS_AT_ONCE = 250
"""Rows of one bulk write; several bulk writes run at the same time."""
_BULKS_AT_ONCE = 4
_COUNT_SECONDS = 10.0


class MongoReadModels(DeclaredReadModels[ReadModelDocuments]):
    """A `Views` in one database. Use `open` to create it.

    Each row is protected against late writers individually: a batch that fails half-way is delivered again.
    """

    def __init__(self, mongo: Mongo, database: Database) -> None:
        super().__init__()
        self._mongo = mongo
        self._database = database
        self._bulks = asyncio.Semaphore(_BULKS_AT_ONCE)
        self.generation = 0
        """Grows when any process drops everything; the subscription then begins again. As last read by this process."""

    @classmethod
    async def open(cls, mongo: Mongo, database: str) -> MongoReadModels:
        """The read models in that database. Raises NewerData, WrongData, Unsuitable, StoreUnavailable."""
        async with opened(mongo, database, "views", FORMAT) as found:
            return cls(mongo, found)

    def _prepare(self, view: ReadModel) -> ReadModelDocuments:
        return ReadModelDocuments(view)

    def shape(self, names: Iterable[str]) -> int:
        """A number that changes between releases if the shape of one of these views changes."""
        collections = "\n".join(sorted(self._views[name].collection for name in names))
        return int.from_bytes(hashlib.sha256(collections.encode()).digest()[:6])

    async def shape_in_use(self) -> int | None:
        """The last argument of use_shape() in any process; None before the first."""
        found = await ask(self._database[_STATE].find_one(_SHAPE))
        return None if found is None else int(found["value"])

    async def use_shape(self, shape: int) -> int | None:
        """Announce the shape of this release to the processes of other releases. Returns the shape before."""
        before = await self.shape_in_use()
        await ask(self._database[_STATE].update_one(_SHAPE, {"$set": {"value": shape}}, upsert=True))
        return before

    async def start(self) -> None:
        """Create the missing collections. If one was missing, the checkpoints are invalidated first, because the new collection
        has to be filled: a process that ends in between must not leave valid checkpoints behind."""
        there = set(await ask(self._database.list_collection_names(), LONG_SECONDS))
        if any(view.collection not in there for view in self._views.values()):
            await self._begin_again()
        await self._create()
        await self._read_generation()

    async def write(self, batch: Mapping[str, Sequence[Row]], *, renew: bool = False) -> None:
        ready = [(self._views[name], self._views[name].prepared(rows, renew=renew)) for name, rows in batch.items()]
        await asyncio.gather(
            *(
                self._write(view, rows[start : start + _ROWS_AT_ONCE], renew=renew)
                for view, rows in ready
                for start in range(0, len(rows), _ROWS_AT_ONCE)
            )
        )

    async def get(self, view: str, key: str) -> Row | None:
        found = await ask(self._collection(view).find_one({"_id": key}))
        return None if found is None else self._views[view].row(found)

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        if not keys:
            return {}
        found = await fetch(self._collection(view), {"_id": {"$in": list(keys)}}, fields={"applied": 1})
        return {document["_id"]: document["applied"] for document in found}

    async def _find(
        self, view: ReadModelDocuments, where: Sequence[Condition], order: Sequence[str], after: After, limit: int
    ) -> list[Row]:
        filters, sort = view.pages(where, order, after)
        rows: list[Row] = []
        for each in filters:
            if len(rows) < limit:
                found = await fetch(self._database[view.collection], each, sort=sort, limit=limit - len(rows))
                rows += map(view.row, found)
        return rows

    async def _count(
        self, view: ReadModelDocuments, where: Sequence[Condition], by: str | None
    ) -> list[tuple[Value, int]]:
        group = {"_id": f"$v.{by}" if by else None, "n": {"$sum": 1}}
        pipeline: list[Document] = [{"$match": view.filter(where)}, {"$group": group}]
        found = await aggregate(self._database, view.collection, pipeline, _COUNT_SECONDS)
        return [(each["_id"], int(each["n"])) for each in found]

    async def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]:
        async for page in documents(self._collection(view), batch):
            yield [self._views[view].row(document) for document in page]

    async def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        async for page in documents(self._collection(view), batch, fields={"applied": 1}):
            yield {document["_id"]: document["applied"] for document in page}

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        await ask(self._collection(view).delete_many({"_id": {"$in": list(keys)}}), LONG_SECONDS)

    async def clear(self, view: str | None = None) -> None:
        """Without `view`, the collections of other releases are dropped, too. The checkpoints are invalidated before and after,
        because a group may begin again in between."""
        if view is not None:
            await ask(self._database.drop_collection(self._views[view].collection), LONG_SECONDS)
            await self._create()
            return
        await self._begin_again()
        for name in await ask(self._database.list_collection_names(), LONG_SECONDS):
            if name.startswith(PREFIX) or name in (_PARKED, _CHECKPOINTS):
                await ask(self._database.drop_collection(name), LONG_SECONDS)
        await self._create()
        await self._begin_again()
        await self._read_generation()

    async def forget_others(self) -> None:
        """A running process of another release finds that its groups have to begin again."""
        own = {view.collection for view in self._views.values()}
        there = await ask(self._database.list_collection_names(), LONG_SECONDS)
        others = [name for name in there if name.startswith(PREFIX) and name not in own]
        if others:
            await self._begin_again()
        for name in others:
            await ask(self._database.drop_collection(name), LONG_SECONDS)

    async def park(self, parked: Parked) -> None:
        names = {"group": parked.group, "stream": parked.stream}
        mark = {name: value for name, value in parked._asdict().items() if name not in names}
        await ask(self._database[_PARKED].update_one({"_id": names}, {"$setOnInsert": mark}, upsert=True))

    async def parked(self, group: str | None = None, stream: str | None = None) -> list[Parked]:
        names = {"_id.group": group, "_id.stream": stream}
        where = {name: value for name, value in names.items() if value is not None}
        found = await fetch(self._database[_PARKED], where, sort=IN_ORDER)
        return [Parked(**mark.pop("_id"), **mark) for mark in found]

    async def restate(self, mark: Parked, reason: str) -> bool:
        where = {"_id": {"group": mark.group, "stream": mark.stream}, "reason": mark.reason}
        changed = await ask(self._database[_PARKED].update_one(where, {"$set": {"reason": reason}}))
        return bool(changed.modified_count)

    async def unpark(self, group: str, stream: str) -> bool:
        gone = await ask(self._database[_PARKED].delete_one({"_id": {"group": group, "stream": stream}}))
        return bool(gone.deleted_count)

    async def checkpoint(self, group: str) -> int:
        """The last saved position; 0 if the group has to begin at the first commit."""
        await self._read_generation()
        found = await ask(self._database[_CHECKPOINTS].find_one({"_id": group}))
        return int(found["position"]) if found is not None and found["generation"] == self.generation else 0

    async def save_checkpoint(self, group: str, position: int, generation: int) -> None:
        """A position that is saved for a dropped generation is ignored by `checkpoint`."""
        change = {"$set": {"position": position, "generation": generation}}
        await ask(self._database[_CHECKPOINTS].update_one({"_id": group}, change, upsert=True))

    async def close(self) -> None:
        await self._mongo.close()

    async def _write(self, view: ReadModelDocuments, rows: Sequence[Row], *, renew: bool) -> None:
        """Upsert the rows. Rows that exist already are updated in a second round, if the condition allows it."""
        for upsert in (True, False):
            requests = [view.write(row, renew=renew, upsert=upsert) for row in rows]
            try:
                async with self._bulks:
                    await ask(self._database[view.collection].bulk_write(requests, ordered=False), LONG_SECONDS)
                return
            except BulkWriteError as error:
                rows = [rows[at] for at in duplicates(error, "no majority has confirmed the rows yet")]

    def _collection(self, view: str) -> Collection:
        return self._database[self._views[view].collection]

    async def _create(self) -> None:
        for view in self._views.values():
            await ask(self._database[view.collection].create_indexes(view.indexes()), LONG_SECONDS)

    async def _begin_again(self) -> None:
        await ask(self._database[_STATE].update_one(_GENERATION, {"$inc": {"value": 1}}, upsert=True))

    async def _read_generation(self) -> None:
        found = await ask(self._database[_STATE].find_one(_GENERATION))
        self.generation = int(found["value"]) if found is not None else 0
