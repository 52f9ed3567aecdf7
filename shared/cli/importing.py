"""`huiyin import FILE`: the terminal's side of an import. Ends with 0 done, 1 rows refused, 2 wrong use."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from services.intake.importing import mapping_file as mappings
from services.intake.importing.mapping import Mapping
from services.intake.importing.problems import FileError, MappingError
from services.intake.importing.running import Item, Report, import_file
from services.intake.importing.suggest import suggest
from shared.cli.wording import at

DONE, REFUSED, WRONG_USE = 0, 1, 2
PATH = "/v1/history:batch"
TRIES = 9
"""With pauses of 0.25 s doubling to 10 s: about 40 s without a server."""
_AGAIN = frozenset((429, 502, 503, 504, 507))


@dataclass(frozen=True)
class ImportOptions:
    """What was asked for on the command line."""

    file: Path
    mapping: Path | None = None
    jurisdiction: str | None = None
    dry_run: bool = False
    suggest: bool = False
    """Write a first mapping to `mapping`, or to the terminal."""
    go_live: bool = False
    rejects: Path | None = None
    json: bool = False
    zone: str = "Asia/Shanghai"
    """For --suggest."""
    state: Path | None = None
    """Folder for notes of how far an import got; None: an interrupted import begins again, which is harmless."""
    key: str | None = None
    """Access key, sent as a bearer token, where the client does not bring one."""


class Stopped(Exception):
    """The server does not take the import. The same command goes on where it stopped."""

    def __init__(self, code: str, why: str, why_zh: str, status: int) -> None:
        super().__init__(why)
        self.code, self.why, self.why_zh, self.status = code, why, why_zh, status


async def run_import(client: httpx.AsyncClient, options: ImportOptions) -> int:
    """Carry out `huiyin import`. `client` knows the server (base_url) and who asks; it is not used by --suggest and
    --dry-run."""
    err = Console(stderr=True, highlight=False)
    try:
        if options.suggest:
            return _suggest(options, err)
        if options.mapping is None:
            _say(options, err, "mapping_missing", "Name a mapping with --mapping FILE, or begin with --suggest.",
                 "请用 --mapping 指定映射文件，或先用 --suggest 生成初稿。")  # fmt: skip
            return WRONG_USE
        mapping = mappings.load(options.mapping)
        jurisdiction = options.jurisdiction or mapping.jurisdiction
        if jurisdiction is None and not options.dry_run:
            _say(options, err, "jurisdiction_missing", "Name the jurisdiction: --jurisdiction CODE, or jurisdiction: in the "
                 "mapping.", "请用 --jurisdiction 或在映射文件中写明辖区。")  # fmt: skip
            return WRONG_USE
        report = await _import(client, options, mapping, jurisdiction or "", err)
    except MappingError as error:
        _say(options, err, "mapping", f"{options.mapping}: {error}", error.why_zh, error.field)
        return WRONG_USE
    except FileError as error:
        taken, taken_zh = "", ""
        if error.rows:
            verb, verb_zh = ("read", "试读") if options.dry_run else ("imported or rejected", "处理")
            taken = f" The {error.rows:,} rows before it were {verb}; nothing of them is lost, and none is added twice."
            taken_zh = f"此前 {error.rows:,} 行已{verb_zh}，不会丢失，也不会重复导入。"
        _say(options, err, error.code, f"{options.file}: {error.why}{taken}", error.why_zh + taken_zh)
        return WRONG_USE
    except Stopped as stopped:
        _say(options, err, stopped.code, stopped.why, stopped.why_zh)
        return WRONG_USE if stopped.status in (401, 403, 404) else REFUSED
    if options.json:
        sys.stdout.write(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(report, Console(highlight=False), mapping.source.zone)
    return DONE if report.clean else REFUSED


async def _import(
    client: httpx.AsyncClient, options: ImportOptions, mapping: Mapping, jurisdiction: str, err: Console
) -> Report:
    async def send(items: list[Item]) -> list[dict[str, Any]]:
        return await post(client, items, jurisdiction, options.key)

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]} rows"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=err, disable=options.json, transient=True) as bar:
        task = bar.add_task("reading 试读" if options.dry_run else "importing 导入", total=1.0, rows=0)

        def progress(report: Report, share: float | None) -> None:
            bar.update(task, rows=report.rows, completed=share if share is not None else 0.0)

        return await import_file(
            send,
            options.file,
            mapping,
            dry_run=options.dry_run,
            go_live=options.go_live,
            progress=progress,
            state_path=_state_path(options),
            rejects_path=options.rejects,
        )


def _state_path(options: ImportOptions) -> Path | None:
    """The note of this file. It belongs to the data folder: the same file may go into another one."""
    if options.state is None:
        return None
    options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(str(options.file.resolve()).encode()).hexdigest()[:16]
    return options.state / f"{name}.json"


async def post(
    client: httpx.AsyncClient, items: Sequence[Item], jurisdiction: str, key: str | None = None
) -> list[dict[str, Any]]:
    """Send one batch; again after a pause while the server is away or busy, which is harmless. Raises Stopped."""
    headers = {"content-type": "application/x-ndjson"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    content = b"".join(orjson.dumps(item) + b"\n" for item in items)
    last: Stopped | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(min(10.0, 0.25 * 2 ** (attempt - 1)))
        try:
            answer = await client.post(
                PATH, params={"jurisdiction": jurisdiction}, content=content, headers=headers, timeout=120
            )
        except httpx.TransportError:
            last = Stopped(
                "no_server",
                "The server does not answer. Start it and give the same command again: it goes on where it stopped.",
                "服务器没有响应。启动后重新执行同一命令即可从中断处继续。",
                503,
            )
            continue
        if answer.status_code in (200, 207):
            results = [orjson.loads(line) for line in answer.content.splitlines() if line.strip()]
            if len(results) != len(items):
                last = Stopped("cut_off", "The server's answer was cut off.", "服务器的应答不完整。", 502)
                continue
            return results
        last = _stopped(answer)
        if answer.status_code not in _AGAIN:
            break
    assert last is not None
    raise last


def _stopped(answer: httpx.Response) -> Stopped:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    why = str(problem.get("detail") or f"The server answered {answer.status_code}.")
    why_zh = str(problem.get("detail_zh") or why)
    return Stopped(str(problem.get("code") or "server"), why, why_zh, answer.status_code)


def _suggest(options: ImportOptions, err: Console) -> int:
    text = suggest(options.file, zone=options.zone)
    if options.mapping is None:
        sys.stdout.write(text)
        return DONE
    try:
        handle = os.open(options.mapping, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        _say(options, err, "mapping_exists", "The mapping file is there already; name a new one, nothing is overwritten.",
             "映射文件已存在，请换一个文件名，不会覆盖。")  # fmt: skip
        return WRONG_USE
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    err.print(f"Written: {options.mapping}. Check it, then use it with --dry-run. 已写入，请核对后试运行。")
    return DONE


def _say(options: ImportOptions, err: Console, code: str, why: str, why_zh: str, field: str = "") -> None:
    if options.json:
        problem = {"code": code, "detail": why, "detail_zh": why_zh, "field": field or None}
        sys.stdout.write(orjson.dumps(problem).decode() + "\n")
        return
    err.print(why, markup=False)
    err.print(why_zh, markup=False)


_ROWS = (
    ("rows", "rows 行"),
    ("understood", "understood 可导入"),
    ("added", "cases added 新增"),
    ("extended", "cases extended 补充"),
    ("steps_added", "steps added 新增步骤"),
    ("same", "already there 已存在"),
    ("refused", "refused 拒绝"),
    ("bad_rows", "bad rows 坏行"),
    ("dues_equal", "due dates equal 期限一致"),
    ("dues_different", "due dates different 期限不一致"),
    ("dues_not_derived", "due dates not derived 期限未推算"),
    ("cleaned", "cells cleaned 清理控制符"),
)


def local_times(value: Any, zone: str) -> Any:
    """The same with instants in the zone of the file: what is checked is what stands in it."""
    if isinstance(value, dict):
        return {name: local_times(inner, zone) for name, inner in value.items()}
    if isinstance(value, list):
        return [local_times(inner, zone) for inner in value]
    return at(value, zone) if isinstance(value, str) else value


def show(report: Report, out: Console, zone: str) -> None:
    """The report for people. `zone`: of the times in the file."""
    if report.preview:
        for number, item in enumerate(report.preview, 1):
            out.print(f"row {number} as understood 第 {number} 行的理解:", markup=False)
            out.print(orjson.dumps(local_times(item, zone), option=orjson.OPT_INDENT_2).decode(), markup=False)
    grid = Grid(show_header=False, box=None)
    for name, title in _ROWS:
        value = getattr(report, name)
        if value or name in ("rows", "added", "bad_rows"):
            grid.add_row(title, f"{value:,}")
    grid.add_row("seconds 秒", f"{report.seconds:.1f}  ({report.rows_per_second:,.0f} rows/s)")
    out.print(grid)
    if report.dues_not_derived:
        out.print(
            "due dates not derived: no clock of that name covers these cases, by their day or their subject. Since when the "
            "clocks are the law is written in the policy (clocks: in_force), before it is activated for the first time.\n"
            "期限未推算：没有时限规则适用于这些件（登记日期或分类）。施行日期请在首次启用前用 clocks 的 in_force 写明。",
            markup=False,
        )
    if report.resumed_after_line is not None:
        out.print(
            f"went on after line {report.resumed_after_line} 从第 {report.resumed_after_line} 行之后继续", markup=False
        )
    for title, counts in (
        ("problems 问题", report.problems),
        ("columns not mapped 未映射的列", report.unmapped_columns),
        *(
            (f"values not in the table of {column} 对照表中没有的值", counts)
            for column, counts in report.unmapped_values.items()
        ),
    ):
        if counts:
            out.print(f"{title}: " + ", ".join(f"{name} ({count:,})" for name, count in counts.items()), markup=False)
    if report.dropped_columns:
        out.print(
            "columns that mark persons, not read 标记人员的列，未读取: " + ", ".join(report.dropped_columns),
            markup=False,
        )
    if report.rejects:
        out.print(f"rejected rows with reasons 未导入的行及原因: {report.rejects}", markup=False)


def import_command(client: httpx.AsyncClient, options: ImportOptions) -> int:
    """The body of the typer command: run to the end, and give the exit code."""

    async def run() -> int:
        async with client:
            return await run_import(client, options)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        Console(stderr=True).print(
            "Interrupted. The same command goes on where it stopped. 已中断，重新执行同一命令即可继续。", markup=False
        )
        return REFUSED
