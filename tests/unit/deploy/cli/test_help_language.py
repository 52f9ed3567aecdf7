"""Help in Chinese: every text of the command line has its translation, and an error of use is said in the chosen language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from rich.cells import cell_len
from typer.testing import CliRunner

from deploy.cli import help_language
from deploy.cli import output as terminal
from deploy.cli.act_file import known_rules
from deploy.cli.help_language import chinese_sentence, choose_language, texts
from deploy.cli.main import COMMANDS, app
from shared.kernel.settings import Settings

CHINESE = re.compile("[\u3400-\u9fff]")
WIDTH = 80


@pytest.fixture(autouse=True)
def no_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setattr(terminal, "_language", None)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "HUIYIN_LANG"):
        monkeypatch.delenv(name, raising=False)
    yield


def descriptions(schema: Any) -> Iterator[str]:
    """The descriptions inside a JSON schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str):
            yield schema["description"]
        for inner in schema.values():
            yield from descriptions(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from descriptions(inner)


def helps(command: Any) -> Iterator[str]:
    """The help of a command, of its options and of the commands inside it."""
    yield command.help or ""
    for parameter in command.params:
        yield getattr(parameter, "help", None) or ""
    for name in list(getattr(command, "commands", {})):
        yield from helps(command.commands[name])


def every_text() -> set[str]:
    found = set(helps(typer.main.get_group(app))) | {later.help for later in COMMANDS.values()}
    for rule in known_rules().values():
        found |= set(descriptions({**rule.model.model_json_schema(), "description": None}))
    found |= {field.description or "" for field in Settings.model_fields.values()}
    return {" ".join(one.split()) for one in found} - {""}


def test_every_text_of_the_command_line_has_its_chinese_and_no_translation_is_left_over() -> None:
    translated = texts()
    every = every_text()
    assert sorted(one for one in every if not CHINESE.search(translated.get(one, ""))) == []
    of_typer = {
        "Usage: ",
        "Show this message and exit.",
        "Missing command.",
        "(deprecated) ",
        *help_language._MARKS.values(),
    }
    assert sorted(set(translated) - every - of_typer) == []


def paths() -> list[list[str]]:
    group = typer.main.get_group(app)
    return [[], *([name] for name in COMMANDS)] + [
        [name, inner] for name in COMMANDS for inner in getattr(group.commands[name], "commands", {})
    ]


def test_every_help_in_chinese_fits_80_columns_and_is_cut_nowhere() -> None:
    terminal.use_language("zh")
    for path in paths():
        shown = CliRunner().invoke(app, [*path, "--help"])
        assert shown.exit_code == 0, path
        assert [line for line in shown.output.splitlines() if cell_len(line.rstrip()) > WIDTH] == [], path
        assert "用法：" in shown.output, path
        assert "显示版本并退出" in shown.output, path
        assert "…" not in shown.output.replace("wh_…", "").replace("https://…", ""), path


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        (["submit", "--help", "--lang", "zh"], {}, "zh"),
        (["--lang=zh", "submit", "--help"], {}, "zh"),
        (["submit", "--lang", "en"], {"HUIYIN_LANG": "zh"}, "en"),
        (["submit", "--help"], {"HUIYIN_LANG": "zh"}, "zh"),
        (["submit", "--help"], {}, None),
        (["submit", "--lang"], {}, None),
        (["submit", "--", "--lang", "zh"], {}, None),
        (["submit", "--lang", "fr"], {}, None),
    ],
)
def test_language_is_taken_from_the_whole_command_line(
    arguments: list[str], environment: dict[str, str], language: str | None
) -> None:
    choose_language(arguments, environment)
    assert terminal.language() == language


@pytest.mark.parametrize(("locale", "usage"), [("zh_CN.UTF-8", "用法："), ("en_GB.UTF-8", "Usage:"), ("C", "Usage:")])
def test_help_follows_the_locale_of_the_shell(monkeypatch: pytest.MonkeyPatch, locale: str, usage: str) -> None:
    monkeypatch.setenv("LANG", locale)
    assert usage in CliRunner().invoke(app, ["submit", "--help"]).output


@pytest.mark.parametrize(
    ("path", "english", "chinese"),
    [
        (["sumbit"], "No such command 'sumbit'. Did you mean 'submit'?", "没有命令 'sumbit'。相近的有：'submit'。"),
        (["case", "lst"], "No such command 'lst'.", "没有命令 'lst'。"),
        (["submit", "--plac", "x"], "No such option: --plac", "没有选项 --plac。"),
        (["case", "show"], "Missing argument 'ID'.", "缺少参数 'ID'。"),
        (
            ["case", "list", "--limit", "900"],
            "900 is not in the range 1<=x<=200.",
            "'--limit' 的值 900 超出范围 1<=x<=200。",
        ),
        (["case", "list", "--limit", "x"], "'x' is not a valid int", "'--limit' 的值 'x' 不是整数。"),
        (["digest", "lg"], "'lg' is not one of", "'which' 的值 'lg' 无效，可用的值："),
        (["submit", "--place"], "Option '--place' requires an argument.", "选项 '--place' 须带一个值。"),
        (["verify", "x"], "Got unexpected extra argument(s) (x)", "参数过多：x。"),
        (["verify", "--json=1"], "Option '--json' does not take a value.", "选项 '--json' 不带值。"),
    ],
)
def test_error_of_use_is_said_in_the_chosen_language_or_in_both(path: list[str], english: str, chinese: str) -> None:
    both = CliRunner().invoke(app, path)
    assert both.exit_code == 2
    assert english in both.output
    assert chinese in both.output
    terminal.use_language("zh")
    shown = CliRunner().invoke(app, path).output
    assert chinese in shown
    assert english not in shown


def test_a_sentence_that_is_not_known_has_no_chinese() -> None:
    assert chinese_sentence("Something else.") == ""
