"""Views in MongoDB: one collection per view and shape, beside them the parked marks and the feed's checkpoints."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from pymongo import ASCENDING
from pymongo.errors import BulkWriteError

from shared.adapters.mongo.client import (
    ANSWER_SECONDS,
    DUPLICATE,
    LONG_SECONDS,
    Document,
    Mongo,
    aggregate,
    ask,
    trouble_of,
)
from shared.adapters.mongo.formats import claim_database
from shared.adapters.mongo.view_documents import PREFIX, ViewDocuments
from shared.adapters.querying import require_index
from shared.log import LogAway
from shared.views import Condition, Parked, Row, Value, View

FORMAT = 1
_PARKED, _CHECKPOINTS, _STATE = "parked", "checkpoints", "state"
_GENERATION = {"_id": "generation"}
_SHAPE = {"_id": "shape"}
_ROWS_AT_ONCE = 250
"""Rows of one bulk write; several bulks are on their way at once."""
_BULKS_AT_ONCE = 4
_COUNT_SECONDS = 10.0
_IN_ORDER = (("_id", ASCENDING),)


class MongoViews:
    """A `Views` in one database. Make it with `open`.

    Rows are guarded each by itself: a batch that fails half-way is delivered again, and what stands already stays."""

    def __init__(self, mongo: Mongo, database: str) -> None:
        self._mongo = mongo
        self._database = mongo.database(database)
        self._views: dict[str, ViewDocuments] = {}
        self._bulks = asyncio.Semaphore(_BULKS_AT_ONCE)
        self.generation = 0
        """Grows when everything is dropped, by whichever process: the feed then begins again. As last read here."""

    @classmethod
    async def open(cls, mongo: Mongo, database: str) -> MongoViews:
        """The views in that database. Raises NewerData, WrongData, Unsuitable, LogAway."""
        views = cls(mongo.hold(), database)
        try:
            await mongo.check()
            await claim_database(views._database, "views", FORMAT)
        except BaseException:
            await mongo.close()
            raise
        return views

    def declare(self, view: View) -> None:
        known = self._views.get(view.name)
        if known is not None and known.view != view:
            raise ValueError(f"view {view.name} is declared with another shape")
        if known is None:
            self._views[view.name] = ViewDocuments(view)

    def shape(self, names: Iterable[str]) -> int:
        """A number for the shapes of these views together: a release in which one of them has another shape has another one."""
        collections = "\n".join(sorted(self._views[name].collection for name in names))
        return int.from_bytes(hashlib.sha256(collections.encode()).digest()[:6])

    async def shape_in_use(self) -> int | None:
        """What use_shape() was told last, by whichever process."""
        found = await ask(self._database[_STATE].find_one(_SHAPE))
        return None if found is None else int(found["value"])

    async def use_shape(self, shape: int) -> int | None:
        """From now on processes of another release see that this one is there. Returns what was in use before."""
        before = await self.shape_in_use()
        await ask(self._database[_STATE].update_one(_SHAPE, {"$set": {"value": shape}}, upsert=True))
        return before

    async def start(self) -> None:
        """Make the collections that are missing. Where one was, no checkpoint is true any more, which is said first: a process
        that ends in between leaves nothing behind that looks filled."""
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
        documents = self._views[view]
        found = await ask(self._database[documents.collection].find_one({"_id": key}))
        return None if found is None else documents.row(found)

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        found = await self._list(view, {"_id": {"$in": list(keys)}}, len(keys), fields={"applied": 1})
        return {document["_id"]: document["applied"] for document in found}

    async def find(
        self,
        view: str,
        where: Sequence[Condition] = (),
        *,
        order: Sequence[str] = (),
        after: Sequence[Value] | None = None,
        limit: int = 50,
    ) -> list[Row]:
        documents = self._views[view]
        require_index(documents.view, where, order)
        filters, sort = documents.pages(where, order, after)
        rows: list[Row] = []
        for each in filters:
            if len(rows) < limit:
                rows += map(documents.row, await self._list(view, each, limit - len(rows), sort=sort))
        return rows

    async def count(self, view: str, where: Sequence[Condition] = (), *, by: str | None = None) -> dict[Value, int]:
        documents = self._views[view]
        require_index(documents.view, where, by=by)
        group = {"_id": f"$v.{by}" if by else None, "n": {"$sum": 1}}
        pipeline: list[Document] = [{"$match": documents.filter(where)}, {"$group": group}]
        found = await aggregate(self._database, documents.collection, pipeline, _COUNT_SECONDS)
        counted = {documents.value(by, each["_id"]): int(each["n"]) for each in found}
        return counted if by else {None: counted.get(None, 0)}

    async def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]:
        documents = self._views[view]
        place: Document = {}
        while True:
            found = await self._list(view, place, batch, sort=_IN_ORDER, seconds=LONG_SECONDS)
            if found:
                yield [documents.row(document) for document in found]
            if len(found) < batch:
                return
            place = {"_id": {"$gt": found[-1]["_id"]}}

    async def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        place: Document = {}
        while found := await self._list(
            view, place, batch, fields={"applied": 1}, sort=_IN_ORDER, seconds=LONG_SECONDS
        ):
            yield {document["_id"]: document["applied"] for document in found}
            place = {"_id": {"$gt": found[-1]["_id"]}}

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        await ask(self._database[self._views[view].collection].delete_many({"_id": {"$in": list(keys)}}), LONG_SECONDS)

    async def clear(self, view: str | None = None) -> None:
        """Everything includes the collections of other releases. The checkpoints are said to be untrue before and after, for
        a group that begins again in between."""
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
        """A process of that release which still runs finds that it has to begin again."""
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
        found = await ask(self._database[_PARKED].find(where).sort(_IN_ORDER).batch_size(10_000).to_list(None))
        return [Parked(**mark.pop("_id"), **mark) for mark in found]

    async def unpark(self, group: str, stream: str) -> bool:
        gone = await ask(self._database[_PARKED].delete_one({"_id": {"group": group, "stream": stream}}))
        return bool(gone.deleted_count)

    async def checkpoint(self, group: str) -> int:
        """What save_checkpoint() said last; 0 where the group has to begin at the first commit."""
        await self._read_generation()
        found = await ask(self._database[_CHECKPOINTS].find_one({"_id": group}))
        return int(found["position"]) if found is not None and found["generation"] == self.generation else 0

    async def save_checkpoint(self, group: str, position: int, generation: int) -> None:
        """Nothing counts that is saved for a generation that was dropped."""
        change = {"$set": {"position": position, "generation": generation}}
        await ask(self._database[_CHECKPOINTS].update_one({"_id": group}, change, upsert=True))

    async def close(self) -> None:
        await self._mongo.close()

    async def _write(self, view: ViewDocuments, rows: Sequence[Row], *, renew: bool) -> None:
        """A row that could not be made stands already: then the same without making it, where the condition decides."""
        for upsert in (True, False):
            requests = [view.write(row, renew=renew, upsert=upsert) for row in rows]
            try:
                async with self._bulks:
                    await ask(self._database[view.collection].bulk_write(requests, ordered=False), LONG_SECONDS)
                return
            except BulkWriteError as error:
                if error.details["writeConcernErrors"]:
                    raise LogAway("the rows are not with a majority yet") from error
                rows = [rows[one["index"]] for one in error.details["writeErrors"]]
                codes = {one["code"] for one in error.details["writeErrors"]} - {DUPLICATE}
                if codes:
                    raise (trouble_of(codes.pop()) or error) from error

    async def _list(
        self,
        view: str,
        where: Document,
        limit: int,
        *,
        fields: Document | None = None,
        sort: Sequence[tuple[str, int]] = (),
        seconds: float = ANSWER_SECONDS,
    ) -> list[Document]:
        if limit < 1:
            return []
        cursor = self._database[self._views[view].collection].find(where, fields)
        if sort:
            cursor = cursor.sort(sort)
        return await ask(cursor.limit(limit).batch_size(limit + 1).to_list(limit), seconds)

    async def _create(self) -> None:
        for view in self._views.values():
            await ask(self._database[view.collection].create_indexes(view.indexes()), LONG_SECONDS)

    async def _begin_again(self) -> None:
        await ask(self._database[_STATE].update_one(_GENERATION, {"$inc": {"value": 1}}, upsert=True))

    async def _read_generation(self) -> None:
        found = await ask(self._database[_STATE].find_one(_GENERATION))
        self.generation = int(found["value"]) if found is not None else 0
