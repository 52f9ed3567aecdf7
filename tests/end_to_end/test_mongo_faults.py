"""A real MongoDB is killed, stopped, and changes its primary: acknowledged commits are kept, without duplicates."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest
from pymongo import MongoClient

from shared.adapters.mongo.client import Driver, Mongo
from shared.adapters.mongo.event_store import MongoEventStore
from shared.adapters.mongo.key_store import MongoKeyStore
from shared.adapters.mongo.read_models import MongoReadModels
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreUnavailable
from shared.eventstore.event_store import DuplicateCommand, EventStore
from shared.eventstore.read_models import ReadModel, Row
from tests.support.commits import commit
from tests.support.servers.mongodb import Mongod, ReplicaSet

pytestmark = [pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(120)]
PATIENCE = 3.0
"""Seconds within which everybody is refused whom a silent server keeps waiting; the promise is 2."""


@pytest.fixture(scope="module")
def one() -> Iterator[ReplicaSet]:
    servers = ReplicaSet()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def three() -> Iterator[ReplicaSet]:
    servers = ReplicaSet(3)
    yield servers
    servers.stop()


DRIVERS = os.environ.get("HUIYIN_TEST_DRIVERS", "motor").split(",")
"""Whose client meets the faults: the one that is used unless a setting says otherwise. The contract suite runs with both."""
assert set(DRIVERS) <= set(get_args(Driver)), DRIVERS


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> Driver:
    chosen: Driver = request.param
    return chosen


@asynccontextmanager
async def opened(servers: ReplicaSet, driver: Driver, name: str) -> AsyncIterator[MongoEventStore]:
    log = await MongoEventStore.open(Mongo(servers.url, driver), f"{name}_{driver}", outbox=True)
    try:
        yield log
    finally:
        await log.close()


class Load:
    """Writers that run until stopped. A refused writer resends the same commit until it is acknowledged."""

    def __init__(self, log: EventStore, writers: int) -> None:
        self.accepted: dict[str, list[Commit]] = {}
        self.refused = 0
        self._log = log
        self._stopping = False
        self._tasks = [asyncio.create_task(self._write(f"case/{number}")) for number in range(writers)]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _write(self, stream: str) -> None:
        mine = self.accepted.setdefault(stream, [])
        while not self._stopping:
            wanted = commit(stream, after=mine[-1] if mine else None)
            while True:
                try:
                    await self._log.append(wanted)
                except DuplicateCommand as same:  # it had been written by an attempt that was not answered
                    assert same.commit == wanted
                except StoreUnavailable:
                    self.refused += 1
                    await asyncio.sleep(0.05)
                    continue
                mine.append(wanted)
                break


async def no_loss(log: EventStore, load: Load) -> None:
    stored: dict[str, list[Commit]] = {}
    async for commits in log.scan("case/"):
        for each in commits:
            stored.setdefault(each.stream, []).append(each)
    assert stored == load.accepted
    assert [finding async for finding in log.verify()] == []


async def test_kills_cause_no_loss_and_no_duplicates(one: ReplicaSet, driver: Driver) -> None:
    (server,) = one.members
    async with opened(one, driver, "kills") as log:
        load = Load(log, 32)
        for _ in range(3):
            await asyncio.sleep(1)
            before = sum(map(len, load.accepted.values()))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(one.wait_for_primary)
            await until(lambda before=before: sum(map(len, load.accepted.values())) > before + 32)
        await load.stop()
        await no_loss(log, load)
    print(f"{driver}: {sum(map(len, load.accepted.values()))} accepted, {load.refused} refused and sent again")


async def until(met: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it does not resume"
        await asyncio.sleep(0.05)


async def refused(work: Awaitable[object]) -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await work
    assert time.monotonic() - began < PATIENCE


ROWS = ReadModel("rows", {"n": "integer"}, indexes=(("n",),))


@pytest.mark.parametrize("how", ["silent", "gone"])
async def test_requests_are_refused_in_time_during_outage_and_resume(
    one: ReplicaSet, driver: Driver, how: str, tmp_path: Path
) -> None:
    (server,) = one.members
    mongo = Mongo(one.url, driver)
    log = await MongoEventStore.open(mongo, f"away_{how}_{driver}_log")
    views = await MongoReadModels.open(mongo, f"away_{how}_{driver}_views")
    keys = await MongoKeyStore.open(mongo, f"away_{how}_{driver}_keys", tmp_path)
    views.declare(ROWS)
    await views.start()
    first = await log.append(commit("case/a"))
    later = [commit("case/a", after=first), commit("case/b")]
    try:
        if how == "silent":
            server.signal(signal.SIGSTOP)
        else:
            server.kill()
        questions: list[Awaitable[object]] = [
            *map(log.append, later),
            log.load("case/a"),
            log.by_cause("case/a", "none"),
            keys.obtain([("a", "p1", "text")]),
            views.get("rows", "a"),
            views.find("rows"),
        ]
        writing = asyncio.create_task(views.write({"rows": [Row("a", 1, {"n": 1})]}))
        await asyncio.gather(*map(refused, questions))
        await refused(log.append(commit("case/c")))
        with pytest.raises(StoreUnavailable):  # consumers may take longer, since no client waits for them
            await writing
    finally:
        if how == "silent":
            server.signal(signal.SIGCONT)
        else:
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(one.wait_for_primary)
    for each in later:
        await eventually(log, each)
    assert await log.load("case/a") == [first, later[0]]
    assert await log.load("case/b") == [later[1]]
    assert len(await keys.obtain([("a", "p1", "text")])) == 1
    assert [finding async for finding in log.verify()] == []
    for port in (log, views, keys):
        await port.close()


async def eventually(log: EventStore, wanted: Commit, seconds: float = 20) -> None:
    """Send it until there is an answer: it is in the log then, once."""
    end = time.monotonic() + seconds
    while True:
        try:
            await log.append(wanted)
        except DuplicateCommand as same:
            assert same.commit == wanted
        except StoreUnavailable:
            assert time.monotonic() < end, "it does not resume"
            await asyncio.sleep(0.1)
            continue
        return


async def test_primary_changes_lose_no_commits(three: ReplicaSet, driver: Driver) -> None:
    async with opened(three, driver, "primaries") as log:
        load = Load(log, 32)
        for how in ("step down", "kill"):
            await asyncio.sleep(1)
            primary = await asyncio.to_thread(three.wait_for_primary)
            before = sum(map(len, load.accepted.values()))
            if how == "kill":
                await asyncio.to_thread(primary.kill)
            else:
                await asyncio.to_thread(primary.command, {"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 4})
            await until(lambda before=before: sum(map(len, load.accepted.values())) > before + 64)
            if how == "kill":
                await asyncio.to_thread(primary.start)
        await load.stop()
        await no_loss(log, load)
    print(f"{driver}: {sum(map(len, load.accepted.values()))} accepted, {load.refused} refused and sent again")


async def test_commits_rolled_back_by_failover_were_never_read(three: ReplicaSet, driver: Driver) -> None:
    """The primary takes a commit that no other member gets. It is not acknowledged, nobody reads it, and after the failover
    its version is decided again."""
    primary = await asyncio.to_thread(three.wait_for_primary)
    others = [member for member in three.members if member is not primary]
    async with opened(three, driver, "undone") as log:
        first = await log.append(commit("case/a"))
        lost = commit("case/a", after=first)
        for member in others:
            member.fail("stopReplProducer")
        await asyncio.sleep(1)  # a fetch that was under way ends
        try:
            appending = asyncio.create_task(refused(log.append(lost)))
            await until(lambda: on_the_primary(primary, f"undone_{driver}") == 2)  # it is stored without a majority
            assert await log.load("case/a") == [first]
            assert await log.by_cause("case/a", lost.cause) is None
            assert await log.unpublished(lost.recorded_at.replace(year=2099)) == [first]
            await appending
            primary.kill()
        finally:
            for member in others:
                member.fail("stopReplProducer", "off")
        other = commit("case/a", after=first)
        await eventually(log, other)
        await asyncio.to_thread(primary.start)
        assert await log.load("case/a") == [first, other]
        assert [finding async for finding in log.verify()] == []


def on_the_primary(primary: Mongod, database: str) -> int:
    with MongoClient[dict[str, object]](primary.address, directConnection=True) as client:
        return client[database]["commits"].count_documents({})


@pytest.mark.parametrize(
    "fault",
    [
        {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},  # written, and not known
        {"closeConnection": True},  # not written, twice: the driver tries once more by itself
        {"errorCode": 11602},  # interrupted by a change of the primary
    ],
    ids=lambda fault: next(iter(fault)),
)
async def test_unanswered_insert_is_resolved_by_causation_id(
    one: ReplicaSet, driver: Driver, fault: dict[str, object]
) -> None:
    (server,) = one.members
    kind = next(iter(fault))
    async with opened(one, driver, f"settled_{kind}") as log:
        first = await log.append(commit("case/a"))
        told: list[Commit] = []
        log.listen(told.extend)
        server.fail("failCommand", {"times": 2}, failCommands=["insert"], **fault)
        others = [commit(f"case/{number}") for number in range(10)]
        wanted = [commit("case/a", after=first), *others]
        assert await asyncio.gather(*map(log.append, wanted)) == wanted
        assert sorted(told, key=lambda each: each.cause) == sorted(wanted, key=lambda each: each.cause)
        assert await log.load("case/a") == [first, wanted[0]]
        assert await log.append(commit("case/a", after=wanted[0]))
        with pytest.raises(DuplicateCommand):
            await log.append(wanted[0])
        assert [finding async for finding in log.verify()] == []


async def test_caller_cancelled_before_its_turn_writes_nothing(one: ReplicaSet, driver: Driver) -> None:
    (server,) = one.members
    async with opened(one, driver, "turn") as log:
        first = await log.append(commit("case/a"))
        server.signal(signal.SIGSTOP)
        try:
            # The second one waits for the answer of the first one, on the same stream.
            await asyncio.gather(*(refused(log.append(commit("case/a", after=first))) for _ in range(50)))
        finally:
            server.signal(signal.SIGCONT)
        await eventually(log, commit("case/b"))
        assert len(await log.load("case/a")) <= 2
        assert [finding async for finding in log.verify()] == []
