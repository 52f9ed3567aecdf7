"""The connection to MongoDB; the only module that knows which driver is used.

The driver is Motor, or its successor, PyMongo's AsyncMongoClient. The protocols below are the subset that both drivers have
in common; the adapters use nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal, Protocol, TypeVar

from pymongo import ASCENDING
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from shared.adapters.paging import pages
from shared.eventstore.errors import LoginRefused, StoreFull, StoreUnavailable

T = TypeVar("T")
Driver = Literal["motor", "pymongo"]
Document = dict[str, Any]
Filter = Mapping[str, Any]
Sort = Sequence[tuple[str, int]]

ANSWER_SECONDS = 2.0
"""Time limit of an operation that a request waits for."""
LONG_SECONDS = 60.0
"""Time limit of slower operations that no request waits for: indexes, rows, pages of a scan."""
IN_ORDER: Sort = (("_id", ASCENDING),)
DUPLICATE = 11000
"""Code of a duplicate key error."""
_WHOLE_BATCH = 10_000
"""Batch size for results whose number is bounded by the query."""
_WTIMEOUT_MS = 5000
_SETTINGS: dict[str, Any] = {
    "appname": "huiyin",
    "w": "majority",
    "journal": True,
    "wTimeoutMS": _WTIMEOUT_MS,
    "retryWrites": True,
    "retryReads": True,
    "readConcernLevel": "majority",
    "readPreference": "primary",
    "serverSelectionTimeoutMS": 1500,
    "connectTimeoutMS": 1500,
    "socketTimeoutMS": _WTIMEOUT_MS + 1000,
    "waitQueueTimeoutMS": 2000,
    "tz_aware": True,
    "unicode_decode_error_handler": "replace",
}
"""These override the same options in the URL."""
_OLDEST = (6, 0)
_NO_SPACE = frozenset({14031, 12501})
_NO_LOGIN = frozenset((13, 18, 8000))
_PASSING = frozenset(
    # host unreachable, primary stepping down, interrupted by that, timed out, not yet visible, cursor or plan killed
    (6, 7, 9001, 89, 91, 189, 10107, 10058, 11600, 11602, 13435, 13436, 50, 64, 262, 133, 134, 43, 175)
)


class Cursor(Protocol):
    def sort(self, order: Sort) -> Cursor: ...
    def limit(self, limit: int) -> Cursor: ...
    def batch_size(self, size: int) -> Cursor: ...
    def to_list(self, length: int | None) -> Awaitable[list[Document]]: ...


class Collection(Protocol):
    name: str

    def find(self, filter: Filter, projection: Filter | None = None) -> Cursor: ...
    def find_one(
        self, filter: Filter, projection: Filter | None = None, *, sort: Sort | None = None
    ) -> Awaitable[Document | None]: ...
    def insert_one(self, document: Document) -> Awaitable[Any]: ...
    def insert_many(self, documents: Sequence[Document], *, ordered: bool = True) -> Awaitable[Any]: ...
    def bulk_write(self, requests: Sequence[Any], *, ordered: bool = True) -> Awaitable[Any]: ...
    def update_one(self, filter: Filter, update: Any, *, upsert: bool = False) -> Awaitable[Any]: ...
    def update_many(self, filter: Filter, update: Any) -> Awaitable[Any]: ...
    def delete_one(self, filter: Filter) -> Awaitable[Any]: ...
    def delete_many(self, filter: Filter) -> Awaitable[Any]: ...
    def count_documents(self, filter: Filter, **options: Any) -> Awaitable[int]: ...
    def create_indexes(self, indexes: Sequence[Any]) -> Awaitable[Any]: ...


class Database(Protocol):
    name: str

    def __getitem__(self, name: str) -> Collection: ...
    def command(self, command: Document) -> Awaitable[Document]: ...
    def list_collection_names(self) -> Awaitable[list[str]]: ...
    def create_collection(self, name: str) -> Awaitable[Any]: ...
    def drop_collection(self, name: str) -> Awaitable[Any]: ...


class Unsuitable(Exception):
    """This server or this URL cannot guarantee durability. The message names the required change. `zh`: the same in Chinese."""

    def __init__(self, why: str, zh: str) -> None:
        super().__init__(why)
        self.zh = zh


class Mongo:
    """A connection to one deployment, shared by the stores on it; it is closed when the last of them closes it.

    Must be created in the event loop that uses it. It connects at the first operation and reconnects automatically.

    Raises:
        Unsuitable: The URL cannot be parsed.
    """

    def __init__(self, url: str, driver: Driver = "motor") -> None:
        client: Any
        try:
            if driver == "motor":
                from motor.motor_asyncio import AsyncIOMotorClient

                client = AsyncIOMotorClient(url, **_SETTINGS)
            else:
                from pymongo import AsyncMongoClient

                client = AsyncMongoClient(url, **_SETTINGS)
        except (PyMongoError, ValueError) as error:  # its text may quote the URL
            raise Unsuitable(
                "the MongoDB URL cannot be read; correct it", "无法识别 MongoDB 的连接地址，请更正。"
            ) from error
        self.driver = driver
        self._client = client
        self._holders = 0

    def hold(self) -> Mongo:
        """Register one more user, which must call close() once."""
        self._holders += 1
        return self

    def database(self, name: str) -> Database:
        database: Database = self._client[name]
        return database

    async def check(self) -> None:
        """Check the options of the connection and the server.

        Raises:
            Unsuitable: The options or the server weaken durability.
            StoreUnavailable: The server does not answer.
        """
        concern = self._client.write_concern
        found = (concern.document, self._client.read_concern, self._client.read_preference)
        wanted = WriteConcern(w="majority", wtimeout=_WTIMEOUT_MS, j=True).document
        if found != (wanted, ReadConcern("majority"), ReadPreference.PRIMARY):
            raise Unsuitable(
                "the options of the MongoDB URL weaken the write or read concern; remove them",
                "MongoDB 连接地址中的选项降低了读写保证，请删除这些选项。",
            )
        try:
            hello = await ask(self.database("admin").command({"hello": 1}))
            build = await ask(self.database("admin").command({"buildInfo": 1}))
        except OperationFailure as error:
            raise Unsuitable(
                f"MongoDB refuses the first commands (code {error.code}); check the user's rights",
                f"MongoDB 拒绝最初的命令（代码 {error.code}），请检查用户权限。",
            ) from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise Unsuitable(
                "MongoDB must run as a replica set; one member is enough for the start",
                "MongoDB 须以副本集方式运行，起步时一个成员即可。",
            )
        if tuple(build["versionArray"][:2]) < _OLDEST:
            raise Unsuitable(
                f"MongoDB {build['version']} is too old; install 6.0 or newer",
                f"MongoDB {build['version']} 版本过旧，请安装 6.0 或更高版本。",
            )

    async def time(self) -> datetime:
        """The clock of the primary. Raises StoreUnavailable."""
        told: datetime = (await ask(self.database("admin").command({"hello": 1})))["localTime"]
        return told if told.tzinfo is not None else told.replace(tzinfo=UTC)

    async def close(self) -> None:
        self._holders -= 1
        if self._holders <= 0:
            closing = self._client.close()
            if closing is not None:  # Motor closes at once, AsyncMongoClient is awaited
                await closing


async def ask(work: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """The result of an operation of the driver.

    After a timeout the driver is cancelled but not awaited: a cancelled AsyncMongoClient first takes a lock that another of
    its tasks may hold until a socket times out (13 s were observed).

    Raises:
        StoreUnavailable: The server did not answer within `seconds`.
        StoreFull: The server has no space.
    """
    asking = asyncio.ensure_future(work)
    try:
        answered, _ = await asyncio.wait((asking,), timeout=seconds)
        if answered:
            return asking.result()
    except (PyMongoError, TimeoutError) as error:
        meaning = trouble(error)
        if meaning is None:
            raise
        raise meaning from error
    finally:
        if not asking.done():
            asking.add_done_callback(_forgotten)
            asking.cancel()
    raise StoreUnavailable("MongoDB does not answer")


async def fetch(
    collection: Collection,
    where: Filter,
    *,
    fields: Filter | None = None,
    sort: Sort = (),
    limit: int = 0,
    seconds: float = ANSWER_SECONDS,
) -> list[Document]:
    """The documents that match `where`, in one batch if `limit` is set; 0 is no limit."""
    cursor = collection.find(where, fields)
    if sort:
        cursor = cursor.sort(sort)
    cursor = cursor.limit(limit).batch_size(limit + 1) if limit else cursor.batch_size(_WHOLE_BATCH)
    return await ask(cursor.to_list(limit or None), seconds)


def documents(
    collection: Collection, size: int, bounds: Document | None = None, fields: Filter | None = None
) -> AsyncIterator[Sequence[Document]]:
    """All documents in the order of `_id`, in pages of `size`; `bounds` limits `_id`."""

    async def read(after: str | None) -> list[Document]:
        place = {**(bounds or {})} if after is None else {**(bounds or {}), "$gt": after}
        where = {"_id": place} if place else {}
        return await fetch(collection, where, fields=fields, sort=IN_ORDER, limit=size, seconds=LONG_SECONDS)

    return pages(read, None, itemgetter("_id"), size)


def duplicates(error: BulkWriteError, late: str) -> list[int]:
    """Indexes of the operations that failed with a duplicate key.

    Args:
        late: Message of the StoreUnavailable for a write that no majority has confirmed yet.

    Raises:
        StoreUnavailable, StoreFull, BulkWriteError: At least one operation failed for another reason.
    """
    if error.details["writeConcernErrors"]:
        raise StoreUnavailable(late) from error
    failed = error.details["writeErrors"]
    codes = {one["code"] for one in failed} - {DUPLICATE}
    if codes:
        raise (trouble_of(codes.pop()) or error) from error
    return [one["index"] for one in failed]


def _forgotten(asked: asyncio.Future[Any]) -> None:
    """Retrieve the error of an operation that is not awaited, so that asyncio does not log it."""
    if not asked.cancelled():
        asked.exception()


async def aggregate(
    database: Database, collection: str, pipeline: Sequence[Filter], seconds: float = LONG_SECONDS
) -> list[Document]:
    """The whole result of a pipeline, which must fit into one batch. Sent as a command, because the drivers' methods differ."""
    answer = await ask(
        database.command(
            {
                "aggregate": collection,
                "pipeline": list(pipeline),
                "cursor": {"batchSize": 1_000_000},
                "readConcern": {"level": "majority"},
            }
        ),
        seconds,
    )
    if answer["cursor"]["id"]:
        raise ValueError("the result is larger than one batch")
    found: list[Document] = answer["cursor"]["firstBatch"]
    return found


def trouble(error: BaseException) -> StoreUnavailable | StoreFull | None:
    """The error of the port that corresponds to an error of the driver; None for any other error."""
    if isinstance(error, TimeoutError | ConnectionFailure | WTimeoutError | ExecutionTimeout):
        return StoreUnavailable("MongoDB does not answer")
    if isinstance(error, OperationFailure):
        return trouble_of(error.code)
    return None


def trouble_of(code: int | None) -> StoreUnavailable | StoreFull | None:
    """The same for the code of a server error."""
    if code in _NO_LOGIN:
        return LoginRefused("MongoDB refuses the user or password of the URL; correct them")
    if code in _NO_SPACE:
        return StoreFull("MongoDB has no space left; free some space, then send it again")
    if code in _PASSING:
        return StoreUnavailable("MongoDB is changing its primary")
    return None
