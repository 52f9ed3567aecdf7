"""What the broker has not acknowledged yet: a time in the commit's own document, and an index of those that have one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from shared.adapters.mongo.client import LONG_SECONDS, Collection, ask
from shared.adapters.mongo.documents import id_of, to_commit
from shared.log import Commit

SINCE = "unpublished"
"""Time of the append, or what claim() or hold() made it; a BSON date, for it is compared with clocks only."""
_CLAIM = "claim"
_NAME = "by_unpublished"
_PAGE = 2000
_WAITING = {SINCE: {"$exists": True}}
_OLDEST = ((SINCE, ASCENDING), ("_id", ASCENDING))
UNPUBLISHED = IndexModel(list(_OLDEST), name=_NAME, partialFilterExpression=_WAITING)


class Outbox:
    """The unpublished commits of a log, claimed by compare-and-set."""

    def __init__(self, commits: Collection) -> None:
        self._commits = commits

    async def unpublished(self, before: datetime, limit: int) -> list[Commit]:
        cursor = self._commits.find({SINCE: {"$lt": before}}).sort(_OLDEST).limit(limit).batch_size(limit + 1)
        return [to_commit(document) for document in await ask(cursor.to_list(limit))]

    async def claim(self, before: datetime, until: datetime, limit: int) -> list[Commit]:
        """The condition on the time is in the update: of two that saw the same commit, one changes it."""
        seen = self._commits.find({SINCE: {"$lt": before}}, {"_id": 1}).sort(_OLDEST).limit(limit).batch_size(limit + 1)
        ids = [document["_id"] for document in await ask(seen.to_list(limit))]
        if not ids:
            return []
        mine = ObjectId()
        taken = {"$set": {SINCE: until, _CLAIM: mine}}
        await ask(self._commits.update_many({"_id": {"$in": ids}, SINCE: {"$lt": before}}, taken))
        found = self._commits.find({"_id": {"$in": ids}, _CLAIM: mine}).batch_size(limit + 1)
        commits = {document["_id"]: to_commit(document) for document in await ask(found.to_list(limit))}
        return [commits[each] for each in ids if each in commits]

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        still = {"_id": {"$in": [id_of(commit.stream, commit.first) for commit in commits]}, **_WAITING}
        await ask(self._commits.update_many(still, {"$set": {SINCE: until}}))

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        ids = [id_of(commit.stream, commit.first) for commit in commits]
        await ask(self._commits.update_many({"_id": {"$in": ids}}, {"$unset": {SINCE: "", _CLAIM: ""}}))

    async def publish_again(self, at: datetime) -> int:
        """Everything becomes unpublished, as if it had been appended at `at`; returns how many commits had been published."""
        found, after = 0, ""
        while page := await self._after(after):
            after = page[-1]
            published = {"_id": {"$in": page}, SINCE: {"$exists": False}}
            found += (
                await ask(self._commits.update_many(published, {"$set": {SINCE: at}}), LONG_SECONDS)
            ).modified_count
        return found

    async def _after(self, place: str) -> list[str]:
        cursor = self._commits.find({"_id": {"$gt": place}}, {"_id": 1}).sort([("_id", ASCENDING)]).limit(_PAGE)
        return [document["_id"] for document in await ask(cursor.batch_size(_PAGE + 1).to_list(_PAGE), LONG_SECONDS)]

    async def backlog(self) -> int:
        return await ask(self._commits.count_documents(_WAITING, hint=_NAME), LONG_SECONDS)
