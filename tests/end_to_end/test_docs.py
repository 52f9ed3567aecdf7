"""The manual is correct: its commands exist and work, its links resolve, and its tables match the code."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import deploy.modes.composition  # noqa: F401  # fills RULES
from deploy.cli.main import app
from services.intake.importer import mapping_file as mappings
from shared.commands.command import RULES
from tests.support.make_docs import ROOT, TABLES, renewed
from tests.support.process import Server, clean_environment, huiyin, server

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`(huiyin [^`]+)`")
WALKS = ("README.md", "docs/daily-work.md")
SHELL_SIGNS = frozenset("|;&<>$`*?~#\\")
TWINS = (ROOT / "README.md", ROOT / "README.zh-CN.md")
EXPORT = ROOT / "examples/complaints.csv"


def lines(page: Path, start: str = "") -> list[str]:
    """The lines of its shell blocks that begin with `start`."""
    found = [line for block in SHELL.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    return [line.strip() for line in found if line.startswith(start)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def parameters(line: str) -> list[str]:
    """What is wrong with a `huiyin …` line; nothing: it could be run."""
    words = shlex.split(line)[1:]
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and words[0] != "…":
        inner = command.commands.get(words[0])
        if inner is None:
            return [f"no command {words[0]}"]
        command, words = inner, words[1:]
    known = {"--help"} | {option for parameter in command.params for option in parameter.opts}
    wrong = [f"no option {word}" for word in words if word.startswith("--") and word.split("=")[0] not in known]
    if command.name == "act" and len(words) > 1 and not words[0].startswith("--"):
        rule = RULES.get(words[1])
        if rule is None:
            return [f"no case command {words[1]}"]
        fields = {field.alias or key for key, field in rule.model.model_fields.items()}
        wrong += [
            f"no field {one}" for one in (word.split("=")[0] for word in words[2:] if "=" in word) if one not in fields
        ]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_documented_commands_and_options_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line in [*lines(page, "huiyin "), *INLINE.findall(text)]:
        assert parameters(line) == [], line
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in [line.split()[1] for line in lines(page, "make ")] + re.findall(r"`make ([a-z-]+)", text):
        assert target in targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_documentation_links_resolve(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, target


def test_manual_references_in_code_exist() -> None:
    for source in ("shared", "services", "deploy"):
        for path in (ROOT / source).rglob("*.py"):
            for page in re.findall(r"docs/[\w-]+\.md", path.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{path}: {page}"


def test_translations_have_same_commands_and_length() -> None:
    english, chinese = (SHELL.findall(page.read_text(encoding="utf-8")) for page in TWINS)
    assert english == chinese
    for page in TWINS:
        assert len(page.read_text(encoding="utf-8").splitlines()) < 200


@pytest.mark.parametrize(("page", "table"), TABLES, ids=lambda one: one.replace("/", "-"))
def test_documentation_tables_are_current(page: str, table: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == renewed(text, table, TABLES[page, table]()), "run: python -m tests.support.make_docs"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("docs")
    with server(folder / "data") as found:
        yield found, folder


@pytest.mark.slow
@pytest.mark.parametrize("page", WALKS)
def test_documented_commands_work_as_written(
    running: tuple[Server, Path], page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, beside a running server, in a folder that holds an export. `make` and `huiyin serve` are tried elsewhere.

    Those of the README run in a shell, each from nothing; of the other page only what a shell has to understand."""
    found, folder = running
    monkeypatch.chdir(folder)
    shutil.copy(EXPORT, folder / "complaints.csv")
    environment = {**clean_environment(), "HUIYIN_DATA": str(folder / "data")}
    setup = lines(ROOT / page, "key()")
    for line in lines(ROOT / page):
        if not line.startswith(("huiyin ", "curl ", "python3 ", "printf ")):
            continue
        if page != WALKS[0] and line.startswith("huiyin ") and not SHELL_SIGNS & set(line):
            done = huiyin(*shlex.split(line)[1:], HUIYIN_DATA=str(folder / "data"))
        else:
            text = "\n".join([*setup, line.replace("http://127.0.0.1:8080", found.url)])
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", text],
                env=environment, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if line.startswith("curl ") and done.stdout.startswith("{"):
            assert "urn:huiyin:problem" not in done.stdout, done.stdout
        if "--suggest" in line:
            mapping = folder / shlex.split(line)[-1]
            text = mapping.read_text(encoding="utf-8")
            mapping.write_text(text + "\njurisdiction: cn-demo\n", encoding="utf-8")
            assert mappings.load(mapping).jurisdiction == "cn-demo"
