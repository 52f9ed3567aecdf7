"""`huiyin import` and `huiyin stats`: bulk in, figures out."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import call, run
from shared.cli.options import As, AsJson, Data
from shared.settings import load

# The modules that carry these out are imported when they are needed: they bring DuckDB and Arrow with them.
Format = Literal["table", "csv", "xlsx", "json"]
Lang = Literal["zh", "en"]


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL or XLSX, also .gz", exists=True, dir_okay=False)],
    mapping: Annotated[Path | None, typer.Option(help="Mapping file: which column means what")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Jurisdiction, where the mapping does not name it")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything, show three rows, send nothing")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Write a first mapping")] = False,
    go_live: Annotated[bool, typer.Option("--go-live", help="Open cases are worked on here from now on")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Where bad rows go, with their reasons")] = None,
    zone: Annotated[str, typer.Option(help="Time zone for --suggest")] = "Asia/Shanghai",
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Bring in another system's export. The same file again adds nothing; interrupted, it goes on where it stopped."""
    from shared.cli.importing import ImportOptions, run_import

    options = ImportOptions(
        file=file,
        mapping=mapping,
        jurisdiction=jurisdiction,
        dry_run=dry_run,
        suggest=suggest,
        go_live=go_live,
        rejects=rejects,
        json=json,
        zone=zone,
        state=None if os.environ.get("HUIYIN_URL") else load(data=data).data / "imports",
    )

    async def work(client: httpx.AsyncClient) -> int:
        if options.jurisdiction is None and not (dry_run or suggest):
            return await run_import(client, replace(options, jurisdiction=await _only_one(client, mapping)))
        return await run_import(client, options)

    run(work, data, as_=as_ or "operations", create=True, connect=not (dry_run or suggest))


async def _only_one(client: httpx.AsyncClient, mapping: Path | None) -> str | None:
    """The jurisdiction of an import that names none: the only one that is active."""
    from services.intake.importing import mapping_file as mappings
    from services.intake.importing.problems import MappingError

    try:
        named = mappings.load(mapping).jurisdiction if mapping is not None else None
    except MappingError:  # run_import says what is wrong
        return None
    if named is not None:
        return named
    found: Any = await call(client, "GET", "/v1/policies")
    codes = [one["jurisdiction"] for one in found["policies"]]
    return codes[0] if len(codes) == 1 else None


def stats(
    period: Annotated[str, typer.Option(help="all, 2025, 2025-Q1, 2025-03, or FROM..TO")] = "all",
    by: Annotated[
        str, typer.Option(help="Groups, separated by commas: organisation, place, subject, channel, month, …")
    ] = "",
    compare: Annotated[str, typer.Option(help="month, year")] = "",
    measures: Annotated[str, typer.Option(help="Only these figures")] = "",
    as_of: Annotated[str | None, typer.Option(help="What was true and known then")] = None,
    format: Annotated[Format, typer.Option(help="table, csv, xlsx, json")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File instead of the terminal")] = None,
    lang: Annotated[Lang, typer.Option(help="zh or en")] = "zh",
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Figures: on time, elapsed time, participation, satisfaction, each with numerator, denominator and unknown."""
    from shared.cli.stats import StatsOptions, run_stats

    options = StatsOptions(
        period=period,
        by=by,
        compare=compare,
        measures=measures,
        as_of=as_of,
        format="json" if json else format,
        output=output,
        lang=lang,
    )

    async def work(client: httpx.AsyncClient) -> int:
        return await run_stats(client, options, showing.out)

    run(work, data, as_=as_ or "operations")
