"""`huiyin import` and `huiyin stats`: their options. The code behind them is imported on use, since it needs DuckDB and
Arrow."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from deploy.cli import output as terminal
from deploy.cli.client import run
from deploy.cli.options import As, AsJson, Data, Output
from shared.kernel.settings import load

Format = Literal["table", "csv", "xlsx", "parquet", "json"]
Lang = Literal["zh", "en"]


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL or XLSX, also .gz", exists=True, dir_okay=False)],
    mapping: Annotated[Path | None, typer.Option(help="Mapping file: the meaning of each column")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Jurisdiction, if the mapping does not name it")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what an import would do, show three rows, import nothing")
    ] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Write a first mapping")] = False,
    go_live: Annotated[bool, typer.Option("--go-live", help="Continue to handle open cases in this system")] = False,
    rejects: Annotated[Path | None, typer.Option(help="File for rejected rows and their reasons")] = None,
    zone: Annotated[str, typer.Option(help="Time zone for --suggest")] = "Asia/Shanghai",
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Import the export of another system. A repeated import adds nothing; an interrupted one continues."""
    from deploy.cli.import_run import ImportOptions, run_import

    state = None if os.environ.get("HUIYIN_URL") else load(data=data).data / "imports"
    options = ImportOptions(file, mapping, jurisdiction, dry_run, suggest, go_live, rejects, zone, state)
    nothing_yet = state is not None and not (state.parent / "log.sqlite").exists()
    if suggest or (dry_run and nothing_yet):
        raise typer.Exit(asyncio.run(run_import(None, options)))
    run(lambda client: run_import(client, options), data, as_=as_ or "operations", create=not dry_run)


def stats(
    period: Annotated[str, typer.Option(help="all, 2025, 2025-Q1, 2025-03, or FROM..TO")] = "all",
    by: Annotated[str, typer.Option(help="Groups, with commas: organisation, place, subject, channel, month, …")] = "",
    compare: Annotated[str, typer.Option(help="month, year")] = "",
    measures: Annotated[str, typer.Option(help="Only these figures, separated by commas")] = "",
    as_of: Annotated[str | None, typer.Option(help="The figures as they were known at that time")] = None,
    format: Annotated[Format, typer.Option(help="table, csv, xlsx, parquet, json")] = "table",
    output: Output = None,
    lang: Annotated[
        Lang | None, typer.Option(help="Language of the names and headings. Default: zh", envvar="HUIYIN_LANG")
    ] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Print statistics, each with numerator, denominator and the number of unknown cases."""
    from deploy.cli.stats import StatsOptions, run_stats

    options = StatsOptions(
        period, by, compare, measures, as_of, "json" if json else format, output, lang or terminal.language() or "zh"
    )
    run(lambda client: run_stats(client, options, terminal.out), data, as_=as_ or "operations")
