"""The import contracts detect violations. Each test breaks a copy of the product and runs lint-imports on it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(
    path.relative_to(ROOT) for path in ROOT.glob("services/*/commands/*.py") if path.name != "__init__.py"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product and its contracts, to be broken."""
    for folder in ("shared", "services", "deploy"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken(copy: Path, line: str, files: Iterable[Path]) -> str:
    """The output of lint-imports after `line` was added to each of `files`; empty if all contracts are kept."""
    for file in files:
        path = copy / file
        path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode else ""


def module(file: Path) -> str:
    return ".".join(file.with_suffix("").parts)


def test_import_contracts_hold_on_unchanged_copy(copy: Path) -> None:
    assert broken(copy, "", []) == ""


def test_command_modules_are_pure(copy: Path) -> None:
    report = broken(copy, "import httpx", COMMANDS)
    assert len(COMMANDS) >= 15
    assert [file for file in COMMANDS if f"{module(file)} -> httpx" not in report] == []


def test_new_command_module_is_checked_without_registration(copy: Path) -> None:
    file = Path("services/routing/commands/added_later.py")
    (copy / file).write_text("", encoding="utf-8")
    assert "services.routing.commands.added_later -> asyncio" in broken(copy, "import asyncio", [file])


@pytest.mark.parametrize(
    "file", ["services/analytics/statistics/query.py", "shared/queries/worklist.py", "services/intake/read_models.py"]
)
def test_only_adapters_and_fact_store_import_duckdb(copy: Path, file: str) -> None:
    assert f"{module(Path(file))} -> duckdb" in broken(copy, "import duckdb", [Path(file)])


def test_shared_imports_neither_services_nor_deploy(copy: Path) -> None:
    file = Path("shared/kernel/clock.py")
    assert "shared is not allowed to import deploy" in broken(copy, "import deploy.modes.composition", [file])


def test_new_shared_package_requires_layer(copy: Path) -> None:
    folder = copy / "shared" / "added_later"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    assert "added_later" in broken(copy, "", [])
