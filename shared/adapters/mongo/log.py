"""The log in MongoDB: one document per commit, for many processes at once.

The unique `_id` is what makes a version be decided once: a commit is inserted only behind one that was read with read
concern `majority` or acknowledged by a majority, and what follows that one has one `_id` whoever writes it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.adapters.mongo.appending import Appending
from shared.adapters.mongo.client import LONG_SECONDS, Document, Mongo, aggregate, ask
from shared.adapters.mongo.documents import PAST_ALL, check, end_of, id_of, to_commit
from shared.adapters.mongo.formats import META, claim_database
from shared.adapters.mongo.outbox import UNPUBLISHED, Outbox
from shared.adapters.mongo.verify import verify_documents
from shared.adapters.mongo.writer import Writer
from shared.log import EMPTY_HEAD, Commit, Damaged, Head, Listener, LogBroken, continuous
from shared.verifying import Finding

FORMAT = 1
COMMITS = "commits"
BY_CAUSE = "by_cause"
_INDEXES = (IndexModel([("stream", ASCENDING), ("cause", ASCENDING)], unique=True, name=BY_CAUSE), UNPUBLISHED)
_HEADS_KEPT = 50_000
_PAGE = 1000
_IN_ORDER = (("_id", ASCENDING),)
_FROM_THE_END = (("_id", DESCENDING),)


class MongoLog:
    """A `Log` in one database. Make it with `open`.

    `outbox=True` marks each commit as unpublished; so it must be where a broker carries the feed."""

    def __init__(self, mongo: Mongo, database: str, *, outbox: bool) -> None:
        self.broken: LogBroken | None = None
        self._mongo = mongo
        self._database = mongo.database(database)
        self._commits = self._database[COMMITS]
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._listeners: list[Listener] = []
        self._outbox = Outbox(self._commits)
        self._appending = Appending(self._commits, self, outbox=outbox)
        self._writer: Writer[Commit, Commit] = Writer(
            self._appending.write, key=lambda commit: commit.stream, late=self._appending.late, at_once=2
        )

    @classmethod
    async def open(cls, mongo: Mongo, database: str, *, outbox: bool = False) -> MongoLog:
        """The log in that database, made where there is none. Raises NewerData, WrongData, Unsuitable, LogAway."""
        log = cls(mongo.hold(), database, outbox=outbox)
        try:
            await mongo.check()
            await claim_database(log._database, "log", FORMAT)
            await ask(log._commits.create_indexes(list(_INDEXES)), LONG_SECONDS)
        except BaseException:
            await mongo.close()
            raise
        return log

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` in the event loop with what this process appended; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def append(self, commit: Commit) -> Commit:
        check(commit)
        return await self._writer.submit(commit)

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        commits = await self._find(stream, after + 1, limit)
        if after and (not commits or commits[0].first > after + 1):
            known = self.known(stream)  # mostly nothing is new, and one question is enough to see that
            between = known is None or known.version != after
            begun = await self._around(stream, after + 1) if between else None
            if begun is not None:
                commits = [begun, *commits][:limit]
            elif commits:
                raise Damaged(stream, after + 1, "it is missing")
        commits = continuous(stream, commits, after)
        if commits:
            self._remember(stream, commits[-1].head)
        return commits

    async def by_cause(self, stream: str, cause: str) -> Commit | None:
        found = await ask(self._commits.find_one({"stream": stream, "cause": cause}))
        return None if found is None else to_commit(found)

    async def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[Sequence[Commit]]:
        async for documents in self._documents(prefix, batch):
            yield [to_commit(document) for document in documents]

    async def heads(self, prefix: str = "", *, batch: int = 1000) -> AsyncIterator[Sequence[tuple[str, Head]]]:
        """The names come from the index of the causes, one seek for each; the end of a stream is one seek more."""
        place: Document = {"$gte": prefix}
        while True:
            found = await aggregate(self._database, COMMITS, _heads({**place, "$lt": prefix + PAST_ALL}, batch))
            if found:
                yield [(each["_id"], Head(each["end"][0]["last"], each["end"][0]["hash"])) for each in found]
            if len(found) < batch:
                return
            place = {"$gt": found[-1]["_id"]}

    async def unpublished(self, before: datetime, limit: int = 500) -> list[Commit]:
        return await self._outbox.unpublished(before, limit)

    async def claim(self, before: datetime, until: datetime, limit: int = 500) -> list[Commit]:
        return await self._outbox.claim(before, until, limit)

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        await self._outbox.hold(commits, until)

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        await self._outbox.mark_published(commits)

    async def backlog(self) -> int:
        return await self._outbox.backlog()

    async def publish_again(self, at: datetime) -> int:
        """Everything becomes unpublished, as if it had been appended at `at`; returns how many commits had been published."""
        return await self._outbox.publish_again(at)

    async def verify(self) -> AsyncIterator[Finding]:
        """Everything that is wrong with the documents, also where they cannot be decoded."""
        async for finding in verify_documents(self._documents("", 1000)):
            yield finding

    async def close(self) -> None:
        self._listeners.clear()
        await self._writer.close()
        await self._appending.close()
        await self._mongo.close()

    # --- what appending asks and tells ---

    def known(self, stream: str) -> Head | None:
        """The end of the stream as last seen here; it may have moved on since."""
        return self._heads.get(stream)

    async def head(self, stream: str) -> Head:
        """The end of the stream as a majority has it now."""
        where = {"_id": {"$gt": id_of(stream, 0), "$lt": end_of(stream)}}
        found = await ask(self._commits.find_one(where, {"last": 1, "hash": 1}, sort=_FROM_THE_END))
        if found is None:
            return EMPTY_HEAD
        head = Head(found["last"], found["hash"])
        self._remember(stream, head)
        return head

    async def barrier(self) -> None:
        """After this, what is read is at least as new as everything that was acknowledged before it."""
        await ask(self._database[META].update_one({"_id": "barrier"}, {"$inc": {"times": 1}}, upsert=True))

    async def by_causes(self, commits: Sequence[Commit]) -> dict[tuple[str, str], Commit]:
        """(stream, cause) -> the commit of that cause, for those of `commits` whose cause stands already."""
        causes = [{"stream": commit.stream, "cause": commit.cause} for commit in commits]
        found = await ask(self._commits.find({"$or": causes}).batch_size(len(causes) + 1).to_list(None))
        return {(commit.stream, commit.cause): commit for commit in map(to_commit, found)}

    def written(self, commits: Sequence[Commit]) -> None:
        """A majority has them."""
        for commit in commits:
            self._remember(commit.stream, commit.head)
        for listener in tuple(self._listeners):
            listener(commits)

    def forget(self, stream: str) -> None:
        """What is remembered of the stream is not its end."""
        self._heads.pop(stream, None)

    # --- reading ---

    async def _documents(self, prefix: str, batch: int) -> AsyncIterator[Sequence[Document]]:
        place: Document = {"$gte": prefix}
        while True:
            cursor = self._commits.find({"_id": {**place, "$lt": prefix + PAST_ALL}}).sort(_IN_ORDER)
            documents = await ask(cursor.limit(batch).batch_size(batch + 1).to_list(batch), LONG_SECONDS)
            if documents:
                yield documents
            if len(documents) < batch:
                return
            place = {"$gt": documents[-1]["_id"]}

    async def _find(self, stream: str, first: int, limit: int | None) -> list[Commit]:
        """The first `limit` commits that begin at `first` or later, page by page."""
        commits: list[Commit] = []
        place: Document = {"$gte": id_of(stream, first)}
        while limit is None or len(commits) < limit:
            size = _PAGE if limit is None else min(_PAGE, limit - len(commits))
            cursor = self._commits.find({"_id": {**place, "$lt": end_of(stream)}}).sort(_IN_ORDER)
            page = await ask(cursor.limit(size).batch_size(size + 1).to_list(size))
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

    def _remember(self, stream: str, head: Head) -> None:
        """Only what a majority has: nothing that is remembered here can be undone."""
        known = self._heads.get(stream)
        if known is None or known.version < head.version:
            self._heads[stream] = head
        self._heads.move_to_end(stream)
        if len(self._heads) > _HEADS_KEPT:
            self._heads.popitem(last=False)


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
