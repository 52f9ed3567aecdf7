"""Commits that the broker has not acknowledged yet: a time in the document of each, and an index of those that have one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from shared.adapters.mongo.client import LONG_SECONDS, Collection, ask, documents, fetch
from shared.adapters.mongo.commit_documents import id_of, to_commit
from shared.eventstore.commit import Commit
from shared.eventstore.publication import MISDATED

SINCE = "unpublished"
"""Time of the append, or the one that claim() or hold() set; a BSON date, because it is only compared with clocks."""
_CLAIM = "claim"
_NAME = "by_unpublished"
_PAGE = 2000
_WAITING = {SINCE: {"$exists": True}}
_OLDEST = ((SINCE, ASCENDING), ("_id", ASCENDING))
UNPUBLISHED = IndexModel(list(_OLDEST), name=_NAME, partialFilterExpression=_WAITING)


class UnpublishedCommits:
    """Base of MongoEventStore: the port's methods about unpublished commits. Processes claim them by compare-and-set."""

    def __init__(self, commits: Collection) -> None:
        self._commits = commits

    async def unpublished(self, before: datetime, limit: int = 500) -> list[Commit]:
        found = await fetch(self._commits, {SINCE: {"$lt": before}}, sort=_OLDEST, limit=limit)
        return [to_commit(document) for document in found]

    async def claim(self, before: datetime, until: datetime, limit: int = 500) -> list[Commit]:
        """The update repeats the condition on the time: of two processes that read the same commit, one changes it."""
        free = {"$or": [{SINCE: {"$lt": before}}, {SINCE: {"$gt": until + MISDATED}}]}
        seen = await fetch(self._commits, free, fields={"_id": 1}, sort=_OLDEST, limit=limit)
        ids = [document["_id"] for document in seen]
        if not ids:
            return []
        mine = ObjectId()
        taken = {"$set": {SINCE: until, _CLAIM: mine}}
        await ask(self._commits.update_many({"_id": {"$in": ids}, **free}, taken))
        found = await fetch(self._commits, {"_id": {"$in": ids}, _CLAIM: mine}, limit=limit)
        commits = {document["_id"]: to_commit(document) for document in found}
        return [commits[each] for each in ids if each in commits]

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        still = {"_id": {"$in": [id_of(commit.stream, commit.first) for commit in commits]}, **_WAITING}
        await ask(self._commits.update_many(still, {"$set": {SINCE: until}}))

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        ids = [id_of(commit.stream, commit.first) for commit in commits]
        await ask(self._commits.update_many({"_id": {"$in": ids}}, {"$unset": {SINCE: "", _CLAIM: ""}}))

    async def publish_again(self, at: datetime) -> int:
        """Mark everything as unpublished, as if it had been appended at `at`; returns how many commits had been published."""
        found = 0
        async for page in documents(self._commits, _PAGE, fields={"_id": 1}):
            published = {"_id": {"$in": [document["_id"] for document in page]}, SINCE: {"$exists": False}}
            changed = await ask(self._commits.update_many(published, {"$set": {SINCE: at}}), LONG_SECONDS)
            found += changed.modified_count
        return found

    async def backlog(self) -> int:
        return await ask(self._commits.count_documents(_WAITING, hint=_NAME), LONG_SECONDS)
