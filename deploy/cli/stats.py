"""`huiyin stats`: asks GET /v1/stats and prints the figures."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from deploy.cli import output as terminal
from deploy.cli.client import ProblemAnswer, check, refused
from deploy.cli.import_and_stats import Format, Lang
from deploy.cli.local_words import at, wording
from deploy.cli.options import given
from deploy.cli.output import DONE, WRONG_USE
from deploy.cli.text_files import write_private
from services.analytics.statistics.models import StatsResult
from services.analytics.statistics.render import as_csv, as_json, as_parquet, as_xlsx, print_table


@dataclass(frozen=True)
class StatsOptions:
    """As given on the command line; `by`, `compare` and `measures` are separated by commas."""

    period: str = "all"
    by: str = ""
    compare: str = ""
    measures: str = ""
    as_of: str | None = None
    format: Format = "table"
    output: Path | None = None
    """File to write. None: the terminal."""
    lang: Lang = "zh"


async def run_stats(client: httpx.AsyncClient, options: StatsOptions, console: Console | None = None) -> int:
    """Print or write the figures. Returns the exit code."""
    if options.format in ("xlsx", "parquet") and options.output is None and sys.stdout.isatty():
        terminal.complain(
            f"This format cannot be shown in a terminal; name a file: --output stats.{options.format}",
            f"该格式无法在终端显示，请指定文件：--output stats.{options.format}",
        )
        return WRONG_USE
    groups = {"period": options.period, "by": options.by, "compare": options.compare, "measures": options.measures}
    parameters = {name: value for name, value in groups.items() if value} | given(as_of=options.as_of)
    answer = await client.get("/v1/stats", params=parameters, timeout=None)
    try:
        check(answer)
    except ProblemAnswer as error:
        return refused(error)
    try:
        return await _shown(client, StatsResult.model_validate_json(answer.content), options, console)
    except OSError as error:
        if options.output is None or isinstance(error, BrokenPipeError):
            raise
        terminal.complain(
            f"{options.output} cannot be written: {error.strerror}. Name another file with --output.",
            "无法写入该文件，请用 --output 指定其他文件。",
        )
        return WRONG_USE


async def _shown(client: httpx.AsyncClient, result: StatsResult, options: StatsOptions, console: Console | None) -> int:
    if options.format == "xlsx":
        _write(options.output, as_xlsx(result, options.lang))
    elif options.format == "parquet":
        _write(options.output, as_parquet(result, options.lang))
    elif options.format == "csv":
        # A file without a byte order mark is read in the local encoding by spreadsheets, which garbles the Chinese.
        _write(options.output, as_csv(result, options.lang).encode("utf-8" if options.output is None else "utf-8-sig"))
    elif options.format == "json":
        _write(options.output, (as_json(result) + "\n").encode())
    else:
        zone = (await wording(client, ())).zone()
        result = result.model_copy(update={"now": at(result.now, zone)})
        if options.output is None:
            print_table(result, options.lang, console, terminal.list_width())
        else:
            text = io.StringIO()
            print_table(result, options.lang, Console(file=text, width=200))
            _write(options.output, text.getvalue().encode())
    return DONE


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        write_private(path, content)
        terminal.note(f"written 已写入: {path}")
