"""`huiyin outbox replay`: an organisation that lost what it had gets it again."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, call, run
from shared.cli.options import AsJson, Data

group = typer.Typer(help="What organisations were told, in their topics", no_args_is_help=True)


@group.callback()
def outbox() -> None:
    """What organisations were told, in their topics."""


@group.command("replay")
def replay(
    org: Annotated[str, typer.Argument(help="Code of the organisation")],
    since: Annotated[
        str | None, typer.Option(help="Id of the first entry, or a date (2026-01-31); everything when left out")
    ] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put its entries into its topic once more, under the same ids, those too that the topic does not keep any more."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", f"/local/outbox/{org}:replay", json={"since": since})
        if json:
            showing.as_json(found)
        else:
            first, number = found["first"], found["entries"]
            showing.line(f"{org}: {number} entries go into its topic again, from {first} on. 重新送出 {number} 条。")
        return DONE

    run(work, data)
