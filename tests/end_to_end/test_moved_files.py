"""Files between the modes on a real MongoDB: moved there and back, brought back alone from a backup, damaged ones named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from deploy.modes.embedded import opened
from deploy.storage.backup import back_up
from deploy.storage.blob_restore import restore_blobs
from deploy.storage.data_folder import Folder
from deploy.storage.mongo_stores import Stores, open_stores
from deploy.transfer.between_modes import DATABASE, move
from shared.adapters.folder.blobs import FolderBlobs
from shared.eventstore.file_encryption import CHUNK
from shared.kernel.refusals import Refused
from shared.kernel.settings import Settings
from shared.operations.blob_copy import blobs_digest, named_blobs, verify_blobs
from tests.integration.test_attached_files import contents, file, upload
from tests.support.servers import mongodb
from tests.support.serving import Served, served

pytestmark = pytest.mark.needs_mongo
NAME = mongodb.PREFIX + "files"
SIZES = (1, CHUNK, 255 * 1024, 3 * CHUNK + 77)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    mongodb.drop(NAME)
    yield Settings(data=tmp_path / "process", mongodb_url=mongodb.url(), mongodb_name=NAME)
    mongodb.drop(NAME)


@asynccontextmanager
async def stores_of(settings: Settings) -> AsyncIterator[Stores]:
    async with AsyncExitStack() as closing:
        found = await open_stores(settings)
        for port in found:
            closing.push_async_callback(port.close)
        yield found


@asynccontextmanager
async def process_on(folder: Path) -> AsyncIterator[Served]:
    async with served(running=lambda settings, clock: opened(folder, settings, clock=clock)) as found:
        yield found


async def lived(folder: Path) -> dict[str, list[bytes]]:
    """Case -> contents of its files."""
    made: dict[str, list[bytes]] = {}
    async with process_on(folder) as here:
        for number, size in enumerate(SIZES):
            content = bytes([number]) * size
            await upload(here, f"u{number}", content)
            made[(await file(here, files=[f"u{number}"])).case] = [content]
    return made


async def test_files_are_moved_there_and_back_and_open(tmp_path: Path, settings: Settings) -> None:
    made = await lived(tmp_path / "here")
    here = FolderBlobs(tmp_path / "here" / "blobs")
    before = await blobs_digest(here)
    there = await move(str(tmp_path / "here"), DATABASE, settings, lambda _done, _whole: None)
    assert there["files"] == len(SIZES)
    async with stores_of(settings) as stores:
        assert await blobs_digest(stores.blobs) == before
        assert [one async for one in verify_blobs(stores.log, stores.blobs)] == []
    again = await move(DATABASE, str(tmp_path / "back"), settings, lambda _done, _whole: None)
    assert again["files"] == len(SIZES)
    assert await blobs_digest(FolderBlobs(tmp_path / "back" / "blobs")) == before
    async with process_on(tmp_path / "back") as found:
        for case, expected in made.items():
            assert [content for content, _name in await contents(found, case)] == expected


async def test_files_alone_are_brought_back_into_mongodb_and_damage_is_named(
    tmp_path: Path, settings: Settings
) -> None:
    await lived(tmp_path / "here")
    folder = Folder(tmp_path / "here")
    made = await back_up(folder, tmp_path / "backup")
    await move(str(folder.path), DATABASE, settings, lambda _done, _whole: None)
    async with stores_of(settings) as stores:
        named = [one.blob async for page in named_blobs(stores.log) for one in page]
        assert await stores.blobs.erase(named[:2]) == 2
        assert {one.why for one in [one async for one in verify_blobs(stores.log, stores.blobs)]} == {
            f"{blob} is missing" for blob in named[:2]
        }
    with pytest.raises(Refused) as refused:
        await move(DATABASE, str(tmp_path / "back"), settings, lambda _done, _whole: None)
    assert refused.value.code == "files_missing"
    assert await restore_blobs(tmp_path / "backup", settings) == {"copied": 2, "there": 2, "damaged": []}
    async with stores_of(settings) as stores:
        assert await blobs_digest(stores.blobs) == made["blobs"]
        piece = await stores.blobs._chunks.find_one({"n": 0})
        assert piece is not None
        await stores.blobs._chunks.update_one(
            {"_id": piece["_id"]}, {"$set": {"data": bytes([piece["data"][0] ^ 1]) + piece["data"][1:]}}
        )
        file_ = await stores.blobs._files.find_one({"_id": piece["files_id"]})
        assert file_ is not None
        (found,) = [one async for one in verify_blobs(stores.log, stores.blobs)]
        assert found.why == f"{file_['filename']} does not match its bytes"
    with pytest.raises(Refused) as refused:
        await move(DATABASE, str(tmp_path / "other"), settings, lambda _done, _whole: None)
    assert refused.value.code == "files_damaged"
