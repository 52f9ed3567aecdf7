"""What a database is for, and in which format: written once, checked at every start."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from shared.adapters.formats import NewerData, WrongData
from shared.adapters.mongo.client import Database, ask

META = "meta"


async def claim_database(database: Database, kind: str, version: int) -> None:
    """Make the database one of that kind, or see that it is. Raises NewerData or WrongData before anything is changed."""
    meta = database[META]
    found = await ask(meta.find_one({"_id": "format"}))
    if found is None and {*await ask(database.list_collection_names())} - {META}:
        found = await ask(
            meta.find_one({"_id": "format"})
        )  # one that starts with us says what it is for before it goes on
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
        raise NewerData(f"database {database.name} has format {found['format']}, this release knows {version}")
