"""Printing for people (tables, Chinese aligned) and for programs (`--json`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

DONE, REFUSED, WRONG_USE = 0, 1, 2
_WIDE = None if sys.stdout.isatty() else 180
"""Columns of a table that goes into a file or a pipe."""
out = Console(highlight=False, width=_WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_as_json = False


class Problemed(Exception):
    """The server refused; `content` is its problem."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(str(content.get("code")))
        self.content = content


def use_json(wanted: bool) -> None:
    """Whether this process prints JSON."""
    global _as_json  # noqa: PLW0603
    _as_json = wanted


def wants_json() -> bool:
    return _as_json


def as_json(content: Any) -> None:
    print(orjson.dumps(content, option=orjson.OPT_INDENT_2, default=str).decode())


def line(text: str, **style: Any) -> None:
    """A line for people; values are never read as markup."""
    out.print(Text(text, **style), soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, whole: int = 0) -> None:
    """`whole`: so many columns from the left are never broken; the others give way in a narrow terminal."""
    grid = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        grid.add_column(column, overflow="fold", no_wrap=place < whole)
    for row in rows:
        grid.add_row(*(Text("" if value is None else str(value)) for value in row))
    out.print(grid)


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values; empty ones are left out."""
    grid = Table(show_header=False, box=None, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", [], {}):
            grid.add_row(Text(name), Text(str(value)))
    out.print(grid)


def complain(why: str, why_zh: str | None = None) -> None:
    """Say on standard error what is wrong."""
    if _as_json:
        as_json({"code": "command_line", "detail": why, "detail_zh": why_zh or why})
        return
    err.print(Text(why))
    if why_zh:
        err.print(Text(why_zh))


def both(english: str, chinese: str | None) -> str:
    """English and Chinese on one line; a server of another release may not say the Chinese."""
    return f"{english} {chinese}" if chinese else english


def problem(content: Mapping[str, Any]) -> None:
    """A refusal: what, why, which fields, what is possible instead."""
    if _as_json:
        as_json(content)
        return
    err.print(Text(f"{content.get('code')}: {content.get('detail')}"))
    if content.get("detail_zh"):
        err.print(Text(str(content["detail_zh"])))
    for one in content.get("errors") or ():
        err.print(Text(f"  {one['field']}: {both(one['problem'], one.get('problem_zh'))}"))
    if content.get("state"):
        err.print(
            Text(f"  state 状态: {content['state']}; possible now 现在可以: {', '.join(content.get('allowed') or ())}")
        )


def named(value: Any) -> str:
    """`code name` of an organisation, place or subject."""
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    return f"{value['name']} ({value['code']})" if value.get("name") else str(value["code"])
