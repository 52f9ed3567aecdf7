"""The event log in MongoDB: one document per commit, shared by many processes.

The unique `_id` guarantees that a version is decided once: a commit is inserted only after one that was read with read
concern `majority` or acknowledged by a majority, and its successor has the same `_id` whichever process writes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from operator import itemgetter

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.adapters.event_store_base import EventStoreBase, whole_streams
from shared.adapters.mongo.client import IN_ORDER, Document, Mongo, aggregate, ask, documents, fetch
from shared.adapters.mongo.commit_documents import check, end_of, id_of, to_commit
from shared.adapters.mongo.database_format import META, opened
from shared.adapters.mongo.group_commit import GroupCommit
from shared.adapters.mongo.insert import CommitInserter
from shared.adapters.mongo.unpublished import UNPUBLISHED, UnpublishedCommits
from shared.adapters.mongo.verification import verify_documents
from shared.adapters.paging import pages
from shared.adapters.stored_commits import PAST_ALL
from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead, continuous
from shared.eventstore.errors import Damaged
from shared.eventstore.verification import Finding

FORMAT = 2
COMMITS = "commits"
BY_CAUSE = "by_cause"
_INDEXES = (IndexModel([("stream", ASCENDING), ("cause", ASCENDING)], unique=True, name=BY_CAUSE), UNPUBLISHED)
_PAGE = 1000
_TOGETHER = 200
"""Streams that one query reads."""
_FROM_THE_END = (("_id", DESCENDING),)


class MongoEventStore(EventStoreBase, UnpublishedCommits):
    """A `Log` in one database. Use `open` to create it.

    Args:
        outbox: Mark each commit as unpublished; for deployments in which a message broker delivers the commits.
    """

    def __init__(self, mongo: Mongo, database: str, *, outbox: bool) -> None:
        EventStoreBase.__init__(self)
        self._mongo = mongo
        self._database = mongo.database(database)
        UnpublishedCommits.__init__(self, self._database[COMMITS])
        self._appending = CommitInserter(self._commits, self, outbox=outbox)
        self._writer: GroupCommit[Commit, Commit] = GroupCommit(
            self._appending.write, key=lambda commit: commit.stream, late=self._appending.late, at_once=2
        )

    @classmethod
    async def open(cls, mongo: Mongo, database: str, *, outbox: bool = False) -> MongoEventStore:
        """The log in that database, created if it does not exist. Raises NewerData, WrongData, Unsuitable, StoreUnavailable."""
        async with opened(mongo, database, "log", FORMAT, {COMMITS: _INDEXES}):
            return cls(mongo, database, outbox=outbox)

    async def append(self, commit: Commit) -> Commit:
        check(commit)
        return await self._writer.submit(commit)

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        commits = await self._find(stream, after + 1, limit)
        if after and (not commits or commits[0].first > after + 1):
            known = self.known(stream)  # usually nothing is new, and one query is enough to see that
            between = known is None or known.version != after
            begun = await self._around(stream, after + 1) if between else None
            if begun is not None:
                commits = [begun, *commits][:limit]
            elif commits:
                raise Damaged(stream, after + 1, "the commit of this version is missing")
        commits = continuous(stream, commits, after)
        if commits:
            self._remember(stream, commits[-1].head)
        return commits

    async def load_many(self, streams: Collection[str]) -> dict[str, list[Commit]]:
        names, found = list(dict.fromkeys(streams)), dict[str, list[Commit]]()
        for start in range(0, len(names), _TOGETHER):
            some = names[start : start + _TOGETHER]
            read = whole_streams(some, map(to_commit, await fetch(self._commits, {"stream": {"$in": some}})))
            for stream in some:  # a commit that is inserted meanwhile may be read without the one before it
                with suppress(Damaged):
                    found[stream] = read[stream] if stream in read else await self.load(stream)
            for stream, commits in read.items():
                if commits:
                    self._remember(stream, commits[-1].head)
        return found

    async def by_cause(self, stream: str, cause: str) -> Commit | None:
        found = await ask(self._commits.find_one({"stream": stream, "cause": cause}))
        return None if found is None else to_commit(found)

    async def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[Sequence[Commit]]:
        async for page in self._documents(prefix, batch):
            yield [to_commit(document) for document in page]

    async def heads(self, prefix: str = "", *, batch: int = 1000) -> AsyncIterator[Sequence[tuple[str, StreamHead]]]:
        """The names come from the index of the causes, one seek for each; the head of a stream is one more seek."""

        async def read(after: str | None) -> list[tuple[str, StreamHead]]:
            names = {("$gte" if after is None else "$gt"): after or prefix, "$lt": prefix + PAST_ALL}
            found = await aggregate(self._database, COMMITS, _heads(names, batch))
            return [(each["_id"], StreamHead(each["end"][0]["last"], each["end"][0]["hash"])) for each in found]

        async for page in pages(read, None, itemgetter(0), batch):
            yield page

    async def verify(self) -> AsyncIterator[Finding]:
        """Everything that is wrong with the documents, including what cannot be decoded."""
        async for finding in verify_documents(self._documents("", 1000)):
            yield finding

    async def time(self) -> datetime:
        """The clock of the primary: the witness of the time that all processes share. Raises StoreUnavailable."""
        return await self._mongo.time()

    async def close(self) -> None:
        self._listeners.clear()
        await self._writer.close()
        await self._appending.close()
        await self._mongo.close()

    # --- used by Appending ---

    def known(self, stream: str) -> StreamHead | None:
        """The head of the stream as last seen by this process; the stream may have grown since."""
        return self._heads.get(stream)

    async def head(self, stream: str) -> StreamHead:
        """The head of the stream that a majority has now."""
        where = {"_id": {"$gt": id_of(stream, 0), "$lt": end_of(stream)}}
        found = await ask(self._commits.find_one(where, {"last": 1, "hash": 1}, sort=_FROM_THE_END))
        if found is None:
            return EMPTY_HEAD
        head = StreamHead(found["last"], found["hash"])
        self._remember(stream, head)
        return head

    async def barrier(self) -> None:
        """After this, reads return everything that was acknowledged before it."""
        await ask(self._database[META].update_one({"_id": "barrier"}, {"$inc": {"times": 1}}, upsert=True))

    async def by_causes(self, commits: Sequence[Commit]) -> dict[tuple[str, str], Commit]:
        """(stream, cause) -> the stored commit, for those of `commits` whose cause is already in the log."""
        causes = [{"stream": commit.stream, "cause": commit.cause} for commit in commits]
        found = await fetch(self._commits, {"$or": causes})
        return {(commit.stream, commit.cause): commit for commit in map(to_commit, found)}

    def written(self, commits: Sequence[Commit]) -> None:
        """Record that a majority has `commits`, and call the listeners."""
        for commit in commits:
            self._remember(commit.stream, commit.head)
        self._announce(commits)

    def forget(self, stream: str) -> None:
        """Drop the remembered head of a stream, which may be wrong."""
        self._heads.pop(stream, None)

    # --- reading ---

    def _documents(self, prefix: str, batch: int) -> AsyncIterator[Sequence[Document]]:
        return documents(self._commits, batch, {"$gte": prefix, "$lt": prefix + PAST_ALL})

    async def _find(self, stream: str, first: int, limit: int | None) -> list[Commit]:
        """The first `limit` commits that begin at version `first` or later, read page by page."""
        commits: list[Commit] = []
        place: Document = {"$gte": id_of(stream, first)}
        while limit is None or len(commits) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(commits))
            page = await fetch(self._commits, {"_id": {**place, "$lt": end_of(stream)}}, sort=IN_ORDER, limit=size)
            commits += map(to_commit, page)
            if len(page) < size:
                break
            place = {"$gt": page[-1]["_id"]}
        return commits

    async def _around(self, stream: str, version: int) -> Commit | None:
        """The commit that holds `version` and begins before it."""
        where = {"_id": {"$gt": id_of(stream, 0), "$lt": id_of(stream, version)}}
        found = await ask(self._commits.find_one(where, sort=_FROM_THE_END))
        commit = None if found is None else to_commit(found)
        return commit if commit is not None and commit.last >= version else None

    def _remember(self, stream: str, head: StreamHead) -> None:
        """Store a head that a majority has, so that it cannot be rolled back. An older head does not replace a newer one."""
        known = self._heads.get(stream)
        super()._remember(stream, head if known is None or known.version < head.version else known)


def _heads(names: Document, batch: int) -> list[Document]:
    end = [
        {"$match": {"$expr": {"$and": [{"$gt": ["$_id", "$$low"]}, {"$lt": ["$_id", "$$high"]}]}}},
        {"$sort": {"_id": DESCENDING}},
        {"$limit": 1},
        {"$project": {"_id": 0, "last": 1, "hash": 1}},
    ]
    bounds = {"low": {"$concat": ["$_id", "\t"]}, "high": {"$concat": ["$_id", "\t:"]}}
    return [
        {"$match": {"stream": names}},
        {"$sort": {"stream": ASCENDING, "cause": ASCENDING}},
        {"$group": {"_id": "$stream"}},
        {"$limit": batch},
        {"$lookup": {"from": COMMITS, "let": bounds, "pipeline": end, "as": "end"}},
    ]
