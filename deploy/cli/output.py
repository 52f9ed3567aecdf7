"""Printing for people (tables with aligned Chinese) and for programs (`--json`)."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, NoReturn

import orjson
import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.kernel.plain_text import visible_controls
from shared.kernel.wording import with_words

for _name in ("stdout", "stderr"):
    if getattr(sys, _name) is None:  # closed by the shell, as with `>&-`
        setattr(sys, _name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
DONE, REFUSED, WRONG_USE = 0, 1, 2
"""Exit codes of every command."""
_WIDE = None if sys.stdout.isatty() else 180
"""Width in columns of a table that is written to a file or a pipe."""
out = Console(highlight=False, width=_WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_as_json = False
_CHINESE = re.compile(r"[\u3400-\u9fff]")
Language = Literal["zh", "en"]
_language: Language | None = None
COLUMNS = 80
"""Width of a list that is written to a file or a pipe."""


def never_fail_to_print() -> None:
    """Where the locale of the shell lacks a character (ASCII, GBK), write its code point: no command stops because of that."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def use_language(language: Language | None) -> None:
    """Print only this language from now on; None: both."""
    global _language  # noqa: PLW0603
    if language is not None:
        _language = language


def language() -> Language | None:
    """The language that was chosen; None: both are printed."""
    return _language


def told(zh: str, en: str, between: str = " ") -> str:
    """A text in the chosen language, or in both."""
    if _language is None:
        return f"{zh}{between}{en}"
    return zh if _language == "zh" else en


def heading(text: str) -> str:
    """A heading such as `number 编号` in the chosen language. One without Chinese stays as it is.

    >>> use_language("en"); heading("due, subject, place 期限、事项、属地"), heading("v")
    ('due, subject, place', 'v')
    >>> globals().update(_language=None)
    """
    found = _CHINESE.search(text)
    if _language is None or found is None:
        return text
    english = text[: found.start()].rstrip()
    return (english or text) if _language == "en" else text[found.start() :]


def use_json(wanted: bool) -> None:
    """Set whether this process prints JSON."""
    global _as_json  # noqa: PLW0603
    _as_json = wanted


def wants_json() -> bool:
    """True if `--json` was given."""
    return _as_json


def as_json(content: Any) -> None:
    """Print `content` as indented JSON."""
    print(escaped(orjson.dumps(content, option=orjson.OPT_INDENT_2, default=str).decode()))


def answer(content: Any, show: Callable[[Any], object]) -> None:
    """Print an answer: as JSON with `--json`, otherwise with `show`."""
    if _as_json:
        as_json(content)
    else:
        show(content)


def _text(text: str, **style: Any) -> Text:
    """Text as it is printed: never as markup, and without characters that move the cursor or turn the direction of the line."""
    return Text(visible_controls(text), **style)


def escaped(json: str) -> str:
    """JSON with format characters written as \\u escapes: the same value, which a terminal shows as it is stored."""
    return "".join(
        one if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cf", "Zl", "Zp") else _escape(one)
        for one in json
    )


def _escape(one: str) -> str:
    units = one.encode("utf-16-be")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def line(text: str, **style: Any) -> None:
    """Print a line for people; values are never read as markup."""
    out.print(_text(text, **style), soft_wrap=True)


def indented(text: str) -> None:
    """Print a paragraph for people, indented, and broken where the line ends."""
    out.print(Padding(_text(text), (0, 0, 0, 4)))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "", whole: int = 0, width: int | None = None
) -> None:
    """Print a table. The first `whole` columns are never wrapped; the others are in a narrow terminal."""
    head = f"\n{heading(title.lstrip())}" if title.startswith("\n") else heading(title)
    grid = Table(title=head or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        grid.add_column(heading(column), overflow="fold", no_wrap=place < whole)
    for row in rows:
        grid.add_row(*(_text("" if value is None else str(value)) for value in row))
    out.print(grid, width=width)
    if not grid.row_count:  # beside the table, so that a program reads the same
        err.print(told("（没有内容）", "(none)"), style="dim")


def list_width() -> int:
    """Columns of a list: of the terminal, and 80 in a file or a pipe."""
    return out.width if sys.stdout.isatty() else COLUMNS


@contextmanager
def working(english: str, chinese: str) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how far a long command is, in per cent, and for how long it works; elsewhere nothing. Gives a function
    that takes the share that is done, from 0 to 1."""
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )  # long commands only

    shown = (TextColumn("{task.description}"), BarColumn(24), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*shown, console=err, transient=True, disable=not shows_progress()) as bar:
        task = bar.add_task(told(chinese, english), total=1.0)
        yield lambda share: bar.update(task, completed=share)


def shows_progress() -> bool:
    """True if progress is shown: on a terminal, without `--json`."""
    return not _as_json and sys.stderr.isatty()


def fields(pairs: Iterable[tuple[str, Any]] | Mapping[str, Any]) -> None:
    """Print names and values; empty values are left out."""
    grid = Table(show_header=False, box=None, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        if value not in (None, "", [], {}):
            grid.add_row(_text(heading(name)), _text(str(value)))
    out.print(grid)


def note(text: str) -> None:
    """Print a remark to standard error."""
    err.print(_text(text))


def complain(why: str, why_zh: str | None = None, **more: Any) -> None:
    """Print to standard error what is wrong; with `--json`, print it as an object. `more`: further fields, as `code`."""
    if _as_json:
        as_json({"code": "command_line", "detail": why, "detail_zh": why_zh or why, **more})
        return
    if _language != "zh" or not why_zh:
        note(why)
    if why_zh and _language != "en":
        note(why_zh)


def stop(why: str, why_zh: str | None = None, exit_code: int = WRONG_USE, **more: Any) -> NoReturn:
    """Print what is wrong, as complain() does, and end the command."""
    complain(why, why_zh, **more)
    raise typer.Exit(exit_code)


@contextmanager
def stopping(*errors: type[Exception], why_zh: str | None = None, exit_code: int = REFUSED) -> Iterator[None]:
    """End the command with the text of an error if one of `errors` is raised; its Chinese is `why_zh`, or `zh` of the error."""
    try:
        yield
    except errors as error:
        stop(str(error), why_zh or getattr(error, "zh", None), exit_code)


def both(english: str, chinese: str | None) -> str:
    """English and Chinese on one line, or the chosen one; a server of another release may not send the Chinese."""
    if _language is None:
        return f"{english} {chinese}" if chinese else english
    return chinese if chinese and _language == "zh" else english


def problem(content: Mapping[str, Any]) -> None:
    """Print a refusal of the API: the reason, the wrong fields, and the commands that are possible."""
    if _as_json:
        as_json(content)
        return
    chinese = content.get("detail_zh")
    note(f"{content.get('code')}: {chinese if chinese and _language == 'zh' else content.get('detail')}")
    if chinese and _language is None:
        note(str(chinese))
    if int(content.get("status") or 0) >= 500 and content.get("request"):
        note(f"  request 请求编号: {content['request']}")
    for one in content.get("errors") or ():
        note(f"  {one['field']}: {both(one['problem'], one.get('problem_zh'))}")
    if content.get("state"):
        allowed = ", ".join(content.get("allowed") or ())
        note(f"  state 状态: {content['state']}; possible now 现在可以: {allowed}")


def findings(found: Iterable[Any], prefix: str = "", **content: Any) -> None:
    """Print what is wrong with a policy document; with `--json`, as `content` with the findings."""
    if _as_json:
        as_json({**content, "findings": [one.shown() for one in found]})
    else:
        for one in found:
            note(f"{prefix}{one}")


def coded(code: str | None) -> str:
    """A code in the chosen language: its Chinese word, the code, or both. Empty for None.

    >>> coded("met"), coded("no_such_code"), coded(None)
    ('按期 met', 'no_such_code', '')
    """
    both_ = with_words(code)
    if code is None or both_ == code or _language is None:
        return both_
    return code if _language == "en" else both_.removesuffix(f" {code}")


def stated(state: str, state_zh: str) -> str:
    """A state in the chosen language, or `中文 (state)`."""
    if _language is None:
        return f"{state_zh} ({state})"
    return state_zh if _language == "zh" else state


def named(value: Any) -> str:
    """`name (code)` of an organisation, place or subject."""
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    return f"{value['name']} ({value['code']})" if value.get("name") else str(value["code"])
