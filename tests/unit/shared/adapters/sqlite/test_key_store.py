"""The key store's files: permissions, removal after erasure, refusals."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from shared.adapters.secret_files import KeysLost
from shared.adapters.sqlite import key_store as module
from shared.adapters.sqlite.key_store import SqliteKeyStore


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith("keys.sqlite"))


async def test_secret_files_are_readable_by_owner_only(tmp_path: Path) -> None:
    keys = SqliteKeyStore(tmp_path)
    for name in ("kek", "root"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o400
    assert names_in(tmp_path) <= {
        "kek",
        "root",
        *(f"keys.sqlite{end}" for end in ("", "-wal", "-shm")),
    }
    (key,) = await keys.obtain([("a", "p1", "text")])
    assert key.secret not in bytes_of(tmp_path)
    await keys.close()


async def test_erased_key_leaves_no_bytes_in_file(tmp_path: Path) -> None:
    keys = SqliteKeyStore(tmp_path)
    await keys.obtain([(f"c{number}", "p1", "text") for number in range(50)])
    wrapped = dict(keys._connection.execute("SELECT case_id, wrapped FROM data_keys").fetchall())
    assert all(each in bytes_of(tmp_path) for each in wrapped.values())
    for case in ("c7", "c8", "c30"):
        assert await keys.erase(case, "p1") == 1
        assert wrapped[case] not in bytes_of(tmp_path)
        assert wrapped[case][12:28] not in bytes_of(tmp_path)
    await keys.close()
    for case, each in wrapped.items():
        assert (each in bytes_of(tmp_path)) == (case not in ("c7", "c8", "c30"))


@pytest.mark.parametrize("name", ["kek", "root"])
async def test_missing_or_foreign_secret_is_refused_and_not_replaced(tmp_path: Path, name: str) -> None:
    keys = SqliteKeyStore(tmp_path)
    await keys.obtain([("a", "p1", "text")])
    await keys.close()
    secret = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    with pytest.raises(KeysLost, match="missing"):
        SqliteKeyStore(tmp_path)
    assert not (tmp_path / name).exists()
    (tmp_path / name).write_bytes(secret[::-1])
    with pytest.raises(KeysLost, match="not the one"):
        SqliteKeyStore(tmp_path)
    (tmp_path / name).write_bytes(secret[:-1])
    with pytest.raises(KeysLost, match="damaged"):
        SqliteKeyStore(tmp_path)
    (tmp_path / name).write_bytes(secret)
    await SqliteKeyStore(tmp_path).close()


async def test_damaged_key_is_detected(tmp_path: Path) -> None:
    keys = SqliteKeyStore(tmp_path)
    (key,) = await keys.obtain([("a", "p1", "text")])
    keys._connection.execute("UPDATE data_keys SET wrapped = zeroblob(60)")
    await keys.close()
    keys = SqliteKeyStore(tmp_path)
    with pytest.raises(KeysLost, match="damaged"):
        await keys.get([key.kid])
    with pytest.raises(KeysLost, match="damaged"):
        await keys.obtain([("a", "p1", "text")])
    await keys.close()


async def test_key_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED", 10)
    keys = SqliteKeyStore(tmp_path)
    made = await keys.obtain([(f"c{number}", "p1", "text") for number in range(30)])
    assert len(keys._by_kid) == len(keys._by_triple) == 10
    assert await keys.get([key.kid for key in made]) == {key.kid: key for key in made}
    await keys.close()
