"""Migration between modes: everything is moved, even if the migration is killed, and foreign data is left unchanged."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.storage.data_folder import Folder, FolderProblem
from deploy.storage.mongo_stores import open_stores
from deploy.transfer.between_modes import DATABASE, move
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.eventstore.key_store import DataKey, KeyErased
from shared.kernel.refusals import Invalid, Refused
from shared.kernel.settings import Settings
from shared.operations.digests import log_digest
from tests.support.commits import commit, history
from tests.support.servers import mongodb

pytestmark = pytest.mark.needs_mongo
NAME = mongodb.PREFIX + "moving"
KILLS = 10


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    mongodb.drop(NAME)
    yield Settings(data=tmp_path / "process", mongodb_url=mongodb.url(), mongodb_name=NAME)
    mongodb.drop(NAME)


async def filled(folder: Folder, streams: int) -> list[DataKey]:
    """A folder with streams of some commits, and keys of which one is erased."""
    os.close(folder.take())
    log, keys = SqliteEventStore(folder.log), SqliteKeyStore(folder.keys)
    for number in range(streams):
        for one in history(f"case/{number:04}", 3, events=2):
            await log.append(one)
    made = await keys.obtain([(f"{number:04}", "p", "text") for number in range(streams)])
    await keys.erase("0001", "p")
    await log.close()
    await keys.close()
    return made


def quiet(_done: int, _whole: int) -> None:
    """Watches no progress."""


async def digest_of(folder: Folder) -> str:
    log = SqliteEventStore(folder.log)
    try:
        return await log_digest(log)
    finally:
        await log.close()


async def test_migration_round_trip_keeps_data_and_keys(tmp_path: Path, settings: Settings) -> None:
    here, back = Folder(tmp_path / "here"), Folder(tmp_path / "back")
    made = await filled(here, 40)
    before = await digest_of(here)
    seen: list[tuple[int, int]] = []
    there = await move(str(here.path), DATABASE, settings, lambda done, whole: seen.append((done, whole)))
    assert there["log_from"] == there["log_to"] == before
    assert seen[-1] == (240, 240)
    stores = await open_stores(settings)
    try:
        assert await stores.log.backlog() == 120, "each commit must still reach the topic"
        assert await stores.keys.get([key.kid for key in made]) == {
            key.kid: key for key in made if key.case != "0001"
        }, "wrapped keys open to the same secrets, and the erased one is gone"
        with pytest.raises(KeyErased):
            await stores.keys.obtain([("0001", "p", "text")])
    finally:
        for port in stores:
            await port.close()
    again = await move(DATABASE, str(back.path), settings, quiet)
    assert again["log_to"] == before == await digest_of(back)
    keys, old = SqliteKeyStore(back.keys), SqliteKeyStore(here.keys)
    assert keys.secret("case-id") == old.secret("case-id")
    assert await keys.get([key.kid for key in made]) == await old.get([key.kid for key in made])
    with pytest.raises(KeyErased):
        await keys.obtain([("0001", "p", "other")])
    await keys.close()
    await old.close()
    once_more = await move(DATABASE, str(back.path), settings, quiet)
    assert once_more["commits_written"] == 0


@pytest.mark.nightly
@pytest.mark.parametrize("way", ["there", "back"])
async def test_migration_resumes_after_kill_at_any_moment(tmp_path: Path, settings: Settings, way: str) -> None:
    here, back = Folder(tmp_path / "here"), Folder(tmp_path / "back")
    await filled(here, 400)
    before = await digest_of(here)
    ends = (str(here.path), DATABASE)
    if way == "back":
        await move(*ends, settings, quiet)
        ends = (DATABASE, str(back.path))
    chance = random.Random(5)
    assert settings.mongodb_url is not None
    environment = os.environ | {
        "HUIYIN_MONGODB_URL": settings.mongodb_url.get_secret_value(),
        "HUIYIN_MONGODB_NAME": NAME,
        "HUIYIN_DATA": str(settings.data),
    }
    command = [sys.executable, "-m", "tests.support.migration", *ends]
    killed = 0
    for _ in range(KILLS):
        running = await asyncio.to_thread(
            subprocess.Popen, command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert running.stdout is not None
        await asyncio.to_thread(running.stdout.readline)  # it begins
        await asyncio.to_thread(time.sleep, chance.uniform(0, 0.5))
        running.kill()
        killed += await asyncio.to_thread(running.wait) != 0  # else it had ended before
        running.stdout.close()
    assert killed
    found = await move(*ends, settings, quiet)
    assert found["log_from"] == found["log_to"] == before
    assert not back.moving.exists()


async def test_target_with_other_data_is_left_unchanged(tmp_path: Path, settings: Settings) -> None:
    here, other = Folder(tmp_path / "here"), Folder(tmp_path / "other")
    await filled(here, 3)
    await filled(other, 2)
    await move(str(here.path), DATABASE, settings, quiet)
    before = await digest_of(other)
    with pytest.raises(FolderProblem, match="another deployment"):
        await move(DATABASE, str(other.path), settings, quiet)
    assert await digest_of(other) == before
    stores = await open_stores(settings)
    await stores.log.append(commit("case/zz"))
    for port in stores:
        await port.close()
    with pytest.raises(Invalid) as refused:
        await move(str(here.path), DATABASE, settings, quiet)
    assert refused.value.code == "target_not_empty"


async def test_migration_between_folders_or_into_partial_folder_is_refused(tmp_path: Path, settings: Settings) -> None:
    here = Folder(tmp_path / "here")
    await filled(here, 1)
    with pytest.raises(FolderProblem, match="no change of mode"):
        await move(str(here.path), str(tmp_path / "to"), settings, quiet)
    here.moving.touch()
    with pytest.raises(FolderProblem, match="unfinished move"):
        here.take()


async def test_damaged_source_stops_migration(tmp_path: Path, settings: Settings) -> None:
    here = Folder(tmp_path / "here")
    await filled(here, 3)
    with sqlite3.connect(here.log) as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("UPDATE commits SET hash = previous WHERE first = 3")
    raw.close()
    with pytest.raises(Refused) as refused:
        await move(str(here.path), DATABASE, settings, quiet)
    assert refused.value.code == "log_damaged"
