"""Facts and read models that were deleted while log and checkpoints remain are restored at the next start."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deploy.modes.embedded import opened
from shared.hosting.process import Process
from shared.kernel.settings import Settings
from shared.operations.digests import views_digest
from tests.integration.test_rebuild import lives
from tests.support.serving import served


async def filled(folder: Path) -> str:
    async with opened(folder, Settings(), tasks=False) as runtime:
        await lived(runtime)
        return await digest(runtime)


async def lived(runtime: Process) -> None:
    """Activate the policy first, as in production."""
    async with served() as here:
        for commit in sorted(await lives(here), key=lambda one: one.stream.startswith("case/")):
            await runtime.ports.log.append(commit)


async def digest(runtime: Process) -> str:
    assert await runtime.drain()
    return await views_digest(runtime.ports.views, runtime.parts)


async def again(folder: Path) -> str:
    async with opened(folder, Settings(), tasks=False) as runtime:
        return await digest(runtime)


@pytest.mark.parametrize("how", ["deleted", "of another schema"])
async def test_missing_facts_are_refilled(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "data"
    before = await filled(folder)
    assert await again(folder) == before
    if how == "deleted":
        (folder / "facts.duckdb").unlink()
    else:
        with duckdb.connect(str(folder / "facts.duckdb")) as other:
            other.execute("UPDATE about SET schema = 0")
    assert await again(folder) == before


async def test_missing_read_model_file_is_refilled(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = await filled(folder)
    for path in folder.glob("views.sqlite*"):
        path.unlink()
    assert await again(folder) == before


async def test_existing_facts_are_not_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await filled(folder)
    async with opened(folder, Settings(), tasks=False) as runtime:
        assert await runtime.drain()
        assert {consumer.group: consumer.handled for consumer in runtime.consumers if consumer.handled} == {}


async def test_folder_files_are_readable_by_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with opened(folder, Settings(), tasks=False) as runtime:
        await lived(runtime)
        await digest(runtime)
        modes: dict[str, Any] = {
            path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*") if path.is_file()
        }
    assert {"log.sqlite", "log.sqlite-wal", "keys.sqlite", "views.sqlite", "facts.duckdb"} <= modes.keys()
    assert set(modes.values()) <= {"0o600", "0o400"}, modes
