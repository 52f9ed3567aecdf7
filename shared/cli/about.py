"""`huiyin settings | version`: what this process would run with."""

from __future__ import annotations

import typer

from shared.cli import showing
from shared.cli.options import AsJson, Data
from shared.cli.showing import WRONG_USE
from shared.settings import load, shown, wrong_names
from shared.version import VERSION


def settings(data: Data = None, json: AsJson = False) -> None:
    """Every setting with its meaning, its value (secrets masked) and where it comes from."""
    try:
        loaded = load(data=data)
    except ValueError as error:
        showing.complain(str(error))
        raise typer.Exit(WRONG_USE) from None
    lines = shown(loaded, frozenset({"data"}) if data is not None else frozenset())
    if json:
        showing.as_json({"settings": [line._asdict() for line in lines], "unknown": wrong_names()})
    else:
        showing.table("", ("name 名称", "value 值", "source 来源", "meaning 含义"), lines)
        for name in wrong_names():
            showing.err.print(f"note: {name}")


def version(json: AsJson = False) -> None:
    """Which release this is."""
    if json:
        showing.as_json({"version": VERSION})
    else:
        showing.line(VERSION)
