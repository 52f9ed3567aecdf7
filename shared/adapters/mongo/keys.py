"""Data keys in their own MongoDB database, wrapped by a key that is not in it.

Nothing is remembered between two questions: another process may have erased a key meanwhile, and gone is gone.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
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
    trouble_of,
)
from shared.adapters.mongo.formats import claim_database
from shared.adapters.mongo.writer import Job, Writer
from shared.adapters.secrets import NAMES, Derived, KeysLost, Wrapping, fingerprint, make_secret, read_secret
from shared.keys import DataKey, Entry, KeyErased
from shared.log import LogAway

FORMAT = 1
# A key is {_id: JSON of [case, party, purpose], kid, wrapped}, once erased without `wrapped` (and without `kid` where there
# was no key). {_id: JSON of [case, party]} says that nothing of the party may be obtained again.
KEYS, CHECKS = "data_keys", "checks"
_BY_KID = "by_kid"
_INDEXES = (
    IndexModel([("kid", ASCENDING)], name=_BY_KID, unique=True, partialFilterExpression={"kid": {"$exists": True}}),
)
_KID, _SECRET = 16, 32
_RANDOM = _KID + _SECRET + Wrapping.NONCE
_PAUSE = 0.02

Triple = tuple[str, str, str]
Wanted = Sequence[Triple]


class _Found(NamedTuple):
    keys: dict[Triple, DataKey]
    erased: set[str]
    """`_id`s of keys, or of whole parties, that may not be obtained."""


class MongoKeys:
    """A `Keys` in one database and the secret files in a folder (see secrets.py). Make it with `open`."""

    def __init__(self, mongo: Mongo, database: Database, kek: bytes, root: bytes) -> None:
        self._mongo = mongo
        self._keys = database[KEYS]
        self._wrapping, self._derived = Wrapping(kek), Derived(root)
        self._writer: Writer[Wanted, dict[Triple, DataKey]] = Writer(self._obtain, at_once=2)

    @classmethod
    async def open(cls, mongo: Mongo, name: str, secrets: Path) -> MongoKeys:
        """The keys in the database of that name; both secrets are made where neither they nor any key are there yet. Raises
        KeysLost, NewerData, WrongData, Unsuitable, LogAway."""
        mongo.hold()
        database = mongo.database(name)
        try:
            await mongo.check()
            await claim_database(database, "keys", FORMAT)
            await ask(database[KEYS].create_indexes(list(_INDEXES)), LONG_SECONDS)
            kek, root = [await _checked_secret(database, secrets, secret) for secret in NAMES]
        except BaseException:
            await mongo.close()
            raise
        return cls(mongo, database, kek, root)

    async def obtain(self, wanted: Wanted) -> list[DataKey]:
        if not wanted:
            return []
        keys = await self._writer.submit(wanted)
        return [keys[triple] for triple in wanted]

    async def get(self, kids: Sequence[str]) -> dict[str, DataKey]:
        found = self._keys.find({"kid": {"$in": list(kids)}}).batch_size(len(kids) + 1)
        keys = [self._unwrap(document) for document in await ask(found.to_list(None)) if _whole(document)]
        return {key.kid: key for key in keys}

    async def erase(self, case: str, party: str, purpose: str | None = None) -> int:
        """The mark is there before the keys go: who makes one in between sees it, or loses the new one."""
        names = _id(case, party) if purpose is None else _id(case, party, purpose)
        await ask(self._keys.update_one({"_id": names}, {"$set": {"erased": True}}, upsert=True))
        which: Document = {"_id": names}
        if purpose is None:
            begin = names[:-1] + ","
            which = {"_id": {"$gt": begin, "$lt": names[:-1] + "-"}}  # the sign after the comma
        gone = await ask(
            self._keys.update_many({**which, "wrapped": {"$exists": True}}, {"$unset": {"wrapped": ""}}), LONG_SECONDS
        )
        return int(gone.modified_count)

    async def count(self) -> int:
        return await ask(self._keys.count_documents({"wrapped": {"$exists": True}}), LONG_SECONDS)

    async def missing(self, kids: Sequence[str]) -> list[str]:
        found = self._keys.find({"kid": {"$in": list(kids)}}, {"kid": 1}).batch_size(len(kids) + 1)
        known = {document["kid"] for document in await ask(found.to_list(None), LONG_SECONDS)}
        return [kid for kid in kids if kid not in known]

    async def entries(self, *, batch: int = 1000) -> AsyncIterator[Sequence[Entry]]:
        """Everything that is kept, in the order of the names; a key that is erased by itself comes with its mark."""
        after = ""
        while True:
            cursor = (
                self._keys.find({"_id": {"$gt": after}}).sort([("_id", ASCENDING)]).limit(batch).batch_size(batch + 1)
            )
            found = await ask(cursor.to_list(batch), LONG_SECONDS)
            if not found:
                return
            after = found[-1]["_id"]
            yield [entry for document in found for entry in _entries(document)]

    async def take(self, entries: Sequence[Entry]) -> None:
        """Keep these. What was erased on either side stays erased. Raises KeysLost where another key stands."""
        if entries:
            try:
                await ask(self._keys.bulk_write([_taking(entry) for entry in entries]), LONG_SECONDS)
            except BulkWriteError as error:
                codes = {one["code"] for one in error.details["writeErrors"]}
                if DUPLICATE in codes:
                    raise KeysLost("another key stands where one should be taken") from error
                raise LogAway("the keys are not with a majority yet") from error

    def secret(self, name: str) -> bytes:
        return self._derived.secret(name)

    async def close(self) -> None:
        await self._writer.close()
        await self._mongo.close()

    async def _obtain(self, jobs: list[Job[Wanted, dict[Triple, DataKey]]]) -> None:
        """What all that wait for keys want, with the questions of one."""
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
                if _refuses(found, [triple]):  # erased while it was made
                    await ask(self._keys.delete_one({"_id": _id(*triple), "erased": {"$exists": False}}))
        for job in jobs:
            if _refuses(found, job.task):
                job.fail(KeyErased())
            else:
                job.succeed({triple: found.keys[triple] for triple in job.task})

    async def _find(self, triples: Wanted) -> _Found:
        names = {_id(*triple) for triple in triples} | {_id(*triple[:2]) for triple in triples}
        found = await ask(self._keys.find({"_id": {"$in": list(names)}}).batch_size(len(names) + 1).to_list(None))
        keys = [self._unwrap(document) for document in found if _whole(document)]
        erased = {document["_id"] for document in found if not _whole(document)}
        return _Found({(key.case, key.party, key.purpose): key for key in keys}, erased)

    async def _make(self, triples: Wanted) -> list[Triple]:
        """Keys for these where there are none. Returns those that were made here; others were quicker with the rest, and theirs
        is waited for until a majority has it."""
        draw = BytesIO(os.urandom(_RANDOM * len(triples))).read
        documents = []
        for triple in triples:
            key = DataKey(draw(_KID).hex(), *triple, draw(_SECRET))
            wrapped = self._wrapping.wrap(key, draw(Wrapping.NONCE))
            documents.append({"_id": _id(*triple), "kid": key.kid, "wrapped": wrapped})
        taken: set[int] = set()
        try:
            await ask(self._keys.insert_many(documents, ordered=False))
        except BulkWriteError as error:
            if error.details["writeConcernErrors"]:
                raise LogAway("the keys are not with a majority yet") from error
            codes = {one["code"] for one in error.details["writeErrors"]} - {DUPLICATE}
            if codes:
                raise (trouble_of(codes.pop()) or error) from error
            taken = {one["index"] for one in error.details["writeErrors"]}
        others = [triple for index, triple in enumerate(triples) if index in taken]
        until = time.monotonic() + ANSWER_SECONDS
        while others:
            found = await self._find(others)
            others = [each for each in others if each not in found.keys and not _refuses(found, [each])]
            if others and time.monotonic() > until:
                raise LogAway("the keys are not with a majority yet")
            await asyncio.sleep(_PAUSE if others else 0)
        return [triple for index, triple in enumerate(triples) if index not in taken]

    def _unwrap(self, document: Document) -> DataKey:
        case, party, purpose = orjson.loads(document["_id"])
        return self._wrapping.unwrap(document["kid"], case, party, purpose, document["wrapped"])


async def _checked_secret(database: Database, folder: Path, name: str) -> bytes:
    """The secret of that name. The store knows a fingerprint, so that a foreign file is noticed before it is used."""
    checks = database[CHECKS]
    known = await ask(checks.find_one({"_id": name}))
    if known is None:
        if await ask(database[KEYS].find_one({}, {"_id": 1})) is not None:
            raise KeysLost(f"the store does not know its {name}")
        await asyncio.to_thread(make_secret, folder / name)
    secret = await asyncio.to_thread(read_secret, folder / name)
    if known is None:
        known = {"_id": name, "value": fingerprint(secret)}
        try:
            await ask(checks.insert_one(dict(known)))
        except DuplicateKeyError:  # another process was first: its secret counts
            known = await ask(checks.find_one({"_id": name}))
    if known is None or not hmac.compare_digest(known["value"], fingerprint(secret)):
        raise KeysLost(f"{name} is not the one of this store")
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
