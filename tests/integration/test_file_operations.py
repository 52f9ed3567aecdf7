"""Files through verify, digest, scrub, backup, restore and erasure, on the files of the embedded mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.modes.embedded import opened
from deploy.storage.backup import back_up, restore
from deploy.storage.blob_restore import restore_blobs
from deploy.storage.data_folder import Folder, FolderProblem
from shared.adapters.folder.blobs import FolderBlobs
from shared.eventstore.blobs import BlobMissing
from shared.kernel.settings import Settings
from shared.operations.blob_copy import blobs_digest, copy_blobs, named_blobs, scrub_blobs, verify_blobs
from shared.operations.erasure import erase_party
from tests.integration.test_attached_files import act, case_of, contents, file, upload
from tests.support.serving import Served, served

CONTENT = b"a photograph of a hole in the road" * 10_000


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(running=lambda settings, clock: opened(tmp_path / "data", settings, clock=clock)) as found:
        yield found


async def lived(here: Served) -> list[str]:
    """Two cases, the first with two files; the addresses."""
    for number in range(3):
        await upload(here, f"u{number}", CONTENT + bytes([number]))
    first = (await file(here, files=["u0"])).case
    await act(here, first, "attach_file", files=["u1"])
    second = (await file(here, files=["u2"])).case
    return [one.blob for case in (first, second) for one in (await case_of(here, case)).files]


def folder_of(here: Served) -> Folder:
    assert here.runtime.folder is not None
    return Folder(here.runtime.folder)


def blob_file(folder: Folder, blob: str) -> Path:
    return FolderBlobs(folder.blobs).path(blob)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def verified(here: Served) -> list[dict[str, object]]:
    async with here.owner() as client:
        answer = await client.post("/local/verify")
    found: list[dict[str, object]] = answer.json()["findings"]
    return found


async def test_flipped_byte_and_missing_file_are_named(here: Served) -> None:
    blobs = await lived(here)
    assert await verified(here) == []
    flip(blob_file(folder_of(here), blobs[1]))
    blob_file(folder_of(here), blobs[2]).unlink()
    found = await verified(here)
    assert [one["column"] for one in found] == ["blob", "blob"]
    assert {str(one["why"]) for one in found} == {f"{blobs[1]} does not match its bytes", f"{blobs[2]} is missing"}
    async with here.owner() as client:
        scrubbed = (await client.post("/local/scrub")).json()
    assert (scrubbed["missing_files"], scrubbed["unnamed_files"]) == ([blobs[2]], 0)


async def test_files_are_private_and_lie_under_their_prefix(here: Served) -> None:
    blobs = await lived(here)
    for blob in blobs:
        path = blob_file(folder_of(here), blob)
        assert path.parent.name + path.name == blob.removeprefix("sha256:")
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o077 == 0
        assert CONTENT[:40] not in path.read_bytes()


async def test_backup_restored_opens_every_file(here: Served, tmp_path: Path) -> None:
    blobs = await lived(here)
    made = await back_up(folder_of(here), tmp_path / "backup")
    assert (made["files"], made["damaged"]) == (3, 0)
    found = await restore(tmp_path / "backup", tmp_path / "new")
    assert found["blobs"] == made["blobs"] == await blobs_digest(FolderBlobs(folder_of(here).blobs))
    async with opened(tmp_path / "new", Settings(), feed=False, tasks=False) as process:
        assert [one async for one in verify_blobs(process.ports.log, process.ports.blobs)] == []
        here.runtime = process
        named = [one async for page in named_blobs(process.ports.log) for one in page]
        assert {one.blob for one in named} == set(blobs)
        for case in {one.stream.removeprefix("case/") for one in named}:
            assert all(content.startswith(CONTENT) for content, _name in await contents(here, case))


async def test_damaged_file_is_found_by_backup_and_refused_by_restore(here: Served, tmp_path: Path) -> None:
    blobs = await lived(here)
    flip(blob_file(folder_of(here), blobs[0]))
    assert (await back_up(folder_of(here), tmp_path / "backup"))["damaged"] == 1
    with pytest.raises(FolderProblem, match=blobs[0]):
        await restore(tmp_path / "backup", tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_files_alone_are_brought_back(here: Served, tmp_path: Path) -> None:
    blobs = await lived(here)
    await back_up(folder_of(here), tmp_path / "backup")
    for blob in blobs[:2]:
        blob_file(folder_of(here), blob).unlink()
    settings = Settings(data=folder_of(here).path)
    assert await restore_blobs(tmp_path / "backup", settings) == {"copied": 2, "there": 1, "damaged": []}
    assert await verified(here) == []
    assert await restore_blobs(tmp_path / "backup", settings) == {"copied": 0, "there": 3, "damaged": []}
    with pytest.raises(FolderProblem, match="not a backup with files"):
        await restore_blobs(tmp_path / "nothing", settings)
    with pytest.raises(FolderProblem, match="holds no log"):
        await restore_blobs(tmp_path / "backup", Settings(data=tmp_path / "empty"))


async def test_copy_skips_damaged_files_and_continues(here: Served, tmp_path: Path) -> None:
    blobs = await lived(here)
    source, target = FolderBlobs(folder_of(here).blobs), FolderBlobs(tmp_path / "target")
    flip(source.path(blobs[0]))
    assert await copy_blobs(source, target) == (2, 0, (blobs[0],))
    assert await target.exists(blobs) == set(blobs[1:])
    with pytest.raises(BlobMissing):
        await target.stat(blobs[0])


async def test_bytes_of_one_file_in_the_place_of_another_cost_the_copy_neither(here: Served, tmp_path: Path) -> None:
    blobs = sorted(await lived(here))
    source, target = FolderBlobs(folder_of(here).blobs), FolderBlobs(tmp_path / "target")
    source.path(blobs[2]).write_bytes(source.path(blobs[0]).read_bytes())
    assert await copy_blobs(source, target) == (2, 0, (blobs[2],))
    assert await target.exists(blobs) == set(blobs[:2])


async def test_erased_party_opens_no_file_also_where_the_process_was_killed(here: Served) -> None:
    ports = here.runtime.ports
    await upload(here, "u1", CONTENT)
    case = (await file(here, files=["u1"])).case
    (one,) = (await case_of(here, case)).files
    assert len(await ports.uploads.of_blobs([one.blob])) == 1
    assert await erase_party(ports, case, "p1") > 0
    assert await contents(here, case) == []
    assert await ports.uploads.of_blobs([one.blob]) == [], "the record might still hold the key"
    assert await verified(here) == [], "the ciphertext is whole; nobody can read it"


async def test_scrub_counts_what_no_event_names(here: Served) -> None:
    await lived(here)
    await upload(here, "never", b"x")
    assert await scrub_blobs(here.runtime.ports) == (1, ())
