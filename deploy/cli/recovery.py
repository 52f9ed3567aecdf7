"""`huiyin rebuild --from topic`: recover a lost log of the full mode from Kafka."""

from __future__ import annotations

from pathlib import Path

import typer

from deploy.cli import output as terminal
from deploy.cli.migrate import run_copy
from deploy.cli.output import REFUSED, WRONG_USE
from deploy.modes.distributed import CannotStart
from deploy.storage.data_folder import FolderProblem
from deploy.transfer.from_topic import rebuild_from_topic
from shared.eventstore.errors import StoreBroken, StoreUnavailable
from shared.hosting.log_format import configure
from shared.kernel.settings import load


def from_topic(data: Path | None) -> None:
    """Recover the log. Exits with 1 if something on the topic could not be made a commit of the log."""
    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        settings = load(data=data)
    configure("error")
    problems = (CannotStart, FolderProblem, StoreUnavailable, StoreBroken)
    found = run_copy("records 记录", lambda on_progress: rebuild_from_topic(settings, on_progress), *problems)
    terminal.answer(found, terminal.fields)
    if found["left_out"]:
        raise typer.Exit(REFUSED)
