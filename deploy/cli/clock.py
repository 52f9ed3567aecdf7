"""`huiyin clock status | accept`: whether the running server trusts the system clock, and confirming the clock."""

from __future__ import annotations

from pathlib import Path

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import call, run
from deploy.cli.local_words import at, wording
from deploy.cli.options import AsJson, Data
from deploy.cli.output import DONE, REFUSED

group = typer.Typer(help="The clock that deadlines depend on", no_args_is_help=True)


@group.command("status")
def status(data: Data = None, json: AsJson = False) -> None:
    """Show the time of the server, and whether deadlines fire. Exits with 1 while they do not."""
    _clock("GET", "/local/clock", data)


@group.command("accept")
def accept(data: Data = None, json: AsJson = False) -> None:
    """Confirm that the system clock is right. Deadlines fire again, also those that became due meanwhile. Check the time
    first. Exits with 1 if it differs from the time of MongoDB, which cannot be overruled."""
    _clock("POST", "/local/clock:accept", data)


def _clock(method: str, path: str, data: Path | None) -> None:
    async def work(client: httpx.AsyncClient) -> int:
        found = await call(client, method, path)
        paused = found["paused"]
        if terminal.wants_json():
            terminal.as_json(found)
        else:
            now = at(found["now"], (await wording(client, ())).zone())
            deadlines = f"paused 暂停: {paused}" if paused else "fire 正常计时"
            terminal.fields({"now 现在": now, "deadlines 时限": deadlines, "jumps 跳变次数": found["jumps"]})
        return REFUSED if paused else DONE

    run(work, data)
