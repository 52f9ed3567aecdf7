"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.cli.output import use_json

DESK = "registrar:local"
SUPERVISOR = "supervisor:local"
"""The roles that a command takes on when `--as` is not given."""


def _json(wanted: bool) -> bool:
    use_json(wanted)
    return wanted


Data = Annotated[Path | None, typer.Option("--data", help="Data folder (or HUIYIN_DATA). Default: data")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs", callback=_json)]
"""Takes effect when it is parsed: `terminal` then prints JSON. Commands need not read the value."""
As = Annotated[
    str | None, typer.Option("--as", envvar="HUIYIN_AS", help="Act as ROLE or ROLE:ORG, as the owner of the folder")
]
CaseId = Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")]
Organisation = Annotated[str, typer.Argument(help="Code of the organisation")]
Platform = Annotated[str, typer.Argument(help="Code of the platform")]
Where = Annotated[
    str | None, typer.Option("--jurisdiction", help="Code of the jurisdiction; needed if several have the name")
]
Jurisdiction = Annotated[str | None, typer.Option(help="Code; needed if the file does not name the jurisdiction")]
After = Annotated[str, typer.Option(help="Cursor: entries after this one")]
Cursor = Annotated[str | None, typer.Option("--after", help="Cursor from the previous page")]
Most = Annotated[int, typer.Option("--limit", help="Maximum number of entries", min=1, max=200)]
Wait = Annotated[float, typer.Option(help="Seconds to wait for new entries", min=0, max=30)]
Since = Annotated[str | None, typer.Option(help="Id of the first entry, or a date (2026-01-31). Default: everything")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File to write. Default: standard output")]


def given(**values: Any) -> dict[str, Any]:
    """The values that were given, without those that are None."""
    return {name: value for name, value in values.items() if value is not None}
