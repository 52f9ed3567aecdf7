"""`huiyin migrate`: from one mode to the other."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.folder import FolderProblem
from deploy.moving import move
from deploy.stores import StoreProblem
from shared.cli import showing
from shared.cli.options import AsJson
from shared.cli.showing import REFUSED
from shared.refusals import Refused
from shared.settings import load


def migrate(
    from_: Annotated[str, typer.Option("--from", help="A data folder, or `mongodb`: the database of the settings")],
    to: Annotated[str, typer.Option("--to", help="The other one; empty, or half filled by this command")],
    json: AsJson = False,
) -> None:
    """Carry log and keys from a data folder to MongoDB, or back. Killed, it goes on where it stopped."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=showing.err, transient=True, disable=json) as progress:
            bar = progress.add_task("events 事件", total=None)
            found = asyncio.run(
                move(from_, to, load(), lambda done, whole: progress.update(bar, completed=done, total=whole))
            )
    except Refused as error:
        showing.complain(error.why)
        raise typer.Exit(REFUSED) from None
    except (FolderProblem, StoreProblem) as error:
        showing.complain(str(error))
        raise typer.Exit(REFUSED) from None
    if json:
        showing.as_json(found)
    else:
        showing.fields(found.items())
