"""Uploads: any cut, any kill, any repetition ends in the same file; nobody else's upload is found."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from shared.adapters.memory import MemoryBlobs, MemoryKeyStore, MemoryUploads, SetClock
from shared.application.file_uploads import LIFETIME, FileUploads
from shared.commands.attached_files import AttachableFile, FileDetails
from shared.eventstore.file_encryption import CHUNK, FileDamaged
from shared.eventstore.uploads import UploadRecord
from shared.kernel.refusals import Refused

OWNER, OTHER = "citizen:cn-demo:-:key", "citizen:cn-demo:-:other"
PHOTO = FileDetails("image/jpeg", "photo", "坑洼.jpg")
CONTENT = os.urandom(3 * CHUNK + 1234)


class Place:
    """The stores of a deployment, and processes on them."""

    def __init__(self) -> None:
        self.blobs, self.uploads, self.keys, self.clock = MemoryBlobs(), MemoryUploads(), MemoryKeyStore(), SetClock()

    def process(self, *, alone: bool = True) -> FileUploads:
        return FileUploads(self.blobs, self.uploads, self.keys, self.clock, alone=alone)

    async def records(self) -> int:
        return sum([len(page) async for page in self.uploads.all()])


@pytest.fixture
def place() -> Place:
    return Place()


async def some(content: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def breaking(content: bytes) -> AsyncIterator[bytes]:
    async for piece in some(content):
        yield piece
    raise ConnectionResetError


async def whole(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in content])


async def uploaded(files: FileUploads, upload: str = "one", content: bytes = CONTENT, owner: str = OWNER) -> None:
    await files.begin_upload(owner, upload)
    await files.append(owner, upload, 0, some(content))
    await files.finish(owner, upload, details=PHOTO)


async def refused(work: object) -> Refused:
    with pytest.raises(Refused) as found:
        await work  # type: ignore[misc]
    assert found.value.detail_zh
    return found.value


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 64 * CHUNK, 64 * CHUNK + 1, 70 * CHUNK])
async def test_file_of_every_size_arrives_whole(place: Place, size: int) -> None:
    content, files = os.urandom(size), place.process()
    await uploaded(files, content=content)
    assert await whole(files.open_upload(OWNER, "one")) == content
    status = await files.status(OWNER, "one")
    assert (status.complete, status.size, status.offset, status.details) == (True, size, size, PHOTO)
    assert status.blob is not None
    if size > 16:
        assert content[:100] not in place.blobs.stored[status.blob]
    assert await files.size(status.blob) == size


@pytest.mark.parametrize("seed", range(12))
async def test_parts_that_end_and_break_off_anywhere_give_same_file(place: Place, seed: int) -> None:
    random, files = Random(seed), place.process()
    await files.begin_upload(OWNER, "one", size=len(CONTENT), sha256=sha256(CONTENT).hexdigest())
    while (at := (await files.status(OWNER, "one")).offset) < len(CONTENT):
        part = CONTENT[at : at + random.choice((1, 777, CHUNK, CHUNK + 1, 150_000))]
        if random.random() < 0.4:
            with pytest.raises(ConnectionResetError):
                await files.append(OWNER, "one", at, breaking(part))
        else:
            await files.append(OWNER, "one", at, some(part))
        assert (await files.status(OWNER, "one")).offset == at + len(part), "what came is kept"
        if random.random() < 0.5:
            files = place.process()  # a new process goes on
    await files.finish(OWNER, "one", details=PHOTO)
    assert await whole(files.open_upload(OWNER, "one")) == CONTENT


async def test_part_at_wrong_offset_is_refused_with_the_right_one(place: Place) -> None:
    files = place.process()
    await files.begin_upload(OWNER, "one")
    await files.append(OWNER, "one", 0, some(CONTENT[:1000]))
    for offset in (0, 999, 1001):
        found = await refused(files.append(OWNER, "one", offset, some(b"x")))
        assert (found.code, found.more) == ("wrong_offset", {"offset": 1000})


async def test_limit_and_stated_size_hold_while_bytes_arrive(place: Place) -> None:
    files = place.process()
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 10_000
            yield bytes(10_000)

    await files.begin_upload(OWNER, "one")
    found = await refused(files.append(OWNER, "one", 0, endless(), most=100_000))
    assert (found.code, found.status, taken) == ("file_too_large", 413, 110_000)
    await files.begin_upload(OWNER, "two", size=10)
    assert (await refused(files.append(OWNER, "two", 0, some(b"x" * 11)))).code == "file_too_large"
    await files.begin_upload(OWNER, "three", size=10)
    await files.append(OWNER, "three", 0, some(b"x" * 9))
    found = await refused(files.finish(OWNER, "three"))
    assert (found.code, found.more) == ("upload_incomplete", {"offset": 9})


async def test_begun_again_is_same_upload_and_other_content_is_refused(place: Place) -> None:
    files, digest = place.process(), sha256(CONTENT).hexdigest()
    first = await files.begin_upload(OWNER, "one", size=5, sha256=digest)
    assert await files.begin_upload(OWNER, "one", size=5, sha256=digest) == first
    assert (await refused(files.begin_upload(OWNER, "one", size=6))).code == "upload_differs"
    assert (await refused(files.begin_upload(OWNER, "one", sha256="0" * 64))).code == "upload_differs"
    assert (await refused(files.begin_upload(OWNER, "one", sha256="xyz"))).code == "wrong_digest"
    for wrong in ("", "a b", "../x", "x" * 101):
        assert (await refused(files.begin_upload(OWNER, wrong))).code == "wrong_upload_id"
    both = await asyncio.gather(*(files.begin_upload(OWNER, "two") for _ in range(5)))
    assert len(set(both)) == 1


async def test_finished_again_is_same_file_and_other_digest_is_refused(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    digest = sha256(CONTENT).hexdigest()
    assert await files.finish(OWNER, "one", sha256=digest) == await files.status(OWNER, "one")
    assert (await refused(files.finish(OWNER, "one", sha256="0" * 64))).code == "digest_mismatch"
    assert (await files.status(OWNER, "one")).complete
    assert len(place.blobs.stored) == 1


async def test_wrong_digest_removes_upload(place: Place) -> None:
    files = place.process()
    await files.begin_upload(OWNER, "one", sha256="0" * 64)
    await files.append(OWNER, "one", 0, some(CONTENT))
    assert (await refused(files.finish(OWNER, "one"))).code == "digest_mismatch"
    assert (await refused(files.status(OWNER, "one"))).code == "upload_unknown"
    assert await place.records() == len(place.blobs.stored) == 0


async def test_upload_of_somebody_else_does_not_exist(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    assert (await refused(files.status(OTHER, "one"))).code == "upload_unknown"
    assert (await refused(files.append(OTHER, "one", 0, some(b"x")))).code == "upload_unknown"
    found = (await files.resolve(OTHER, ["one"], "c"))["one"]
    assert isinstance(found, Refused)
    assert (found.code, found.status) == ("file_unknown", 422)
    await uploaded(files, content=b"my own", owner=OTHER)
    assert await whole(files.open_upload(OWNER, "one")) == CONTENT
    await files.cancel(OTHER, "one")
    assert await whole(files.open_upload(OWNER, "one")) == CONTENT


async def test_expired_upload_is_gone(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    place.clock.advance(LIFETIME - timedelta(seconds=1))
    assert (await files.status(OWNER, "one")).complete
    place.clock.advance(timedelta(seconds=1))
    found = (await files.resolve(OWNER, ["one"], "c"))["one"]
    assert isinstance(found, Refused)
    assert found.code == "file_unknown"
    assert (await refused(files.status(OWNER, "one"))).code == "upload_unknown"
    assert await place.records() == 0


async def test_only_one_writes_at_a_time(place: Place) -> None:
    one, two = place.process(alone=False), place.process(alone=False)
    await one.begin_upload(OWNER, "one")
    more = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        await more.wait()

    writing = asyncio.create_task(one.append(OWNER, "one", 0, slow()))
    await asyncio.sleep(0.01)
    for other in (one, two):
        assert (await refused(other.append(OWNER, "one", 0, some(b"x")))).code == "upload_busy"
    more.set()
    assert (await writing).offset == 5
    assert (await two.append(OWNER, "one", 5, some(b"x"))).offset == 6


async def test_claim_of_killed_process_ends(place: Place) -> None:
    dead = place.process(alone=False)
    await dead.begin_upload(OWNER, "one")
    writing = asyncio.create_task(dead.append(OWNER, "one", 0, _never()))
    await asyncio.sleep(0.01)
    assert (await refused(place.process(alone=False).append(OWNER, "one", 0, some(b"x")))).code == "upload_busy"
    assert (await place.process(alone=True).append(OWNER, "one", 0, some(b"x"))).offset == 1
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def _never() -> AsyncIterator[bytes]:
    yield b""
    await asyncio.Event().wait()


async def test_command_takes_file_once(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    taken = (await files.resolve(OWNER, ["one"], "first"))["one"]
    assert isinstance(taken, AttachableFile)
    assert (taken.size, taken.details) == (len(CONTENT), PHOTO)
    assert await files.resolve(OWNER, ["one"], "first") == {"one": taken}, "sent again"
    other = (await files.resolve(OWNER, ["one"], "second"))["one"]
    assert isinstance(other, Refused)
    assert other.code == "file_used"
    await files.released(OWNER, ["one"], "first")
    assert isinstance((await files.resolve(OWNER, ["one"], "second"))["one"], AttachableFile)
    await files.attached(OWNER, ["one"], "other")
    assert isinstance((await files.resolve(OWNER, ["one"], "second"))["one"], AttachableFile), (
        "not the one that took it"
    )
    await files.attached(OWNER, ["one"], "second")
    for cause in ("first", "second"):
        again = (await files.resolve(OWNER, ["one"], cause))["one"]
        assert isinstance(again, Refused)
        assert again.code == "file_used"
    assert (await refused(files.replace(OWNER, "one", some(b"x"), PHOTO))).code == "file_used"
    with pytest.raises(Refused, match="file_used"):
        await whole(files.open_upload(OWNER, "one"))
    assert await whole(files.open_file(taken.blob, taken.key)) == CONTENT
    records = [record async for page in place.uploads.all() for record in page]
    assert b"sealed" not in records[0].value, "the key has left the record"


async def test_held_incomplete_and_undescribed_files_are_not_attached(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    await files.hold(OWNER, "one", "scanning")
    await files.begin_upload(OWNER, "half")
    found = await files.resolve(OWNER, ["one", "half", "none", "wrong name"], "c")
    assert {name: one.code for name, one in found.items() if isinstance(one, Refused)} == {
        "one": "file_held",
        "half": "upload_incomplete",
        "none": "file_unknown",
        "wrong name": "file_unknown",
    }
    await files.hold(OWNER, "one", None)
    assert isinstance((await files.resolve(OWNER, ["one"], "c"))["one"], AttachableFile)


async def test_replaced_content_has_another_key_and_address(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    before = await files.status(OWNER, "one")
    after = await files.replace(OWNER, "one", some(b"smaller"), PHOTO._replace(media_type="image/png"))
    assert (after.size, after.details) == (7, PHOTO._replace(media_type="image/png"))
    assert list(place.blobs.stored) == [after.blob] != [before.blob]
    assert await whole(files.open_upload(OWNER, "one")) == b"smaller"
    taken = (await files.resolve(OWNER, ["one"], "c"))["one"]
    assert isinstance(taken, AttachableFile)
    assert taken.size == 7


async def test_ranges_of_a_file(place: Place) -> None:
    files = place.process()
    await uploaded(files)
    taken = (await files.resolve(OWNER, ["one"], "c"))["one"]
    assert isinstance(taken, AttachableFile)
    for offset, most in ((0, 1), (5, 10), (CHUNK - 1, 2), (CHUNK, CHUNK), (2 * CHUNK + 3, None), (len(CONTENT), 5)):
        end = None if most is None else offset + most
        assert await whole(files.open_file(taken.blob, taken.key, offset, most)) == CONTENT[offset:end]
    place.blobs.stored[taken.blob] = place.blobs.stored[taken.blob][:-3]
    with pytest.raises(FileDamaged):
        await whole(files.open_file(taken.blob, taken.key, 3 * CHUNK))


async def test_no_record_holds_personal_data_in_the_clear(place: Place, tmp_path: Path) -> None:
    files = place.process()
    await files.begin_upload(OWNER, "phone-13800138000", details=PHOTO)
    await files.append(OWNER, "phone-13800138000", 0, some("张三".encode() * 50))
    async for page in place.uploads.all():
        for record in page:
            stored = repr(record).encode() + record.value
            for personal in (OWNER, "13800138000", "坑洼", "张三", sha256("张三".encode() * 50).hexdigest()):
                assert personal.encode() not in stored


# --- the last part and the end in one


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 64 * CHUNK, 70 * CHUNK, 256 * CHUNK, 256 * CHUNK + 1])
async def test_received_at_once_it_is_the_same_file(place: Place, size: int) -> None:
    content, files = os.urandom(size), place.process()
    await files.begin_upload(OWNER, "one", sha256=sha256(content).hexdigest(), details=PHOTO)
    done = await files.receive(OWNER, "one", 0, some(content, 70_000), held="unchecked")
    assert (done.complete, done.size, done.offset, done.held, done.details) == (True, size, size, "unchecked", PHOTO)
    assert await whole(place.process().open_upload(OWNER, "one")) == content
    assert await files.size(str(done.blob)) == size
    assert await files.finish(OWNER, "one") == done == await files.status(OWNER, "one")
    with pytest.raises(Refused):
        await files.receive(OWNER, "one", 0, some(b"x"))


@pytest.mark.parametrize("seed", range(6))
async def test_the_last_part_completes_what_parts_began(place: Place, seed: int) -> None:
    random, files = Random(seed), place.process()
    await files.begin_upload(OWNER, "one", size=len(CONTENT), sha256=sha256(CONTENT).hexdigest())
    at = random.choice((0, 1, CHUNK, CHUNK + 5))
    await files.append(OWNER, "one", 0, some(CONTENT[:at]))
    files = random.choice((files, place.process()))
    until = random.randrange(at, len(CONTENT))
    with pytest.raises(ConnectionResetError):
        await files.receive(OWNER, "one", at, breaking(CONTENT[at:until]))
    assert (await files.status(OWNER, "one")).offset == until, "what came is kept"
    found = await refused(files.receive(OWNER, "one", until, some(CONTENT[until:-1])))
    assert (found.code, found.more) == ("upload_incomplete", {"offset": len(CONTENT) - 1})
    await files.receive(OWNER, "one", len(CONTENT) - 1, some(CONTENT[-1:]))
    assert await whole(files.open_upload(OWNER, "one")) == CONTENT


async def test_what_is_refused_at_the_end_leaves_nothing(place: Place) -> None:
    files = place.process()
    await files.begin_upload(OWNER, "one", sha256="0" * 64)
    assert (await refused(files.receive(OWNER, "one", 0, some(CONTENT)))).code == "digest_mismatch"
    assert (await refused(files.status(OWNER, "one"))).code == "upload_unknown"
    await files.begin_upload(OWNER, "two")
    assert (await refused(files.receive(OWNER, "two", 5, some(CONTENT)))).code == "wrong_offset"
    found = await refused(files.receive(OWNER, "two", 0, some(CONTENT), most=1_000))
    assert (found.code, (await files.status(OWNER, "two")).complete) == ("file_too_large", False)
    assert not place.blobs.stored


async def test_a_process_that_dies_before_the_record_names_the_blob_loses_nothing_acknowledged(place: Place) -> None:
    dying = place.process()
    await dying.begin_upload(OWNER, "one")
    save, saved = place.uploads.save, 0

    async def dies(record: UploadRecord) -> None:
        nonlocal saved
        saved += 1
        if record.blob is not None:
            raise ConnectionResetError
        await save(record)

    place.uploads.save = dies  # type: ignore[method-assign]
    with pytest.raises(ConnectionResetError):
        await dying.receive(OWNER, "one", 0, some(CONTENT))
    assert saved == 2, "the claim, and the record with the blob"
    place.uploads.save = save  # type: ignore[method-assign]
    files = place.process()
    status = await files.status(OWNER, "one")
    assert (status.complete, status.offset) == (False, 0), "nothing was acknowledged"
    await files.receive(OWNER, "one", 0, some(CONTENT[::-1]))
    assert await whole(files.open_upload(OWNER, "one")) == CONTENT[::-1]
