"""The documents agree with the code: paths, names and modules exist, and layers and core modules are current."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.make_docs import HEART, core_module_lines

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = ("shared", "services", "deploy", "tests", "bench", "docs", "examples", ".ci")
SOURCES = ("shared", "services", "deploy", "tests", "bench", "examples")
CODE = re.compile(r"`([^`\n]+)`")
LAYER = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
DEFINED_IN = re.compile(r"`([\w/.-]+\.py)` \(((?:`\w+`(?:, )?)+)\)")
CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]+){2,}")
FOREIGN = {"AckMessage", "AsyncMongoClient", "StandardAuthorizer"}
"""Class names of libraries and servers."""
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def codes(page: Path) -> list[str]:
    """The text in backticks in the running text of the page."""
    return CODE.findall(re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL))


def section(page: str, heading: str) -> str:
    """The text below `heading`, up to the next heading of the same level."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


@pages
def test_documented_paths_exist(page: Path) -> None:
    for code in codes(page):
        if code.split("/")[0] in FOLDERS and "/" in code and " " not in code:
            pattern = re.sub(r"<\w+>|[A-Z]{3,}", "*", code).rstrip("/")
            assert any(ROOT.glob(pattern)), code
        elif re.fullmatch(r"[\w-]+\.py", code):
            assert any(path for folder in SOURCES for path in (ROOT / folder).rglob(code)), code


@pages
def test_documented_modules_exist(page: Path) -> None:
    for module in re.findall(r"python3? -m ([a-z][\w.]*)", page.read_text(encoding="utf-8")):
        assert find_spec(module) is not None, module


@pages
def test_documented_classes_exist(page: Path) -> None:
    assert {code for code in codes(page) if CAMEL_CASE.fullmatch(code)} <= classes() | FOREIGN


@cache
def classes() -> frozenset[str]:
    """Names of the project's classes and of their aliases."""
    text = "\n".join(path.read_text(encoding="utf-8") for one in SOURCES for path in (ROOT / one).rglob("*.py"))
    return frozenset(re.findall(r"^ *(?:class )?([A-Z]\w+)\b(?= *[:(=])", text, re.MULTILINE))


@pages
def test_documented_functions_are_in_named_files(page: Path) -> None:
    for path, names in DEFINED_IN.findall(page.read_text(encoding="utf-8")):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        defined = {getattr(node, "name", "") for node in tree.body}
        assert set(CODE.findall(names)) <= defined, path


def test_documented_layers_match_import_linter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (checked,) = [one["layers"] for one in contracts if one.get("containers") == ["shared"]]
    text = section("docs/architecture.md", "Layers")
    assert LAYER.findall(text) == checked[::-1]
    assert f"in {len(checked)} folders" in text


def test_core_modules_stay_below_line_limit() -> None:
    assert len(HEART) <= 8
    assert sum(core_module_lines().values()) <= 650


def test_changelog_stays_short() -> None:
    releases = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1:]
    for release in releases:
        assert len(release.strip().splitlines()) <= 50, release.splitlines()[0]
