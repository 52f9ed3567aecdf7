"""The purpose and the storage format of a database: written once, checked at every start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from shared.adapters.mongo.client import LONG_SECONDS, Database, Mongo, ask
from shared.adapters.store_format import NewerData, OlderData, WrongData

META = "meta"
_NO_COLLECTION = 26


@asynccontextmanager
async def opened(
    mongo: Mongo, name: str, kind: str, version: int, indexes: Mapping[str, Sequence[IndexModel]] | None = None
) -> AsyncIterator[Database]:
    """The checked database of a store, which holds the connection from now on; an error inside releases it. A database that has
    everything is not written to, so that a user who may only read can open it.

    Args:
        kind: What the database holds (`log`, `views`, `keys`).
        version: The storage format of this release.
        indexes: Collection name -> indexes that it must have.

    Raises:
        NewerData, OlderData, WrongData, Unsuitable, StoreUnavailable.
    """
    mongo.hold()
    try:
        await mongo.check()
        database = mongo.database(name)
        await claim_database(database, kind, version)
        for collection, wanted in (indexes or {}).items():
            if not await _there(database, collection, wanted):
                await ask(database[collection].create_indexes(list(wanted)), LONG_SECONDS)
        yield database
    except BaseException:
        await mongo.close()
        raise


async def _there(database: Database, collection: str, wanted: Sequence[IndexModel]) -> bool:
    """True if the collection has all these indexes."""
    try:
        answer = await ask(database.command({"listIndexes": collection}), LONG_SECONDS)
    except OperationFailure as error:
        if error.code != _NO_COLLECTION:
            raise
        return False
    found = [{name: value for name, value in one.items() if name != "v"} for one in answer["cursor"]["firstBatch"]]
    return all(_described(one) in found for one in wanted)


def _described(index: IndexModel) -> dict[str, Any]:
    return {**index.document, "key": dict(index.document["key"])}


async def claim_database(database: Database, kind: str, version: int) -> None:
    """Mark an empty database as one of that kind, or check that it is one.

    Raises:
        NewerData, OlderData, WrongData: Another release or something else uses the database. Nothing was changed.
    """
    meta = database[META]
    found = await ask(meta.find_one({"_id": "format"}))
    if found is None and {*await ask(database.list_collection_names())} - {META}:
        # Another process that starts now writes its mark before any other collection.
        found = await ask(meta.find_one({"_id": "format"}))
        if found is None:
            raise WrongData(f"database {database.name} holds something else")
    if found is None:
        try:
            await ask(meta.insert_one({"_id": "format", "kind": kind, "format": version}))
            return
        except DuplicateKeyError:  # another process was first
            found = await ask(meta.find_one({"_id": "format"})) or {}
    if found.get("kind") != kind:
        raise WrongData(f"database {database.name} holds {found.get('kind')}, not {kind}")
    if found["format"] > version:
        raise NewerData(
            f"database {database.name} has format {found['format']}, this release reads up to format {version}"
        )
    if found["format"] < version:
        raise OlderData(f"database {database.name} has format {found['format']}, this release reads format {version}")
