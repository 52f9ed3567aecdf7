"""The contract of every store of blobs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterable

import pytest

from shared.eventstore.blobs import BlobMissing, Blobs, DraftShorter, new_draft
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener

LONG = os.urandom(700_001)


@pytest.fixture
def blobs(ports: Ports) -> Blobs:
    return ports.blobs


async def pieces(*content: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for one in content:
        for at in range(0, len(one), size):
            yield one[at : at + size]


async def whole(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in content])


def address(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def addresses(blobs: Blobs, batch: int = 1000) -> list[str]:
    return [one.address async for page in blobs.scan(batch=batch) for one in page]


async def drafts(blobs: Blobs) -> dict[str, int]:
    return {one.draft: one.size async for page in blobs.drafts() for one in page}


async def break_off(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for one in content:
        yield one
    raise ConnectionResetError


@pytest.mark.parametrize("content", [b"", b"x", LONG[:261_120], LONG], ids=["empty", "byte", "piece", "long"])
async def test_blob_is_found_under_hash_of_its_bytes(blobs: Blobs, content: bytes) -> None:
    info = await blobs.put(pieces(content))
    assert (info.address, info.size) == (address(content), len(content))
    assert await whole(blobs.open(info.address)) == content
    assert await blobs.stat(info.address) == info
    assert await blobs.exists([info.address, address(b"other")]) == {info.address}
    assert await blobs.put(pieces(content, size=7 if len(content) < 10 else 99_999)) == info, "stored once"
    assert await addresses(blobs) == [info.address]
    assert await drafts(blobs) == {}


async def test_opens_at_every_offset(blobs: Blobs) -> None:
    info = await blobs.put(pieces(LONG))
    for offset in (0, 1, 65_536, 261_119, 261_120, 261_121, 522_240, len(LONG) - 1, len(LONG), len(LONG) + 9):
        assert await whole(blobs.open(info.address, offset)) == LONG[offset:], offset


async def test_reads_in_pieces_of_any_size(blobs: Blobs) -> None:
    info = await blobs.put(pieces(LONG))
    for size in (1000, 600_000, 10 * len(LONG)):
        assert await whole(blobs.open(info.address, 7, piece=size)) == LONG[7:], size


async def test_another_process_may_read_what_a_store_keeps_as_a_file(blobs: Blobs) -> None:
    info = await blobs.put(pieces(LONG))
    descriptor = await blobs.descriptor(info.address)
    if descriptor is not None:
        with os.fdopen(descriptor, "rb") as file:
            assert file.read() == LONG


async def test_content_is_changed_on_its_way_to_the_store(blobs: Blobs) -> None:
    draft = new_draft()
    assert await blobs.write(draft, 0, pieces(b"abc" * 200_000), lambda piece: bytes(piece).upper()) == 600_000
    assert await whole(blobs.read(draft)) == b"ABC" * 200_000
    assert (await blobs.finish(draft)).address == address(b"ABC" * 200_000)


@pytest.mark.parametrize("name", ["sha256:" + "0" * 64, "../../etc/passwd", "", "sha256:" + "A" * 64, "md5:0"])
async def test_what_is_not_stored_is_missing(blobs: Blobs, name: str) -> None:
    with pytest.raises(BlobMissing):
        await whole(blobs.open(name))
    with pytest.raises(BlobMissing):
        await blobs.stat(name)
    assert await blobs.exists([name]) == set()
    assert await blobs.erase([name]) == 0


async def test_erased_blob_is_gone_and_can_be_stored_again(blobs: Blobs) -> None:
    first, second = await blobs.put(pieces(LONG)), await blobs.put(pieces(b"second"))
    assert await blobs.erase([first.address, address(b"other")]) == 1
    assert await addresses(blobs) == [second.address]
    assert await drafts(blobs) == {}, "no part of it is left"
    with pytest.raises(BlobMissing):
        await whole(blobs.open(first.address))
    assert (await blobs.put(pieces(LONG))).address == first.address
    assert await whole(blobs.open(first.address)) == LONG


async def test_content_that_breaks_off_stores_nothing(blobs: Blobs) -> None:
    with pytest.raises(ConnectionResetError):
        await blobs.put(break_off([LONG[:300_000], b"more"]))
    assert await addresses(blobs) == []
    assert await drafts(blobs) == {}


async def test_scan_is_in_order_of_addresses_and_continues_after_one(blobs: Blobs) -> None:
    stored = sorted([(await blobs.put(pieces(f"{n}".encode()))).address for n in range(23)])
    for batch in (1, 5, 23, 1000):
        assert await addresses(blobs, batch) == stored
    after = [one.address async for page in blobs.scan(after=stored[9], batch=4) for one in page]
    assert after == stored[10:]


async def test_draft_grows_is_cut_back_and_becomes_blob(blobs: Blobs) -> None:
    draft = new_draft()
    assert await whole(blobs.read(draft)) == b""
    assert await blobs.write(draft, 0, pieces(LONG[:400_000])) == 400_000
    assert await blobs.write(draft, 400_000, pieces(b"wrong" * 60_000)) == 700_000
    assert await blobs.write(draft, 400_000, pieces(LONG[400_000:500_000])) == 500_000
    assert await whole(blobs.read(draft)) == LONG[:500_000]
    assert await whole(blobs.read(draft, 300_000)) == LONG[300_000:500_000]
    assert await blobs.write(draft, 261_120, pieces()) == 261_120, "cut at the end of a piece"
    assert await blobs.write(draft, 100, pieces(LONG[100:])) == len(LONG)
    assert await drafts(blobs) == {draft: len(LONG)}
    assert await addresses(blobs) == []
    assert await blobs.address(draft) == address(LONG)
    info = await blobs.finish(draft)
    assert (info.address, info.size) == (address(LONG), len(LONG))
    assert await whole(blobs.open(info.address)) == LONG
    assert await drafts(blobs) == {}
    with pytest.raises(DraftShorter):
        await blobs.finish(draft)


async def test_draft_that_is_shorter_than_stated_is_refused(blobs: Blobs) -> None:
    draft = new_draft()
    with pytest.raises(DraftShorter):
        await blobs.write(draft, 1, pieces(b"x"))
    await blobs.write(draft, 0, pieces(LONG[:10]))
    for offset in (11, 261_120):
        with pytest.raises(DraftShorter):
            await blobs.write(draft, offset, pieces(b"x"))
    with pytest.raises(DraftShorter):
        await blobs.address(new_draft())


async def test_discarded_draft_is_gone(blobs: Blobs) -> None:
    draft = new_draft()
    await blobs.write(draft, 0, pieces(LONG))
    assert await blobs.discard([draft, new_draft()]) == 1
    assert await drafts(blobs) == {}
    assert await whole(blobs.read(draft)) == b""


@pytest.mark.parametrize("name", ["../x", "", "/etc/passwd", "A" * 32])
async def test_name_of_draft_is_never_a_path(blobs: Blobs, name: str) -> None:
    with pytest.raises(ValueError, match="name of a draft"):
        await blobs.write(name, 0, pieces(b"x"))
    with pytest.raises(ValueError, match="name of a draft"):
        await blobs.discard([name])


async def test_blobs_and_drafts_survive_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    blobs = (await opened()).blobs
    info, draft = await blobs.put(pieces(LONG)), new_draft()
    await blobs.write(draft, 0, pieces(LONG[:300_000]))
    blobs = (await opened()).blobs
    assert await whole(blobs.open(info.address)) == LONG
    await blobs.write(draft, 300_000, pieces(b"end"))
    other = LONG[:300_000] + b"end"
    assert await blobs.finish(draft) == (await blobs.put(pieces(other)))
    assert await whole(blobs.open(address(other))) == other
