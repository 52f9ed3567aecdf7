"""Data keys in a MongoDB database of their own, encrypted with a key that is not in it.

Keys are not cached, because another process may erase a key at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import orjson
from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from shared.adapters.mongo.client import (
    ANSWER_SECONDS,
    DUPLICATE,
    LONG_SECONDS,
    Database,
    Document,
    Mongo,
    ask,
    documents,
    duplicates,
    fetch,
)
from shared.adapters.mongo.database_format import opened
from shared.adapters.mongo.group_commit import GroupCommit, Job
from shared.adapters.secret_files import NAMES, KeysLost, Wrapping, checked_secret, derived_secret, fingerprint
from shared.eventstore.errors import StoreUnavailable
from shared.eventstore.key_store import DataKey, Entry, KeyErased

FORMAT = 1
# A key is {_id: JSON of [case, party, purpose], kid, wrapped}; once erased, it lacks `wrapped` (and `kid` if there was no
# key). {_id: JSON of [case, party]} marks that no key of the party may be obtained again.
KEYS, CHECKS = "data_keys", "checks"
_BY_KID = "by_kid"
_INDEXES = (
    IndexModel([("kid", ASCENDING)], name=_BY_KID, unique=True, partialFilterExpression={"kid": {"$exists": True}}),
)
_PAUSE = 0.02
_LATE = "no majority has confirmed the keys yet; send it again"

Triple = tuple[str, str, str]
Wanted = Sequence[Triple]


class _Found(NamedTuple):
    keys: dict[Triple, DataKey]
    erased: set[str]
    """`_id`s of keys and of parties that must not be obtained."""


class MongoKeyStore:
    """A `Keys` in one database, with the secret files in a folder (see secrets.py). Use `open` to create it."""

    def __init__(self, mongo: Mongo, database: Database, kek: bytes, root: bytes) -> None:
        self._mongo = mongo
        self._keys = database[KEYS]
        self._wrapping = Wrapping(kek)
        self.secret = cache(partial(derived_secret, root))
        self._writer: GroupCommit[Wanted, dict[Triple, DataKey]] = GroupCommit(self._obtain, at_once=2)

    @classmethod
    async def open(cls, mongo: Mongo, name: str, secrets: Path) -> MongoKeyStore:
        """The keys in the database of that name. For a new database, missing secret files are created in `secrets`.

        Raises:
            KeysLost: A secret file does not belong to the database.
            NewerData, WrongData, Unsuitable, StoreUnavailable.
        """
        async with opened(mongo, name, "keys", FORMAT, {KEYS: _INDEXES}) as database:
            kek, root = [await _checked_secret(database, secrets, secret) for secret in NAMES]
            return cls(mongo, database, kek, root)

    async def obtain(self, wanted: Wanted) -> list[DataKey]:
        if not wanted:
            return []
        keys = await self._writer.submit(wanted)
        return [keys[triple] for triple in wanted]

    async def get(self, kids: Sequence[str]) -> dict[str, DataKey]:
        found = await fetch(self._keys, {"kid": {"$in": list(kids)}})
        keys = [self._unwrap(document) for document in found if _whole(document)]
        return {key.kid: key for key in keys}

    async def erase(self, case: str, party: str, purpose: str | None = None) -> int:
        """The mark is written before the keys are removed: a process that creates a key in between sees it or loses the key."""
        names = _id(case, party) if purpose is None else _id(case, party, purpose)
        await ask(self._keys.update_one({"_id": names}, {"$set": {"erased": True}}, upsert=True))
        which: Document = {"_id": names}
        if purpose is None:
            begin = names[:-1] + ","
            which = {"_id": {"$gt": begin, "$lt": names[:-1] + "-"}}  # the character after the comma
        gone = await ask(
            self._keys.update_many({**which, "wrapped": {"$exists": True}}, {"$unset": {"wrapped": ""}}), LONG_SECONDS
        )
        return int(gone.modified_count)

    async def count(self) -> int:
        return await ask(self._keys.count_documents({"wrapped": {"$exists": True}}), LONG_SECONDS)

    async def missing(self, kids: Sequence[str]) -> list[str]:
        found = await fetch(self._keys, {"kid": {"$in": list(kids)}}, seconds=LONG_SECONDS)
        known = {document["kid"] for document in found if not _whole(document) or self._opens(document)}
        return [kid for kid in kids if kid not in known]

    async def entries(self, *, batch: int = 1000) -> AsyncIterator[Sequence[Entry]]:
        """Everything in the store, in the order of the names; a key that was erased individually comes with its mark."""
        async for page in documents(self._keys, batch):
            yield [entry for document in page for entry in _entries(document)]

    async def take(self, entries: Sequence[Entry]) -> None:
        """Store `entries`. What either side has erased stays erased. Raises KeysLost if the store has another key for a name."""
        if entries:
            try:
                await ask(self._keys.bulk_write([_taking(entry) for entry in entries]), LONG_SECONDS)
            except BulkWriteError as error:
                codes = {one["code"] for one in error.details["writeErrors"]}
                if DUPLICATE in codes:
                    raise KeysLost("the store already has another key for one of the names") from error
                raise StoreUnavailable(_LATE) from error

    async def close(self) -> None:
        await self._writer.close()
        await self._mongo.close()

    async def _obtain(self, jobs: list[Job[Wanted, dict[Triple, DataKey]]]) -> None:
        """Answer all requests of a batch with the queries of one."""
        triples = list(dict.fromkeys(triple for job in jobs for triple in job.task))
        found = await self._find(triples)
        refused = [job for job in jobs if _refuses(found, job.task)]
        for job in refused:
            job.fail(KeyErased())
        jobs = [job for job in jobs if job not in refused]
        new = [each for each in dict.fromkeys(triple for job in jobs for triple in job.task) if each not in found.keys]
        if new:
            made = await self._make(new)
            found = await self._find(triples)
            for triple in made:
                if _refuses(found, [triple]):  # erased while it was created
                    await ask(self._keys.delete_one({"_id": _id(*triple), "erased": {"$exists": False}}))
        for job in jobs:
            if _refuses(found, job.task):
                job.fail(KeyErased())
            else:
                job.succeed({triple: found.keys[triple] for triple in job.task})

    async def _find(self, triples: Wanted) -> _Found:
        names = {_id(*triple) for triple in triples} | {_id(*triple[:2]) for triple in triples}
        found = await fetch(self._keys, {"_id": {"$in": list(names)}})
        keys = [self._unwrap(document) for document in found if _whole(document)]
        erased = {document["_id"] for document in found if not _whole(document)}
        return _Found({(key.case, key.party, key.purpose): key for key in keys}, erased)

    async def _make(self, triples: Wanted) -> list[Triple]:
        """Create the keys that do not exist.

        Returns:
            Those that were created here. Another process was faster with the rest; they are waited for until a majority has
            them.
        """
        made = [
            {"_id": _id(key.case, key.party, key.purpose), "kid": key.kid, "wrapped": wrapped}
            for key, wrapped in self._wrapping.new(triples)
        ]
        taken: set[int] = set()
        try:
            await ask(self._keys.insert_many(made, ordered=False))
        except BulkWriteError as error:
            taken = set(duplicates(error, _LATE))
        others = [triple for index, triple in enumerate(triples) if index in taken]
        until = time.monotonic() + ANSWER_SECONDS
        while others:
            found = await self._find(others)
            others = [each for each in others if each not in found.keys and not _refuses(found, [each])]
            if others and time.monotonic() > until:
                raise StoreUnavailable(_LATE)
            await asyncio.sleep(_PAUSE if others else 0)
        return [triple for index, triple in enumerate(triples) if index not in taken]

    def _opens(self, document: Document) -> bool:
        """True if the key in the document is what was stored."""
        case, party, purpose = orjson.loads(document["_id"])
        return self._wrapping.opens(document["kid"], case, party, purpose, document["wrapped"])

    def _unwrap(self, document: Document) -> DataKey:
        case, party, purpose = orjson.loads(document["_id"])
        return self._wrapping.unwrap(document["kid"], case, party, purpose, document["wrapped"])


async def _checked_secret(database: Database, folder: Path, name: str) -> bytes:
    """The secret of that name, whose fingerprint the store keeps."""
    checks = database[CHECKS]
    known = await ask(checks.find_one({"_id": name}))
    empty = known is None and await ask(database[KEYS].find_one({}, {"_id": 1})) is None
    expected = None if known is None else known["value"]
    secret = await asyncio.to_thread(checked_secret, folder / name, expected, may_make=empty)
    if known is None:
        try:
            await ask(checks.insert_one({"_id": name, "value": fingerprint(secret)}))
        except DuplicateKeyError:  # another process was first, and its secret is the valid one
            return await _checked_secret(database, folder, name)
    return secret


def _id(*names: str) -> str:
    return orjson.dumps(names).decode()


def _entries(document: Document) -> list[Entry]:
    case, party, *purpose = orjson.loads(document["_id"])
    marked = "erased" in document
    found = []
    if "kid" in document:
        wrapped = None if marked else document.get("wrapped")
        found.append(Entry(case, party, purpose[0], document["kid"], wrapped))
    if marked:
        found.append(Entry(case, party, purpose[0] if purpose else "", None, None))
    return found


def _taking(entry: Entry) -> UpdateOne:
    names = (entry.case, entry.party, entry.purpose) if entry.purpose else (entry.case, entry.party)
    which: Document = {"_id": _id(*names)}
    if entry.kid is None:
        return UpdateOne(which, {"$set": {"erased": True}, "$unset": {"wrapped": ""}}, upsert=True)
    if entry.wrapped is None:
        return UpdateOne(which, {"$set": {"kid": entry.kid}, "$unset": {"wrapped": ""}}, upsert=True)
    return UpdateOne(which, {"$setOnInsert": {"kid": entry.kid, "wrapped": entry.wrapped}}, upsert=True)


def _whole(document: Document) -> bool:
    return "wrapped" in document and "erased" not in document


def _refuses(found: _Found, wanted: Wanted) -> bool:
    return any(_id(*triple) in found.erased or _id(*triple[:2]) in found.erased for triple in wanted)
