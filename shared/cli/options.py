"""Options that every command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.showing import use_json


def _json(wanted: bool) -> bool:
    use_json(wanted)
    return wanted


Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder (or HUIYIN_DATA). Default: data", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs", callback=_json)]
As = Annotated[
    str | None,
    typer.Option(
        "--as", envvar="HUIYIN_AS", help="Act as ROLE or ROLE:ORG, as the owner of the folder", show_default=False
    ),
]
After = Annotated[int, typer.Option(help="Cursor: entries after this one")]
Most = Annotated[int, typer.Option("--limit", help="Most entries", min=1, max=200)]
Wait = Annotated[float, typer.Option(help="Seconds to wait for news", min=0, max=30)]


def turning(after: int, limit: int, wait: float) -> dict[str, int | float]:
    """The parameters of a page of entries, as every such route names them."""
    return {"after": after, "limit": limit, "wait": wait}
