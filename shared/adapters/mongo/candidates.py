"""The index of candidates in MongoDB, in a database of its own, which can be dropped."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from pymongo import UpdateOne

from shared.adapters.mongo.client import LONG_SECONDS, Database, Document, Mongo, ask, fetch
from shared.adapters.mongo.database_format import META, opened
from shared.eventstore.candidates import LONGEST_LIST, Frequencies, Hits, IndexEntry, ranked

FORMAT = 1
TEXTS, POSTINGS, COUNTS = "texts", "postings", "counts"
_STARTED = "started"
_ALL = "all"
"""The document of COUNTS that has the number of counted texts."""


class MongoCandidates:
    """A `CandidateIndex`. The database is opened by the first use: only intake has the right to.

    A text is first written as incomplete, then into the posting lists: if a process ends in between, it counts as not held and is
    put again.
    """

    def __init__(self, mongo: Mongo, name: str) -> None:
        self._mongo = mongo
        self._name = name
        self._database: Database | None = None
        self._opening = asyncio.Lock()

    async def held(self, cases: Sequence[str]) -> set[str]:
        texts = (await self._opened())[TEXTS]
        found = await fetch(texts, {"_id": {"$in": list(cases)}, "complete": True}, fields={"_id": 1})
        return {one["_id"] for one in found}

    async def frequencies(self, hashes: Collection[int]) -> Frequencies:
        counts = (await self._opened())[COUNTS]
        found = {one["_id"]: one["texts"] for one in await fetch(counts, {"_id": {"$in": [_ALL, *hashes]}})}
        return Frequencies(found.pop(_ALL, 0), found)

    async def put(self, entries: Sequence[IndexEntry]) -> None:
        latest = {entry.case: entry for entry in entries}
        if not latest:
            return
        await self.remove(list(latest))
        database = await self._opened()
        added: defaultdict[int, list[str]] = defaultdict(list)
        counts: Counter[int | str] = Counter()
        for case, entry in latest.items():
            for one in entry.kept:
                added[one].append(case)
            counts.update(entry.counted)
            counts[_ALL] += bool(entry.counted)
        starts = [
            UpdateOne({"_id": case}, {"$set": {"kept": list(entry.kept), "complete": False}}, upsert=True)
            for case, entry in latest.items()
        ]
        await ask(database[TEXTS].bulk_write(starts, ordered=False), LONG_SECONDS)
        pushes = [
            UpdateOne({"_id": one}, {"$push": {"cases": {"$each": cases, "$slice": -LONGEST_LIST}}}, upsert=True)
            for one, cases in added.items()
        ]
        if pushes:
            await ask(database[POSTINGS].bulk_write(pushes, ordered=False), LONG_SECONDS)
        more = [UpdateOne({"_id": one}, {"$inc": {"texts": by}}, upsert=True) for one, by in counts.items() if by]
        if more:
            await ask(database[COUNTS].bulk_write(more, ordered=False), LONG_SECONDS)
        whole = {"_id": {"$in": list(latest)}}
        await ask(database[TEXTS].update_many(whole, {"$set": {"complete": True}}), LONG_SECONDS)

    async def find(self, weights: Mapping[int, float], limit: int) -> Hits:
        found = await fetch((await self._opened())[POSTINGS], {"_id": {"$in": list(weights)}})
        return await asyncio.to_thread(ranked, [(one["_id"], one["cases"]) for one in found], weights, limit)

    async def remove(self, cases: Sequence[str]) -> int:
        database = await self._opened()
        found = await fetch(database[TEXTS], {"_id": {"$in": list(cases)}})
        if not found:
            return 0
        gone: defaultdict[int, list[str]] = defaultdict(list)
        for one in found:
            for kept in one["kept"]:
                gone[kept].append(one["_id"])
        pulls = [UpdateOne({"_id": kept}, {"$pull": {"cases": {"$in": names}}}) for kept, names in gone.items()]
        if pulls:
            await ask(database[POSTINGS].bulk_write(pulls, ordered=False), LONG_SECONDS)
            ended: Document = {"_id": {"$in": list(gone)}, "cases": []}
            await ask(database[POSTINGS].delete_many(ended), LONG_SECONDS)
        await ask(database[TEXTS].delete_many({"_id": {"$in": [one["_id"] for one in found]}}), LONG_SECONDS)
        return len(found)

    async def started(self) -> bool:
        return await ask((await self._opened())[META].find_one({"_id": _STARTED})) is not None

    async def start(self) -> None:
        meta = (await self._opened())[META]
        await ask(meta.update_one({"_id": _STARTED}, {"$set": {"started": True}}, upsert=True), LONG_SECONDS)

    async def close(self) -> None:
        if self._database is not None:
            await self._mongo.close()

    async def _opened(self) -> Database:
        """The database. Raises NewerData, OlderData, WrongData, Unsuitable, StoreUnavailable."""
        async with self._opening:
            if self._database is None:
                async with opened(self._mongo, self._name, "candidates", FORMAT) as database:
                    self._database = database
        return self._database
