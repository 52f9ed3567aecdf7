"""Inserts commits: which ones are written, which ones are refused, and which ones are settled later.

An insert that timed out may have been applied. The same documents are inserted again until the outcome is known: a stored
commit with the same cause and bytes is then this one. Nothing is decided again in between, and nothing is stored twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from pymongo.errors import BulkWriteError, PyMongoError

from shared.adapters.mongo.client import DUPLICATE, Collection, Document, ask, trouble_of
from shared.adapters.mongo.commit_documents import to_document
from shared.adapters.mongo.group_commit import Job
from shared.adapters.mongo.unpublished import SINCE
from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead
from shared.eventstore.errors import StoreFull, StoreUnavailable
from shared.eventstore.event_store import Conflict, DuplicateCommand

AppendJob = Job[Commit, Commit]
_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_CALM_SECONDS = 10.0
_INSERT_SECONDS = 8.0
"""Longer than the write concern's and the socket's timeout. The callers are refused earlier; this limit frees the runner."""


class Ends(Protocol):
    """What appending needs to know about the streams; implemented by MongoEventStore, which documents the methods."""

    def known(self, stream: str) -> StreamHead | None: ...
    async def head(self, stream: str) -> StreamHead: ...
    async def barrier(self) -> None: ...
    async def by_causes(self, commits: Sequence[Commit]) -> dict[tuple[str, str], Commit]: ...
    def written(self, commits: Sequence[Commit]) -> None: ...
    def forget(self, stream: str) -> None: ...


class CommitInserter:
    """Writes the batches of a MongoEventStore."""

    def __init__(self, collection: Collection, ends: Ends, *, outbox: bool) -> None:
        self._collection = collection
        self._ends = ends
        self._outbox = outbox
        self._settling: set[asyncio.Task[None]] = set()
        self._fault_at = -_CALM_SECONDS

    async def write(self, jobs: Sequence[AppendJob]) -> None:
        """Insert commits of different streams. Commits whose outcome is unknown are settled by a task of their own."""
        ready: list[AppendJob] = []
        late: list[AppendJob] = []
        doubtful: list[AppendJob] = []
        for job in jobs:
            (ready if self._fits(job.task) else late if self.late(job.task) else doubtful).append(job)
        await asyncio.gather(self._insert(ready), self._refuse(late), *map(self._look, doubtful))

    def late(self, commit: Commit) -> bool:
        """True when the version is known to exist, so that only the cause has to be looked up.

        False for some seconds after a fault, because the remembered head may then be newer than what can be read.
        """
        known = self._ends.known(commit.stream)
        calm = time.monotonic() - self._fault_at > _CALM_SECONDS
        return calm and known is not None and known.version >= commit.first

    async def close(self) -> None:
        """Wait for the commits that are being settled, at most as long as their callers wait."""
        while self._settling:
            await asyncio.wait(self._settling)

    def _fits(self, commit: Commit) -> bool:
        """True when the commit follows a head that a majority has. An outdated head will do: its successor has one `_id`."""
        known = self._ends.known(commit.stream)
        if known is None and commit.first == 1:
            known = EMPTY_HEAD
        return known == (commit.first - 1, commit.previous)

    async def _refuse(self, jobs: Sequence[AppendJob]) -> None:
        """Refuse commits whose versions exist, with one query for all of them: many may want the same stream."""
        if not jobs:
            return
        known = await self._ends.by_causes([job.task for job in jobs])
        for job in jobs:
            same = known.get((job.task.stream, job.task.cause))
            job.fail(Conflict(job.task.stream) if same is None else DuplicateCommand(same))

    async def _look(self, job: AppendJob) -> None:
        """Check a commit against the log. The cause is checked before the version, as the port promises."""
        refusal = await self._refusal(job.task)
        if refusal is None:
            await self._insert([job])
        else:
            job.fail(refusal)

    async def _refusal(self, commit: Commit) -> DuplicateCommand | Conflict | None:
        """Why the commit cannot be inserted now; None if what a majority has does not forbid it.

        The head is read before the cause, so that a version is never seen without its cause. A new primary may read an older
        majority state: a head that is older than what the commit follows is read once more after a majority write.
        """
        for again in (False, True):
            head = await self._ends.head(commit.stream)
            known = await self._ends.by_causes([commit])
            if known:
                return DuplicateCommand(known[commit.stream, commit.cause])
            if head == (commit.first - 1, commit.previous):
                return None
            if again or head.version >= commit.first:
                break
            await self._ends.barrier()
        return Conflict(commit.stream)

    async def _insert(self, jobs: Sequence[AppendJob]) -> None:
        if not jobs:
            return
        maybe, blocked = await self._attempt(jobs)
        if maybe or blocked:
            task = asyncio.create_task(self._settle(maybe, blocked))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _attempt(self, jobs: Sequence[AppendJob]) -> tuple[list[AppendJob], list[AppendJob]]:
        """Insert once and answer the jobs whose outcome is known.

        Returns:
            The jobs that may have been written, and those that failed with a duplicate key.
        """
        failed: dict[int, int] = {}
        unsure = False
        try:
            inserting = self._collection.insert_many([self._document(job.task) for job in jobs], ordered=False)
            await ask(inserting, _INSERT_SECONDS)
        except BulkWriteError as error:
            failed = {one["index"]: one["code"] for one in error.details["writeErrors"]}
            unsure = bool(error.details["writeConcernErrors"])
        except StoreUnavailable:
            unsure = True
        if unsure:
            self._fault_at = time.monotonic()
        written: list[AppendJob] = []
        maybe: list[AppendJob] = []
        blocked: list[AppendJob] = []
        for index, job in enumerate(jobs):
            code = failed.get(index)
            if code is None:
                (maybe if unsure else written).append(job)
            elif code == DUPLICATE:
                blocked.append(job)
            elif isinstance(meaning := trouble_of(code), StoreUnavailable):
                maybe.append(job)
            else:
                job.fail(meaning or RuntimeError(f"MongoDB refused a document with code {code}"))
        self._tell(written)
        return maybe, blocked

    async def _settle(self, maybe: list[AppendJob], blocked: list[AppendJob]) -> None:
        """Find out the outcome of the jobs, as long as a caller is waiting."""
        ours = set(map(id, maybe))
        pause = _PAUSE
        for job in (*maybe, *blocked):
            self._ends.forget(job.task.stream)
        while True:
            answered = await asyncio.gather(*(self._answered(job, ours=id(job) in ours) for job in blocked))
            blocked = [job for job, done in zip(blocked, answered, strict=True) if not done]
            waiting = [job for job in (*maybe, *blocked) if not job.given_up]
            if not waiting:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                maybe, blocked = await self._attempt(waiting)
            except (PyMongoError, StoreFull) as error:
                for job in waiting:
                    job.fail(error)
                return
            ours |= set(map(id, maybe))

    async def _answered(self, job: AppendJob, *, ours: bool) -> bool:
        """Answer a job that failed with a duplicate key. False while no majority shows the document in question."""
        try:
            refusal = await self._refusal(job.task)
        except StoreUnavailable:
            return False
        if refusal is None:
            return False
        if ours and isinstance(refusal, DuplicateCommand) and refusal.commit == job.task:
            self._tell([job])
        else:
            job.fail(refusal)
        return True

    def _tell(self, jobs: Sequence[AppendJob]) -> None:
        if jobs:
            self._ends.written([job.task for job in jobs])
        for job in jobs:
            job.succeed(job.task)

    def _document(self, commit: Commit) -> Document:
        document = to_document(commit)
        if self._outbox:
            document[SINCE] = min(commit.recorded_at, datetime.now(UTC))  # a wrong clock may have dated the stream
        return document
