"""`huiyin rebuild --from topic`: the log of the full mode was lost, and Kafka has it still."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.folder import FolderProblem
from deploy.from_topic import rebuild_from_topic
from deploy.full import CannotStart
from shared.cli import showing
from shared.cli.showing import REFUSED, WRONG_USE
from shared.log import LogAway, LogBroken
from shared.logs import configure
from shared.refusals import Refused
from shared.settings import load


def from_topic(data: Path | None, *, json: bool) -> None:
    """Ends with 1 where something on the topic could not be made a commit of the log."""
    try:
        settings = load(data=data)
    except ValueError as error:
        showing.complain(str(error))
        raise typer.Exit(WRONG_USE) from None
    configure("error")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=showing.err, transient=True, disable=json) as progress:
            bar = progress.add_task("records 记录", total=None)
            found = asyncio.run(
                rebuild_from_topic(settings, lambda done, whole: progress.update(bar, completed=done, total=whole))
            )
    except Refused as error:
        showing.complain(error.why)
        raise typer.Exit(REFUSED) from None
    except (CannotStart, FolderProblem, LogAway, LogBroken) as error:
        showing.complain(str(error))
        raise typer.Exit(REFUSED) from None
    if json:
        showing.as_json(found)
    else:
        showing.fields((name, value) for name, value in found.items() if value != [])
    if found["left_out"]:
        raise typer.Exit(REFUSED)
