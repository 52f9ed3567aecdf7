"""R20 on files: `huiyin verify` or the start itself names any damage to the bytes of a stored log."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from deploy.storage.data_folder import Folder, FolderProblem
from services.supervision.policy_activation import activate
from shared.kernel.settings import Settings
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO
from tests.support.process import huiyin
from tests.support.serving import OPERATOR, submission

COLUMNS = ("position", "stream", "first", "last", "cause", "request", "recorded_at", "previous", "hash", "events")
FLIPS = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a stopped server."""
    folder = tmp_path_factory.mktemp("whole") / "data"

    async def fill() -> None:
        async with opened(folder, Settings(), tasks=False) as runtime:
            sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
            await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
            app = build_owner_app(runtime)
            headers = {"x-huiyin-as": "registrar:xfj"}
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers) as desk:
                for number in range(25):
                    answer = await desk.post("/v1/submissions", json=submission(item=f"i{number}"))
                    assert answer.status_code == 201
            await runtime.drain()

    asyncio.run(fill())
    assert not folder.joinpath("log.sqlite-wal").exists(), "a server that stopped leaves one file"
    return folder


def contents(path: Path) -> list[Any]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT * FROM commits ORDER BY position").fetchall()
    finally:
        connection.close()


async def found_in(folder: Path) -> list[dict[str, Any]] | str:
    """The findings of verify, or the reason why the folder cannot be opened."""
    try:
        async with opened(folder, Settings(), create=False, feed=False, tasks=False) as runtime:
            transport = httpx.ASGITransport(build_owner_app(runtime))
            async with httpx.AsyncClient(transport=transport, base_url="http://huiyin") as owner:
                answer = await owner.post("/local/verify", headers={"x-huiyin-as": "operations"})
            assert answer.status_code == 200, answer.text
            assert runtime.broken is None
            found: list[dict[str, Any]] = answer.json()["findings"]
            return found
    except FolderProblem as problem:
        return str(problem)


@pytest.mark.parametrize("size", [1024, 8 * 1024, 64 * 1024])
@pytest.mark.parametrize("how", ["flip", "truncate"])
async def test_damaged_end_of_file_is_detected(whole: Path, tmp_path: Path, how: str, size: int) -> None:
    random = Random(f"{how}{size}")
    before = contents(whole / "log.sqlite")
    for round_ in range(4):
        folder = tmp_path / str(round_)
        shutil.copytree(whole, folder)
        path = folder / "log.sqlite"
        data = bytearray(path.read_bytes())
        size = min(size, len(data) - 8192)
        if how == "truncate":
            del data[-random.randint(size // 2, size) :]
        else:
            for _ in range(max(1, size // 256)):
                data[-random.randint(1, size)] ^= 1 << random.randrange(8)
        path.write_bytes(data)
        found = await found_in(folder)
        if not found:  # then only unused space was hit
            assert how == "flip"
            assert contents(path) == before
        elif isinstance(found, str):
            assert "log.sqlite is damaged" in found or "log.sqlite ends before what" in found
            assert "restore" in found
        shutil.rmtree(folder)


async def test_verify_names_200_flipped_bytes_in_every_column_while_serving(whole: Path, tmp_path: Path) -> None:
    """The route of `huiyin verify` names stream, version and column while the server is in use."""
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    random = Random(20)
    connection = sqlite3.connect(folder / "log.sqlite", isolation_level=None)
    connection.execute("DROP TRIGGER never_changed")
    connection.execute("PRAGMA synchronous=OFF")
    (top,) = connection.execute("SELECT max(position) FROM commits").fetchone()
    async with opened(folder, Settings(), feed=False, tasks=False) as runtime:
        transport = httpx.ASGITransport(build_owner_app(runtime))
        headers = {"x-huiyin-as": "operations"}
        async with httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers) as owner:
            done = 0
            while done < FLIPS:
                column, position = COLUMNS[done % len(COLUMNS)], random.randint(1, top)
                stream, first, old = connection.execute(
                    f"SELECT stream, first, {column} FROM commits WHERE position = ?", (position,)
                ).fetchone()
                new = flipped(old, random)
                cast = "?" if isinstance(new, int) or column == "events" else "CAST(? AS TEXT)"
                try:
                    connection.execute(f"UPDATE commits SET {column} = {cast} WHERE position = ?", (new, position))
                except sqlite3.IntegrityError:
                    continue
                answer = await owner.post("/local/verify")
                where = new if column == "position" else position
                connection.execute(f"UPDATE commits SET {column} = ? WHERE position = ?", (old, where))
                assert answer.status_code == 200, (column, answer.text)
                findings = answer.json()["findings"]
                wanted = ("hash", "events") if column in ("hash", "events") else (column,)
                named = [one for one in findings if one["column"] in wanted]
                assert named, (column, position, old, new, findings)
                if column not in ("stream", "first", "position"):  # these columns themselves identify the position
                    assert any((one["stream"], one["version"]) == (stream, first) for one in named)
                done += 1
            assert (await owner.post("/local/verify")).json()["findings"] == []
    connection.close()


def flipped(value: object, random: Random) -> object:
    if isinstance(value, int):
        return value ^ (1 << random.randrange(16))
    data = bytearray(value if isinstance(value, bytes) else str(value or "r").encode())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def test_verify_command_names_damaged_position_and_exits_with_1(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    assert huiyin("verify", "--data", str(folder)).returncode == 0
    connection = sqlite3.connect(folder / "log.sqlite", isolation_level=None)
    connection.execute("DROP TRIGGER never_changed")
    stream, first = connection.execute(
        "SELECT stream, first FROM commits WHERE stream LIKE 'case/%' LIMIT 1"
    ).fetchone()
    connection.execute("UPDATE commits SET cause = 'x' WHERE stream = ? AND first = ?", (stream, first))
    connection.close()
    done = huiyin("verify", "--data", str(folder), "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["stream"], finding["version"], finding["column"]) == (stream, first, "cause")
    shown = huiyin("verify", "--data", str(folder))
    assert shown.returncode == 1
    assert stream[:20] in shown.stdout
    assert "cause" in shown.stdout
    copied = huiyin("backup", str(tmp_path / "backup"), "--data", str(folder))
    assert copied.returncode == 1
    assert "cannot be restored" in copied.stderr
    restored = huiyin("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored"))
    assert restored.returncode == 1
    assert "The log of the backup is damaged" in restored.stderr


@pytest.mark.parametrize("how", ["missing", "empty"])
async def test_folder_whose_log_is_lost_is_refused_and_not_begun_anew(whole: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    log = Folder(folder).log
    log.write_bytes(b"")
    if how == "missing":
        log.unlink()
    with pytest.raises(FolderProblem, match=r"log.sqlite is damaged .*huiyin restore") as refused:
        async with opened(folder, Settings(), tasks=False):
            pass
    assert refused.value.zh is not None
    assert "从备份恢复" in refused.value.zh
    assert log.exists() == (how == "empty"), "no new log takes its place"


async def test_log_older_than_its_read_models_is_refused(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    with sqlite3.connect(Folder(folder).log) as connection:
        connection.execute("DROP TRIGGER never_deleted")
        connection.execute("DELETE FROM commits WHERE position > (SELECT max(position) - 3 FROM commits)")
    connection.close()
    with pytest.raises(FolderProblem, match=r"log.sqlite ends before what views.sqlite was made from") as refused:
        async with opened(folder, Settings(), tasks=False):
            pass
    assert refused.value.zh is not None
    assert "较早的副本" in refused.value.zh


@pytest.mark.parametrize("how", ["zero", "cut", "text"])
async def test_damaged_facts_are_filled_anew(whole: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    facts = Folder(folder).facts
    content = facts.read_bytes()
    facts.write_bytes(
        {"zero": bytes(8192) + content[8192:], "cut": content[: len(content) // 2], "text": b"no database" * 900}[how]
    )
    async with opened(folder, Settings(), create=False, tasks=False) as runtime:
        assert await runtime.drain()
        [found] = [part.facts for part in runtime.parts if part.facts is not None]
        assert not await found.empty()


async def test_verify_and_backup_name_a_damaged_key(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    keys = folder / "keys" / "keys.sqlite"
    connection = sqlite3.connect(keys, isolation_level=None)
    kid, wrapped = connection.execute("SELECT kid, wrapped FROM data_keys ORDER BY kid LIMIT 1").fetchone()
    connection.execute("UPDATE data_keys SET wrapped = ? WHERE kid = ?", (bytes([wrapped[0] ^ 1]) + wrapped[1:], kid))
    connection.close()
    found = await found_in(folder)
    assert isinstance(found, list)
    assert {one["column"] for one in found} == {"key"}
    assert all(one["why"].startswith(kid) for one in found)
    numbers = [huiyin("case", "show", f"web:i{number}", "--content", "--data", str(folder)) for number in range(25)]
    assert any("damaged_case" in one.stderr for one in numbers), "the case is refused in words"
    assert sum(one.returncode == 0 for one in numbers) >= 24, "all others are read"
    done = huiyin("backup", str(tmp_path / "backup"), "--data", str(folder))
    assert done.returncode == 1
    done = huiyin("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored"))
    assert done.returncode == 1
    assert kid in done.stderr
    assert "密钥" in done.stderr


def test_backup_of_a_folder_with_an_unusual_name_is_restored(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "县 信访#1?mode=rw%20'\"&"
    shutil.copytree(whole, folder)
    assert huiyin("backup", str(tmp_path / "备份 #1?"), "--data", str(folder)).returncode == 0
    assert huiyin("restore", str(tmp_path / "备份 #1?"), "--data", str(tmp_path / "新 %41")).returncode == 0
    assert contents(tmp_path / "新 %41" / "log.sqlite") == contents(folder / "log.sqlite")


@pytest.mark.parametrize("content", [b"[1]", b'{"format": "2"}', b"{", b""])
def test_backup_without_a_readable_manifest_is_refused(whole: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "manifest.json").write_bytes(content)
    done = huiyin("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored"))
    assert done.returncode == 1
    assert "not a complete backup" in done.stderr
    assert not (tmp_path / "restored").exists()


def test_unreadable_file_is_reported_without_traceback(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    Folder(folder).log.write_bytes(bytes(4096) + Folder(folder).log.read_bytes()[4096:])
    for command in ("verify", "serve"):
        done = huiyin(command, "--data", str(folder), *(("--port", "0") if command == "serve" else ()))
        assert done.returncode in (1, 2)
        assert "log.sqlite is damaged" in " ".join((done.stdout + done.stderr).split())
