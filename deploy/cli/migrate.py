"""`huiyin migrate`: copy a data folder to MongoDB or back, that is, from one mode to the other."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.cli import output as terminal
from deploy.cli.options import AsJson
from deploy.cli.output import REFUSED, WRONG_USE
from deploy.storage.data_folder import FolderProblem
from deploy.storage.mongo_stores import StoreProblem
from deploy.transfer.between_modes import move
from shared.kernel.refusals import Refused
from shared.kernel.settings import load

OnProgress = Callable[[int, int | None], None]
"""Takes the number of items that are done, and the number of all items if it is known."""


def migrate(
    from_: Annotated[str, typer.Option("--from", help="A data folder, or `mongodb`: the database of the settings")],
    to: Annotated[str, typer.Option("--to", help="The other one; empty, or partly filled by this command")],
    json: AsJson = False,
) -> None:
    """Copy log and keys from a data folder to MongoDB, or back. An interrupted run continues."""
    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        settings = load()
    problems = (FolderProblem, StoreProblem)
    terminal.answer(
        run_copy("events 事件", lambda on_progress: move(from_, to, settings, on_progress), *problems), terminal.fields
    )


def run_copy(
    unit: str, copy: Callable[[OnProgress], Coroutine[Any, Any, dict[str, Any]]], *problems: type[Exception]
) -> dict[str, Any]:
    """Run a copy with a progress bar of its `unit`. Ends the command if it is refused or has one of the `problems`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = terminal.wants_json() or not sys.stderr.isatty()
    try:
        with (
            terminal.stopping(*problems),
            Progress(*columns, console=terminal.err, transient=True, disable=hidden) as progress,
        ):
            bar = progress.add_task(unit, total=None)
            return asyncio.run(copy(lambda done, whole: progress.update(bar, completed=done, total=whole)))
    except Refused as error:
        terminal.stop(error.detail, error.detail_zh, REFUSED)
