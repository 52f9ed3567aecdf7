"""The terminal: every help and every list fits 80 columns in both languages, and every command has the options that all have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from deploy.cli import output as terminal
from deploy.cli.act_file import known_rules
from deploy.cli.command_help import command_names, show_fields
from deploy.cli.main import COMMANDS, app
from shared.policy.near_codes import near_codes

WIDTH = 80


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setattr(terminal, "_language", None)
    monkeypatch.setattr(terminal.out, "_width", WIDTH)
    yield


def too_wide(text: str) -> list[str]:
    """The lines that 80 columns do not hold, where a Chinese character takes two."""
    return [line for line in text.splitlines() if cell_len(line.rstrip()) > WIDTH]


def paths() -> list[list[str]]:
    """Every command with its group."""
    from deploy.cli.lazy_commands import Commands

    table = Commands(COMMANDS)
    found: list[list[str]] = [[]]
    for name in COMMANDS:
        found.append([name])
        found += [[name, inner] for inner in getattr(table[name], "commands", {})]
    return found


def test_every_help_fits_80_columns_and_names_the_common_options() -> None:
    runner = CliRunner()
    for path in paths():
        shown = runner.invoke(app, [*path, "--help"])
        assert shown.exit_code == 0, path
        assert too_wide(shown.output) == [], path
        assert "--lang" in shown.output, path
        assert "--version" in shown.output, path


@pytest.mark.parametrize("path", [["case", "list"], ["stats"], ["act"], ["policy", "show"], []])
def test_version_is_shown_everywhere(path: list[str]) -> None:
    shown = CliRunner().invoke(app, [*path, "--version"])
    assert shown.exit_code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", shown.output)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_help_of_every_command_on_a_case_fits_80_columns(
    language: terminal.Language, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.use_language(language)
    for name, rule in known_rules().items():
        show_fields(name)
        shown = capsys.readouterr().out
        assert name in shown
        assert too_wide(shown) == [], name
        for field, info in rule.model.model_fields.items():
            assert (info.alias or field)[:12] in shown.replace("\n", ""), (name, field)


def test_help_after_a_command_is_about_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    shown = CliRunner().invoke(app, ["act", "web:1", "decide", "--help"])
    assert shown.exit_code == 0
    text = shown.output + capsys.readouterr().out
    assert "not_supported" in text
    assert "execute_by" in text


def test_names_of_commands_are_completed() -> None:
    assert ("decide", known_rules()["decide"].zh) in command_names("dec")
    assert command_names("nothing") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    shown = CliRunner().invoke(app, ["completion", shell])
    assert shown.exit_code == 0
    assert "_HUIYIN_COMPLETE" in shown.output


def test_wrong_use_is_a_sentence_and_an_exit_code() -> None:
    runner = CliRunner()
    for path in (
        ["nothing"],
        ["case", "nothing"],
        ["case", "list", "--lang", "fr"],
        ["act", "web:1", "decid"],
        ["completion", "tcsh"],
    ):
        assert runner.invoke(app, path).exit_code == 2, path


NAMES = {"dh-yl": "杨柳街道", "dh": "东湖区", "0102": "房屋质量", "xs": "西山区"}


@pytest.mark.parametrize(
    ("given", "near"), [("dh-ly", "dh-yl"), ("杨柳", "dh-yl"), ("杨柳街", "dh-yl"), ("0120", "0102"), ("东湖", "dh")]
)
def test_misspelt_code_or_name_has_near_ones(given: str, near: str) -> None:
    assert near in near_codes(given, NAMES)


def test_nothing_is_near_to_something_else() -> None:
    assert near_codes("zzzz", NAMES) == []


@pytest.mark.parametrize("language", ["zh", "en", None])
def test_list_with_long_names_fits_80_columns(
    language: terminal.Language | None, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.use_language(language)
    row = (
        "2026-28HM-2W2M-A8VZ-Q",
        "C5 2026-11-20 超期",
        "已申请退回待核实",
        "示例市人力资源和社会保障局劳动保障监察支队, 拖欠工资, 茶田乡",
    )
    heads = ("number 编号", "due 期限", "state 状态", "unit, subject, place 单位、事项、属地")
    terminal.table(heads, [row] * 3, whole=2, width=WIDTH)
    shown = capsys.readouterr().out
    assert too_wide(shown) == []
    assert "2026-28HM-2W2M-A8VZ-Q" in shown


def test_tables_of_the_manuals_are_not_split_by_a_blank_line() -> None:
    for page in Path("docs").glob("*.md"):
        lines = page.read_text("utf-8").splitlines()
        for number, (before, blank, after) in enumerate(zip(lines, lines[1:], lines[2:], strict=False), 2):
            assert not (before.startswith("|") and not blank and after.startswith("|")), f"{page}:{number}"
