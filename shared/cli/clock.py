"""`huiyin clock status | accept`: whether the running server trusts the wall clock, and saying that it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, REFUSED, call, run
from shared.cli.options import AsJson, Data
from shared.cli.wording import at, wording

group = typer.Typer(help="The clock that deadlines fire by", no_args_is_help=True)


@group.command("status")
def status(data: Data = None, json: AsJson = False) -> None:
    """The time of the server, and whether deadlines fire. Ends with 1 while they do not."""
    _clock("GET", "/local/clock", data, json)


@group.command("accept")
def accept(data: Data = None, json: AsJson = False) -> None:
    """The wall clock is right now: deadlines fire again, what became due meanwhile at once. Look at the time first."""
    _clock("POST", "/local/clock:accept", data, json)


def _clock(method: str, path: str, data: Path | None, json: bool) -> None:
    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, method, path)
        if json:
            showing.as_json(found)
        else:
            paused = found["paused"]
            showing.fields(
                (
                    ("now 现在", at(found["now"], (await wording(client, ())).zone())),
                    ("deadlines 时限", f"paused 暂停: {paused}" if paused else "fire 正常计时"),
                    ("jumps 跳变次数", found["jumps"]),
                )
            )
        return REFUSED if found["paused"] else DONE

    run(work, data)
