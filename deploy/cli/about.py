"""`huiyin settings | version`: the settings and the release of this program."""

from __future__ import annotations

from deploy.cli import output as terminal
from deploy.cli.help_language import told
from deploy.cli.options import AsJson, Data
from deploy.cli.output import WRONG_USE
from shared.kernel.settings import load, shown, wrong_names
from shared.kernel.version import VERSION

_SOURCES = {"default": "默认", "environment": "环境变量", "command line": "命令行"}


def settings(data: Data = None, json: AsJson = False) -> None:
    """Show every setting with its meaning, its value (secrets masked) and its source."""
    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        lines = shown(load(data=data), frozenset({"data"}) if data is not None else frozenset())
    unknown = wrong_names()
    if json:
        terminal.as_json({"settings": [line._asdict() for line in lines], "unknown": unknown})
    else:
        for line in lines:
            name, value, source, meaning = line
            terminal.line(f"{name}  {value}  ({terminal.told(_SOURCES.get(source, source), source)})", style="bold")
            terminal.indented(told(meaning))
        for name in unknown:
            terminal.note(f"note: {name}")


def version(json: AsJson = False) -> None:
    """Show the release of this program."""
    terminal.answer({"version": VERSION}, lambda _: terminal.line(VERSION))
