"""Help and errors of use in Chinese. The texts are a Babel catalogue, `locale/zh/help.po`, whose ids are the English texts.

Help is in the language of `--lang` or HUIYIN_LANG; without one in Chinese where the locale of the shell is Chinese, otherwise in
English. A text without a translation is shown in English; a test finds it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from importlib.resources import files
from typing import Any

from typer._click.exceptions import NoArgsIsHelpError, UsageError

from deploy.cli import output as terminal

_MARKS = {
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commands",
    "ERRORS_PANEL_TITLE": "Error",
    "ABORTED_TEXT": "Aborted.",
    "DEFAULT_STRING": "[default: {}]",
    "ENVVAR_STRING": "[env var: {}]",
    "REQUIRED_LONG_STRING": "[required]",
    "RICH_HELP": "Try [blue]'{command_path} {help_option}'[/] for help.",
}
"""Constant of `typer.rich_utils` -> its text."""
_SENTENCES: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern, re.DOTALL), chinese)
    for pattern, chinese in (
        (r"No such command (.*?)\. Did you mean (.*)\?", r"没有命令 \1。相近的有：\2。"),
        (r"No such command (.*)\.", r"没有命令 \1。"),
        (r"No such option: (\S+) \(Possible options: (.*)\)", r"没有选项 \1。相近的有：\2。"),
        (r"No such option: (\S+).*", r"没有选项 \1。"),
        (r"Missing command\.", "请填写命令。"),
        (r"Missing argument (\S+)\.", r"缺少参数 \1。"),
        (r"Missing option (.*?)\.", r"缺少选项 \1。"),
        (r"Got unexpected extra argument\(s\) \((.*)\)", r"参数过多：\1。"),
        (r"Option (\S+) requires .*", r"选项 \1 须带一个值。"),
        (r"Option (\S+) does not take a value\.", r"选项 \1 不带值。"),
        (r"Invalid value for (.+?): (.*) is not in the range (.*)\.", r"\1 的值 \2 超出范围 \3。"),
        (r"Invalid value for (.+?): (.*) is not a valid int.*\.", r"\1 的值 \2 不是整数。"),
        (r"Invalid value for (.+?): (.*) is not a valid float.*\.", r"\1 的值 \2 不是数字。"),
        (r"Invalid value for (.+?): (.*) is not one of (.*)\.", r"\1 的值 \2 无效，可用的值：\3。"),
        (r"Invalid value for (.+?): .*", r"\1 的值无效。"),
    )
]
"""English errors of use, as Typer writes them -> the Chinese."""


def choose_language(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Take the language from the whole command line, so that `--help --lang zh` and `--lang zh --help` are the same."""
    found = environment.get("HUIYIN_LANG")
    for place, one in enumerate(arguments):
        if one == "--":
            break
        if one.startswith("--lang="):
            found = one.removeprefix("--lang=")
        elif one == "--lang" and place + 1 < len(arguments):
            found = arguments[place + 1]
    if found in ("zh", "en"):
        terminal.use_language("zh" if found == "zh" else "en")


def in_chinese() -> bool:
    """True if help is shown in Chinese."""
    if terminal.language() is not None:
        return terminal.language() == "zh"
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return locale.startswith("zh")


@cache
def texts() -> Mapping[str, str]:
    """English text -> Chinese text."""
    from babel.messages.pofile import read_po

    with (files(__package__) / "locale" / "zh" / "help.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale="zh") if one.id and one.string}


def chinese(english: str) -> str:
    """The Chinese of a text of the catalogue, whatever its line breaks; the English if there is none."""
    return texts().get(english) or texts().get(" ".join(english.split()), english)


def shown(english: str) -> str:
    """A text of the catalogue in the language of the help."""
    return chinese(english) if english and in_chinese() else english


def told(english: str) -> str:
    """A text of the catalogue as an answer: in the chosen language, or in both."""
    if not english or terminal.language() == "en":
        return english
    return terminal.told(chinese(english), english) if chinese(english) != english else english


def translate(command: Any) -> None:
    """Show the help of a command and of its options in the language of the help."""
    _set_marks()
    if not in_chinese():
        return
    if command.help:
        command.help = chinese(command.help)
    parameters: Callable[[Any], list[Any]] = command.get_params
    usage: Callable[[Any], str] = command.get_usage

    def in_words(ctx: Any) -> list[Any]:
        found = parameters(ctx)
        for one in found:
            if getattr(one, "help", None):
                one.help = chinese(one.help)
        return found

    command.get_params = in_words
    command.get_usage = lambda ctx: usage(ctx).replace("Usage: ", chinese("Usage: "), 1)


def _set_marks() -> None:
    """The headings of Typer's help in the language of the help. Its module is loaded by the first help only."""
    if not in_chinese() and "typer.rich_utils" not in sys.modules:
        return
    from typer import rich_utils

    make_text: Callable[..., Any] = getattr(rich_utils._make_rich_text, "__wrapped__", rich_utils._make_rich_text)

    @wraps(make_text)
    def folding(**given: Any) -> Any:
        """A text that is broken where the line ends: a long Chinese sentence has no blanks, and would be cut."""
        text = make_text(**given)
        text.overflow = "fold"
        return text

    setattr(rich_utils, "_make_rich_text", folding if in_chinese() else make_text)  # noqa: B010
    for constant, english in _MARKS.items():
        setattr(rich_utils, constant, shown(english))


def chinese_sentence(english: str) -> str:
    """The Chinese of an error of use; empty if there is none.

    >>> chinese_sentence("Missing argument 'ID'."), chinese_sentence("No such command 'lst'. Did you mean 'list'?")
    ("缺少参数 'ID'。", "没有命令 'lst'。相近的有：'list'。")
    """
    for pattern, sentence in _SENTENCES:
        found = pattern.fullmatch(english.strip())
        if found:
            return found.expand(sentence)
    return ""


@contextmanager
def explained() -> Iterator[None]:
    """Errors of use in the chosen language, or in both."""
    try:
        yield
    except NoArgsIsHelpError:
        raise
    except UsageError as error:
        english = error.format_message()
        found = chinese_sentence(english)
        message = terminal.told(found, english, "\n") if found else english
        error.format_message = lambda: message  # type: ignore[method-assign]
        raise
