"""Printing for people (tables with aligned Chinese) and for programs (`--json`)."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.kernel.plain_text import visible_controls

DONE, REFUSED, WRONG_USE = 0, 1, 2
"""Exit codes of every command."""
_WIDE = None if sys.stdout.isatty() else 180
"""Width in columns of a table that is written to a file or a pipe."""
out = Console(highlight=False, width=_WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_as_json = False


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


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "", whole: int = 0) -> None:
    """Print a table. The first `whole` columns are never wrapped; the others are in a narrow terminal."""
    grid = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        grid.add_column(column, overflow="fold", no_wrap=place < whole)
    for row in rows:
        grid.add_row(*(_text("" if value is None else str(value)) for value in row))
    out.print(grid)


def fields(pairs: Iterable[tuple[str, Any]] | Mapping[str, Any]) -> None:
    """Print names and values; empty values are left out."""
    grid = Table(show_header=False, box=None, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
        if value not in (None, "", [], {}):
            grid.add_row(_text(name), _text(str(value)))
    out.print(grid)


def note(text: str) -> None:
    """Print a remark to standard error."""
    err.print(_text(text))


def complain(why: str, why_zh: str | None = None, **more: Any) -> None:
    """Print to standard error what is wrong; with `--json`, print it as an object. `more`: further fields, as `code`."""
    if _as_json:
        as_json({"code": "command_line", "detail": why, "detail_zh": why_zh or why, **more})
        return
    note(why)
    if why_zh:
        note(why_zh)


def stop(why: str, why_zh: str | None = None, exit_code: int = WRONG_USE, **more: Any) -> NoReturn:
    """Print what is wrong, as complain() does, and end the command."""
    complain(why, why_zh, **more)
    raise typer.Exit(exit_code)


@contextmanager
def stopping(*errors: type[Exception], why_zh: str | None = None, exit_code: int = REFUSED) -> Iterator[None]:
    """End the command with the text of an error if one of `errors` is raised."""
    try:
        yield
    except errors as error:
        stop(str(error), why_zh, exit_code)


def both(english: str, chinese: str | None) -> str:
    """English and Chinese on one line; a server of another release may not send the Chinese."""
    return f"{english} {chinese}" if chinese else english


def problem(content: Mapping[str, Any]) -> None:
    """Print a refusal of the API: the reason, the wrong fields, and the commands that are possible."""
    if _as_json:
        as_json(content)
        return
    note(f"{content.get('code')}: {content.get('detail')}")
    if content.get("detail_zh"):
        note(str(content["detail_zh"]))
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


def named(value: Any) -> str:
    """`name (code)` of an organisation, place or subject."""
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    return f"{value['name']} ({value['code']})" if value.get("name") else str(value["code"])
