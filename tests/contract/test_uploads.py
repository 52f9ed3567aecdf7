"""The contract of every store of upload records."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from shared.eventstore.uploads import UploadChanged, UploadRecord, UploadStore
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener

WHEN = datetime(2026, 3, 1, 9, 30, 0, 123000, tzinfo=UTC)


@pytest.fixture
def uploads(ports: Ports) -> UploadStore:
    return ports.uploads


def record(key: str, version: int = 1, blob: str | None = None, value: bytes = b"\x00secret\xff") -> UploadRecord:
    return UploadRecord(key, version, WHEN, "0" * 32, blob, value)


async def test_record_is_found_as_it_was_saved(uploads: UploadStore) -> None:
    one, two = record("a"), record("b", blob="sha256:x")
    await uploads.save(one)
    await uploads.save(two)
    assert await uploads.get(["a", "b", "c"]) == {"a": one, "b": two}
    assert await uploads.get([]) == {}
    assert await uploads.of_blobs(["sha256:x", "sha256:y"]) == [two]


async def test_each_version_is_saved_once(uploads: UploadStore) -> None:
    with pytest.raises(UploadChanged):
        await uploads.save(record("a", 2))
    done = await asyncio.gather(*(uploads.save(record("a", value=b"%d" % n)) for n in range(8)), return_exceptions=True)
    assert sorted(map(repr, done)) == sorted(["None"] + [repr(UploadChanged())] * 7)
    done = await asyncio.gather(*(uploads.save(record("a", 2)) for _ in range(8)), return_exceptions=True)
    assert done.count(None) == 1
    with pytest.raises(UploadChanged):
        await uploads.save(record("a"))
    assert (await uploads.get(["a"]))["a"] == record("a", 2)


async def test_erased_record_is_gone(uploads: UploadStore) -> None:
    for key in "abc":
        await uploads.save(record(key))
    assert await uploads.erase(["a", "c", "x"]) == 2
    assert [one.key async for page in uploads.all() for one in page] == ["b"]
    await uploads.save(record("a"))
    assert [one.key async for page in uploads.all(batch=1) for one in page] == ["a", "b"]


async def test_records_survive_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    await (await opened()).uploads.save(record("a"))
    uploads = (await opened()).uploads
    assert await uploads.get(["a"]) == {"a": record("a")}
