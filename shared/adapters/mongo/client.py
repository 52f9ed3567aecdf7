"""The client of MongoDB: the one module that knows which driver is used.

Motor, or its successor AsyncMongoClient of PyMongo. The protocols below are the subset that is the same in both; nothing
else of a driver is used anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError, WTimeoutError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from shared.log import LogAway, LogFull, LoginRefused

T = TypeVar("T")
Driver = Literal["motor", "pymongo"]
Document = dict[str, Any]
Filter = Mapping[str, Any]
Sort = Sequence[tuple[str, int]]

ANSWER_SECONDS = 2.0
"""A request is refused when the store has not answered by then."""
LONG_SECONDS = 60.0
"""For what may take its time and nobody waits for: indexes, rows, pages of a scan."""
DUPLICATE = 11000
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
"""They win over the same options in the URL."""
_OLDEST = (6, 0)
_NO_SPACE = frozenset({14031, 12501})
_NO_LOGIN = frozenset((13, 18, 8000))
_PASSING = frozenset(
    # gone, stepping down, interrupted by that, out of time, not visible yet, cursor or plan lost with its server
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
    """This server, or this URL, cannot keep what the log promises. Says what must be otherwise."""


class Mongo:
    """A connection to one deployment, shared by the stores on it; the last one that lets go closes it.

    Made in the event loop that uses it. It connects at the first question, and again by itself whenever that is lost.
    Raises Unsuitable for a URL that cannot be read."""

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
            raise Unsuitable("the MongoDB URL cannot be read") from error
        self.driver = driver
        self._client = client
        self._holders = 0

    def hold(self) -> Mongo:
        """Somebody more uses it, and will close() it once."""
        self._holders += 1
        return self

    def database(self, name: str) -> Database:
        database: Database = self._client[name]
        return database

    async def check(self) -> None:
        """Raises Unsuitable where durability would not be what the log promises, LogAway where nobody answers."""
        concern = self._client.write_concern
        found = (concern.document, self._client.read_concern, self._client.read_preference)
        wanted = WriteConcern(w="majority", wtimeout=_WTIMEOUT_MS, j=True).document
        if found != (wanted, ReadConcern("majority"), ReadPreference.PRIMARY):
            raise Unsuitable("the options of the MongoDB URL weaken what is written or read; leave them out")
        try:
            hello = await ask(self.database("admin").command({"hello": 1}))
            build = await ask(self.database("admin").command({"buildInfo": 1}))
        except OperationFailure as error:
            raise Unsuitable(f"MongoDB refuses what is asked first ({error.code})") from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise Unsuitable("MongoDB must run as a replica set; one member is enough to begin with")
        if tuple(build["versionArray"][:2]) < _OLDEST:
            raise Unsuitable(f"MongoDB {build['version']} is too old; 6.0 or newer is needed")

    async def close(self) -> None:
        self._holders -= 1
        if self._holders <= 0:
            closing = self._client.close()
            if closing is not None:  # Motor closes at once, AsyncMongoClient is awaited
                await closing


async def ask(work: Awaitable[T], seconds: float = ANSWER_SECONDS) -> T:
    """What the server answers. Raises LogAway when it does not within `seconds`, LogFull when it has no space.

    The driver is told to give up and is not waited for: AsyncMongoClient, cancelled, first takes back a lock that another of
    its tasks may hold for as long as a socket's timeout (seen: 13 s)."""
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
    raise LogAway("MongoDB does not answer")


def _forgotten(asked: asyncio.Future[Any]) -> None:
    """Nobody waits for this any more, for its error neither."""
    if not asked.cancelled():
        asked.exception()


async def aggregate(
    database: Database, collection: str, pipeline: Sequence[Filter], seconds: float = LONG_SECONDS
) -> list[Document]:
    """The whole result of a pipeline, which must be small: by command, because the two drivers' methods differ."""
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
        raise ValueError("the result is larger than one answer")
    found: list[Document] = answer["cursor"]["firstBatch"]
    return found


def trouble(error: BaseException) -> LogAway | LogFull | None:
    """What an error of the driver means for the caller; None where it means neither."""
    if isinstance(error, TimeoutError | ConnectionFailure | WTimeoutError | ExecutionTimeout):
        return LogAway("MongoDB does not answer")
    if isinstance(error, OperationFailure):
        return trouble_of(error.code)
    return None


def trouble_of(code: int | None) -> LogAway | LogFull | None:
    """The same for the code of a server's error."""
    if code in _NO_LOGIN:
        return LoginRefused("MongoDB refuses the user of the URL")
    if code in _NO_SPACE:
        return LogFull("no space for the data")
    if code in _PASSING:
        return LogAway("MongoDB is changing its primary")
    return None
