"""Several processes on one MongoDB, damaged documents, and databases of other applications."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_args

import pytest
from bson import Int64
from pydantic import SecretStr
from pymongo import MongoClient

from deploy.storage.mongo_stores import StoreProblem, open_stores
from shared.adapters.mongo.client import Driver, Mongo
from shared.adapters.mongo.event_store import FORMAT, MongoEventStore
from shared.adapters.mongo.key_store import MongoKeyStore
from shared.adapters.mongo.read_models import MongoReadModels
from shared.adapters.secret_files import KeysLost
from shared.adapters.store_format import NewerData, WrongData
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged, StoreUnavailable
from shared.eventstore.event_store import Conflict, DuplicateCommand
from shared.eventstore.key_store import KeyErased
from shared.eventstore.read_models import Condition, ReadModel, Row
from shared.kernel.settings import Settings
from tests.contract.adapters import DEFAULT_MONGO_DRIVER
from tests.support.commits import START, commit, history
from tests.support.servers import mongodb

pytestmark = pytest.mark.needs_mongo
NAME = mongodb.PREFIX + "stores"


@pytest.fixture(
    params=[
        pytest.param(one, marks=pytest.mark.nightly if one != DEFAULT_MONGO_DRIVER else ()) for one in get_args(Driver)
    ]
)
def driver(request: pytest.FixtureRequest) -> Driver:
    chosen: Driver = request.param
    return chosen


@pytest.fixture
def raw() -> Iterator[MongoClient[dict[str, Any]]]:
    """The stored documents, read without the adapters."""
    mongodb.drop(NAME)
    with MongoClient[dict[str, Any]](mongodb.url()) as client:
        yield client
    mongodb.drop(NAME)


@pytest.fixture
async def closing(raw: MongoClient[dict[str, Any]]) -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def opened(closing: AsyncExitStack, driver: Driver, *, outbox: bool = False) -> MongoEventStore:
    log = await MongoEventStore.open(Mongo(mongodb.url(), driver), NAME, outbox=outbox)
    closing.push_async_callback(log.close)
    return log


async def test_two_processes_write_each_version_once(closing: AsyncExitStack, driver: Driver) -> None:
    """The cache of one process is older than the writes of the other; the unique `_id` decides."""
    one, two = await opened(closing, driver), await opened(closing, driver)
    first = await one.append(commit("case/a"))
    assert await two.load("case/a") == [first]
    longer = await one.append(commit("case/a", after=first, events=3, cause="clerk:1"))
    with pytest.raises(Conflict):
        await two.append(commit("case/a", after=first))
    with pytest.raises(DuplicateCommand) as raised:
        await two.append(commit("case/a", after=first, cause="clerk:1"))
    assert raised.value.commit == longer
    assert await two.append(commit("case/a", after=longer))
    with pytest.raises(Conflict):
        await one.append(commit("case/a", after=longer))
    with pytest.raises(Conflict):
        await one.append(commit("case/a"))
    assert [finding async for finding in one.verify()] == []


async def test_many_writers_in_two_processes_create_no_gap_and_no_fork(closing: AsyncExitStack, driver: Driver) -> None:
    logs = [await opened(closing, driver), await opened(closing, driver)]

    async def writer(number: int) -> None:
        log, stream = logs[number % 2], f"case/{number % 3}"
        for _ in range(4):
            while True:
                known = await log.load(stream)
                try:
                    await log.append(commit(stream, after=known[-1] if known else None, events=1 + number % 3))
                    break
                except Conflict:
                    continue

    await asyncio.gather(*(writer(number) for number in range(12)))
    assert len([each async for part in logs[0].scan() for each in part]) == 48
    assert [finding async for finding in logs[1].verify()] == []


async def test_two_sweepers_share_backlog(closing: AsyncExitStack, driver: Driver) -> None:
    logs = [await opened(closing, driver, outbox=True), await opened(closing, driver, outbox=True)]
    made = await asyncio.gather(*(logs[0].append(commit(f"case/{number}")) for number in range(300)))
    late = START.replace(year=2099)
    taken: list[Commit] = []
    unanswered = 0
    while await logs[0].unpublished(late, 1):
        claiming = (log.claim(late, late.replace(month=12), 50) for log in logs * 3)
        for claim in await asyncio.gather(*claiming, return_exceptions=True):
            if isinstance(
                claim, StoreUnavailable
            ):  # the machine was suspended for two seconds: its claims wait for expiry
                unanswered += 50
            elif isinstance(claim, BaseException):
                raise claim
            else:
                taken += claim
    causes = Counter(each.cause for each in taken)
    assert set(causes.values()) == {1}, "nobody takes what another has"
    assert causes.keys() <= {each.cause for each in made}
    assert len(causes) >= len(made) - unanswered


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"stream": "case/b"}, "stream"),
        ({"first": 5}, "first"),
        ({"last": 9}, "last"),
        ({"last": "2"}, "last"),
        ({"cause": "other"}, "cause"),
        ({"cause": 7}, "cause"),
        ({"request": "other"}, "request"),
        ({"recorded_at": "2026-01-01T00:00:00.000000Z"}, "recorded_at"),
        ({"recorded_at": START}, "recorded_at"),
        ({"previous": "sha256:00"}, "previous"),
        ({"hash": "sha256:00"}, "hash"),
        ({"events": [b"{}"]}, "hash"),
        ({"events": "no bytes"}, "events"),
        ({"events": []}, "events"),
    ],
)
async def test_verify_names_changed_commits(
    closing: AsyncExitStack, raw: MongoClient[dict[str, Any]], change: dict[str, Any], column: str
) -> None:
    log = await opened(closing, "motor")
    commits = [await log.append(each) for each in history("case/a", 3)]
    other = await log.append(commit("case/z"))
    raw[NAME]["commits"].update_one({"_id": "case/a\t0000000002"}, {"$set": change})
    findings = [finding async for finding in log.verify()]
    assert column in {finding.column for finding in findings}
    assert all(finding.stream != "case/z" for finding in findings)
    assert await log.load("case/z") == [other]
    if column in ("hash", "events", "previous", "first"):
        with pytest.raises(Damaged):
            await log.load("case/a")
    raw[NAME]["commits"].delete_one({"_id": "case/a\t0000000002"})
    assert "first" in {finding.column for finding in [finding async for finding in log.verify()]}
    for after in (0, 1):
        with pytest.raises(Damaged):
            await log.load("case/a", after=after)
    assert await log.load("case/a", after=2) == commits[2:]


async def test_key_erased_by_another_process_is_unavailable_at_once(
    closing: AsyncExitStack, driver: Driver, tmp_path: Path, raw: MongoClient[dict[str, Any]]
) -> None:
    one = await MongoKeyStore.open(Mongo(mongodb.url(), driver), NAME, tmp_path)
    two = await MongoKeyStore.open(Mongo(mongodb.url(), driver), NAME, tmp_path)
    for keys in (one, two):
        closing.push_async_callback(keys.close)
    key, kept = await one.obtain([("a", "p1", "text"), ("a", "p12", "text")])
    assert await two.obtain([("a", "p1", "text")]) == [key]
    assert key.secret not in repr(list(raw[NAME]["data_keys"].find())).encode()
    assert await two.erase("a", "p1") == 1
    assert await one.get([key.kid, kept.kid]) == {kept.kid: kept}
    with pytest.raises(KeyErased):
        await one.obtain([("a", "p1", "text")])
    results = await asyncio.gather(
        *(one.obtain([("b", "p1", f"purpose {number}")]) for number in range(30)),
        two.erase("b", "p1"),
        return_exceptions=True,
    )
    assert all(isinstance(result, KeyErased | list | int) for result in results)
    await two.erase("b", "p1")
    assert await one.count() == 1
    with pytest.raises(KeysLost):
        await MongoKeyStore.open(Mongo(mongodb.url(), driver), NAME, tmp_path / "another machine")


async def test_foreign_database_is_left_unchanged(
    driver: Driver, raw: MongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    raw[NAME]["things"].insert_one({"_id": 1})
    for opening in (MongoEventStore.open, MongoReadModels.open):
        with pytest.raises(WrongData):
            await opening(Mongo(mongodb.url(), driver), NAME)
    with pytest.raises(WrongData):
        await MongoKeyStore.open(Mongo(mongodb.url(), driver), NAME, tmp_path)
    assert raw[NAME].list_collection_names() == ["things"]
    mongodb.drop(NAME)
    await (await MongoEventStore.open(Mongo(mongodb.url(), driver), NAME)).close()
    with pytest.raises(WrongData, match="holds log"):
        await MongoReadModels.open(Mongo(mongodb.url(), driver), NAME)
    raw[NAME]["meta"].update_one({"_id": "format"}, {"$set": {"format": FORMAT + 1}})
    with pytest.raises(NewerData):
        await MongoEventStore.open(Mongo(mongodb.url(), driver), NAME)


async def test_url_options_do_not_weaken_write_guarantees(closing: AsyncExitStack, driver: Driver) -> None:
    """Settings refuse such options; if they are bypassed, check() still enforces the guarantees of the log."""
    weak = "&w=1&journal=false&readConcernLevel=local&readPreference=secondary&retryWrites=false"
    log = await MongoEventStore.open(Mongo(mongodb.url() + weak, driver), NAME)
    closing.push_async_callback(log.close)
    made = await log.append(commit("case/a"))
    assert await log.load("case/a") == [made]


async def test_stores_follow_settings(driver: Driver, raw: MongoClient[dict[str, Any]], tmp_path: Path) -> None:
    settings = Settings(
        mongodb_url=SecretStr(mongodb.url()), mongodb_name=NAME, mongodb_driver=driver, secrets=tmp_path / "secrets"
    )
    with pytest.raises(StoreProblem, match="secrets cannot be used: No such file"):
        await open_stores(settings)
    (tmp_path / "secrets").mkdir()
    for _ in range(2):
        stores = await open_stores(settings)
        await stores.keys.obtain([("a", "p1", "text")])
        for store in stores:
            await store.close()
    assert sorted(name for name in raw.list_database_names() if name.startswith(NAME)) == [
        f"{NAME}_files",
        f"{NAME}_keys",
        f"{NAME}_log",
        f"{NAME}_views",
    ]
    (tmp_path / "other").mkdir()
    with pytest.raises(StoreProblem, match="the same `kek` and `root`"):
        await open_stores(settings.model_copy(update={"secrets": tmp_path / "other"}))


async def test_unreachable_stores_are_reported(driver: Driver, tmp_path: Path) -> None:
    for url, why in (
        ("mongodb://127.0.0.1:1/?replicaSet=rs0", "does not answer"),
        ("mongodb://user:se:cret@127.0.0.1/", "cannot be read"),
        (None, "set HUIYIN_MONGODB_URL"),
    ):
        secret = None if url is None else SecretStr(url)
        with pytest.raises(StoreProblem, match=why) as raised:
            await open_stores(Settings(mongodb_url=secret, mongodb_driver=driver, secrets=tmp_path))
        assert "cret" not in str(raised.value)
    with warnings.catch_warnings():  # AsyncMongoClient forgets a socket that was still connecting when it was closed
        warnings.simplefilter("ignore", ResourceWarning)
        await asyncio.sleep(0)
        gc.collect()


async def test_new_schema_is_filled_next_to_old_schema(closing: AsyncExitStack, driver: Driver) -> None:
    """Two releases run at once, each with its own rows; the group of the newer one starts at the first commit."""
    shapes = [ReadModel("cases", {"org": "text"}), ReadModel("cases", {"org": "text"}, indexes=(("org",),))]
    views = []
    for shape in shapes:
        each = await MongoReadModels.open(Mongo(mongodb.url(), driver), NAME)
        closing.push_async_callback(each.close)
        each.declare(shape)
        await each.start()
        assert await each.checkpoint("group") == 0
        await each.save_checkpoint("group", 7, each.generation)
        assert await each.checkpoint("group") == 7
        views.append(each)
    old, new = views
    await old.write({"cases": [Row("a", 1, {"org": "x"})]})
    await new.write({"cases": [Row("a", 1, {"org": "y"}), Row("b", Int64(2), None)]})
    assert await old.get("cases", "a") == Row("a", 1, {"org": "x"})
    assert await new.find("cases", [Condition("org", "=", "y")]) == [Row("a", 1, {"org": "y"})]
    await new.clear()
    assert await old.get("cases", "a") is None
    assert await old.checkpoint("group") == 0, "whoever dropped it"


async def test_concurrent_first_starts_share_created_collections(driver: Driver) -> None:
    """Regression: one of four processes started together found collections whose purpose was not yet recorded."""
    for turn in range(5):
        name = f"{NAME}_together{turn}_{driver}"
        logs = await asyncio.gather(
            *(MongoEventStore.open(Mongo(mongodb.url(), driver), name, outbox=True) for _ in range(8))
        )
        for log in logs:
            await log.close()
