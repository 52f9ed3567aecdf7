"""`huiyin stats`: asks GET /v1/stats and prints the figures."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
from rich.console import Console

from services.analytics.answer import StatsResult
from services.analytics.render import Lang, as_csv, as_json, as_xlsx, print_table
from shared.cli import showing
from shared.cli.wording import at, wording

Format = Literal["table", "csv", "xlsx", "json"]
DONE, REFUSED, WRONG_USE = 0, 1, 2
_UNPROCESSABLE = 422


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
    """Where to write; None: to the terminal."""
    lang: Lang = "zh"


async def run_stats(client: httpx.AsyncClient, options: StatsOptions, console: Console | None = None) -> int:
    """Print or write the figures. 0: done; 1: refused; 2: wrong use."""
    if options.format == "xlsx" and options.output is None and sys.stdout.isatty():
        print("A workbook cannot be shown in a terminal; name a file: --output stats.xlsx", file=sys.stderr)
        return WRONG_USE
    asked = {"period": options.period, "by": options.by, "compare": options.compare, "measures": options.measures}
    parameters = {name: value for name, value in asked.items() if value}
    if options.as_of is not None:
        parameters["as_of"] = options.as_of
    answer = await client.get("/v1/stats", params=parameters, timeout=None)
    if answer.status_code != httpx.codes.OK:
        return _refused(answer)
    result = StatsResult.model_validate_json(answer.content)
    try:
        return await _shown(client, result, options, console)
    except OSError as error:
        if options.output is None or isinstance(error, BrokenPipeError):
            raise
        showing.complain(
            f"{options.output} cannot be written: {error.strerror}. Name another file with --output.",
            "无法写入该文件，请用 --output 换一个。",
        )
        return WRONG_USE


async def _shown(client: httpx.AsyncClient, result: StatsResult, options: StatsOptions, console: Console | None) -> int:
    if options.format == "table":
        zone = (await wording(client, ())).zone()
        result = result.model_copy(update={"now": at(result.now, zone)})
    if options.format == "xlsx":
        _write(options.output, as_xlsx(result, options.lang))
    elif options.format == "csv":
        # Spreadsheets take a file without the mark for the local code page, and Chinese comes out wrong.
        _write(options.output, as_csv(result).encode("utf-8" if options.output is None else "utf-8-sig"))
    elif options.format == "json":
        _write(options.output, (as_json(result) + "\n").encode())
    elif options.output is not None:
        text = io.StringIO()
        print_table(result, options.lang, Console(file=text, width=200))
        _write(options.output, text.getvalue().encode())
    else:
        print_table(result, options.lang, console)
    return DONE


def _refused(answer: httpx.Response) -> int:
    try:
        problem = answer.json()
        problem = {**problem, "code": problem["code"], "detail": problem["detail"]}
    except (ValueError, KeyError, TypeError):
        problem = {"code": "server", "detail": f"The server answered {answer.status_code}."}
    showing.problem(problem)
    return WRONG_USE if answer.status_code == _UNPROCESSABLE else REFUSED


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        path.write_bytes(content)
        showing.err.print(f"written 已写入: {path}", markup=False)
