"""`huiyin import FILE`: sends the rows of a file to the API and prints a report."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any, NoReturn

import httpx
import orjson
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.cli import output as terminal
from deploy.cli.client import only_jurisdiction, problem_of
from deploy.cli.local_words import at
from deploy.cli.output import DONE, REFUSED, WRONG_USE
from services.intake.importer import mapping_file as mappings
from services.intake.importer.errors import NOTICES, FileError, MappingError
from services.intake.importer.job import Item, Report, import_file
from services.intake.importer.mapping import Mapping
from services.intake.importer.mapping_suggestion import suggest

PATH = "/v1/history:batch"
TRIES = 9
"""With pauses of 0.25 s doubling to 10 s: about 40 s without a server."""
_AGAIN = frozenset((429, 502, 503, 504, 507))


@dataclass(frozen=True)
class ImportOptions:
    """As given on the command line."""

    file: Path
    mapping: Path | None = None
    jurisdiction: str | None = None
    dry_run: bool = False
    suggest: bool = False
    """Write a first mapping to `mapping`, or to the terminal."""
    go_live: bool = False
    rejects: Path | None = None
    zone: str = "Asia/Shanghai"
    """Time zone of the suggested mapping."""
    state: Path | None = None
    """Folder in which the progress of imports is noted. None: an interrupted import starts again, which is harmless."""


class Stopped(Exception):
    """The server does not accept the import. The same command continues where it stopped."""

    def __init__(self, code: str, why: str, why_zh: str, status: int) -> None:
        super().__init__(why)
        self.code, self.why, self.why_zh, self.status = code, why, why_zh, status


async def run_import(client: httpx.AsyncClient | None, options: ImportOptions) -> int:
    """Carry out `huiyin import`. Returns the exit code, or ends the command with what is wrong.

    `client`: None for `suggest`, and for a dry run where no policy is active."""
    try:
        if options.suggest:
            return _suggest(options)
        if options.mapping is None:
            why = "Name a mapping with --mapping FILE, or begin with --suggest."
            _stop("mapping_missing", why, "请用 --mapping 指定映射文件，或先用 --suggest 生成初稿。")
        mapping = mappings.load(options.mapping)
        jurisdiction = options.jurisdiction or mapping.jurisdiction
        if jurisdiction is None and client is not None:
            jurisdiction = await only_jurisdiction(client)
            if jurisdiction is None:
                why = "Name the jurisdiction: --jurisdiction CODE, or jurisdiction: in the mapping."
                _stop("jurisdiction_missing", why, "请用 --jurisdiction 或在映射文件中写明辖区。")
        report = await _import(client, options, mapping, jurisdiction or "")
    except MappingError as error:
        _stop("mapping", f"{options.mapping}: {error}", error.why_zh, field=error.field)
    except FileError as error:
        taken, taken_zh = "", ""
        if error.rows:
            verb, verb_zh = ("read", "试读") if options.dry_run else ("imported or rejected", "处理")
            taken = f" The {error.rows:,} rows before it were {verb}; none of them is lost or added twice."
            taken_zh = f"此前 {error.rows:,} 行已{verb_zh}，不会丢失，也不会重复导入。"
        _stop(error.code, f"{options.file}: {error.why}{taken}", error.why_zh + taken_zh)
    except Stopped as stopped:
        exit_code = WRONG_USE if stopped.status in (401, 403, 404) else REFUSED
        _stop(stopped.code, stopped.why, stopped.why_zh, exit_code)
    except OSError as error:
        name, place = error.filename or options.file, " Name another place for the rejected rows: --rejects FILE."
        if error.errno in (ENOSPC, EDQUOT):
            place = " Free some space, then repeat the command: it continues where it stopped."
        _stop(
            "file_not_usable",
            f"{name}: {error.strerror}.{place}",
            f"{name}：无法读写。请用 --rejects 另指定被拒行的文件，或释放磁盘空间后重新执行同一命令。",
        )
    terminal.answer(asdict(report), lambda _: _show(report, mapping.source.zone))
    if options.dry_run and client is None:
        terminal.note(
            "No policy is active in this data folder yet, so places, subjects, organisations, due dates and cases imported before "
            "were not compared. Activate one before the import: huiyin policy activate FOLDER. "
            "该数据目录尚未启用规则，未核对属地、分类、单位、期限和此前导入的件；导入前请先启用规则。"
        )
    return DONE if report.clean else REFUSED


def _stop(code: str, why: str, why_zh: str, exit_code: int = WRONG_USE, field: str = "") -> NoReturn:
    terminal.stop(why, why_zh, exit_code, code=code, field=field or None)


async def _import(
    client: httpx.AsyncClient | None, options: ImportOptions, mapping: Mapping, jurisdiction: str
) -> Report:
    async def send(items: list[Item]) -> list[dict[str, Any]]:
        assert client is not None
        return await post(client, items, jurisdiction, dry_run=options.dry_run)

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]} rows"),
               TimeElapsedColumn())  # fmt: skip
    with Progress(
        *columns, console=terminal.err, disable=terminal.wants_json() or not sys.stderr.isatty(), transient=True
    ) as bar:
        task = bar.add_task("reading 试读" if options.dry_run else "importing 导入", total=1.0, rows=0)
        return await import_file(
            send,
            options.file,
            mapping,
            dry_run=options.dry_run,
            ask=send if client is not None else None,
            go_live=options.go_live,
            progress=lambda report, share: bar.update(task, rows=report.rows, completed=share or 0.0),
            state_path=None if options.dry_run else _state_path(options),
            rejects_path=options.rejects,
        )


def _state_path(options: ImportOptions) -> Path | None:
    """Where the progress of this file is noted. It belongs to the data folder: the file may be imported into several."""
    if options.state is None:
        return None
    options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(str(options.file.resolve()).encode()).hexdigest()[:16]
    return options.state / f"{name}.json"


async def post(
    client: httpx.AsyncClient, items: Sequence[Item], jurisdiction: str, *, dry_run: bool = False
) -> list[dict[str, Any]]:
    """Send one batch. It is sent again after a pause while the server is away or busy, which is harmless. Raises
    Stopped."""
    content = b"".join(orjson.dumps(item) + b"\n" for item in items)
    headers = {"content-type": "application/x-ndjson"}
    parameters = {"jurisdiction": jurisdiction, **({"dry_run": "true"} if dry_run else {})}
    last: Stopped | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(min(10.0, 0.25 * 2 ** (attempt - 1)))
        try:
            answer = await client.post(PATH, params=parameters, content=content, headers=headers, timeout=120)
        except httpx.TransportError:
            last = Stopped(
                "no_server",
                "The server does not answer. Start it and repeat the command: it continues where it stopped.",
                "服务器没有响应。启动后重新执行同一命令即可从中断处继续。",
                503,
            )
            continue
        if answer.status_code in (200, 207):
            results = [orjson.loads(line) for line in answer.content.splitlines() if line.strip()]
            if len(results) == len(items):
                return results
            last = Stopped("cut_off", "The server's answer was cut off.", "服务器的应答不完整。", 502)
            continue
        problem = problem_of(answer)
        why = str(problem.get("detail"))
        last = Stopped(problem["code"], why, problem.get("detail_zh") or why, answer.status_code)
        if answer.status_code not in _AGAIN:
            break
    assert last is not None
    raise last


def _suggest(options: ImportOptions) -> int:
    text = suggest(options.file, zone=options.zone)
    if options.mapping is None:
        sys.stdout.write(text)
        return DONE
    try:
        handle = os.open(options.mapping, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        why = "The mapping file exists already and was not overwritten. Name a new file."
        _stop("mapping_exists", why, "映射文件已存在，不会覆盖，请换一个文件名。")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    terminal.note(f"Written: {options.mapping}. Check it, then use it with --dry-run. 已写入，请核对后试运行。")
    return DONE


_ROWS = {
    "rows": "rows 行",
    "understood": "understood 可导入",
    "added": "cases added 新增",
    "extended": "cases extended 补充",
    "steps_added": "steps added 新增步骤",
    "same": "already there 已存在",
    "corrected": "corrected by the source 来源更正",
    "left_out": "parts left out 部分未导入",
    "refused": "refused 拒绝",
    "bad_rows": "refused rows 未导入的行",
    "dues_equal": "due dates equal 期限一致",
    "dues_different": "due dates different 期限不一致",
    "dues_not_derived": "due dates not derived 期限未推算",
    "cleaned": "cells cleaned 清理控制符",
}


_CREATED = {
    "places": "places that the import adds, if the policy lacks them 规则中没有时将新增的属地",
    "subjects": "subjects that the import adds, if the policy lacks them 规则中没有时将新增的分类",
    "organisations": "organisations that the import adds, if the policy lacks them 规则中没有时将新增的单位",
}


def local_times(value: Any, zone: str) -> Any:
    """The same value with instants in the time zone of the file, so that it can be compared with the file."""
    if isinstance(value, dict):
        return {name: local_times(inner, zone) for name, inner in value.items()}
    if isinstance(value, list):
        return [local_times(inner, zone) for inner in value]
    return at(value, zone) if isinstance(value, str) else value


def _show(report: Report, zone: str) -> None:
    """Print the report for people. `zone`: time zone of the file."""
    for number, item in enumerate(report.preview, 1):
        terminal.line(f"row {number} as understood 第 {number} 行的理解:")
        terminal.as_json(local_times(item, zone))
    counts = {title: getattr(report, name) for name, title in _ROWS.items()}
    always = {_ROWS[name] for name in ("rows", "added", "bad_rows")}
    lines = {title: f"{count:,}" for title, count in counts.items() if count or title in always}
    terminal.fields({**lines, "seconds 秒": f"{report.seconds:.1f}  ({report.rows_per_second:,.0f} rows/s)"})
    if report.dues_not_derived:
        terminal.line(
            "due dates not derived: no clock of that name applies to these cases on their day and for their subject. "
            "Before the policy is activated for the first time, write in it since when the clocks apply (clocks: in_force).\n"
            "期限未推算：没有时限规则适用于这些件（登记日期或分类）。施行日期请在首次启用前用 clocks 的 in_force 写明。"
        )
    if report.resumed_after_line is not None:
        terminal.line(f"continued after line 从此行之后继续: {report.resumed_after_line}")
    _show_counts("problems 问题", report.problems)
    _show_counts("columns not mapped 未映射的列", report.unmapped_columns)
    for column, values in report.unmapped_values.items():
        _show_counts(f"values not in the table of {column} 对照表中没有的值", values)
    for section, names in report.created.items():
        _show_counts(_CREATED[section], names)
    _show_counts("texts read as empty 按空处理的文字", report.empty_values)
    _show_counts(
        "texts of steps without a date, not kept (undated: true keeps them) 无日期未导入的文字", report.undated_texts
    )
    if report.sheet is not None:
        terminal.line(f"sheet that was read 读取的工作表: {report.sheet}")
    for code, count in report.notices.items():
        terminal.line(f"{count:,} × {' '.join(NOTICES.filled(code, {}))}")
    if report.dropped_columns:
        terminal.line(f"columns with personal data, not read 标记人员的列，未读取: {', '.join(report.dropped_columns)}")
    if report.rejects:
        terminal.line(f"rejected rows with reasons 未导入的行及原因: {report.rejects}")


def _show_counts(title: str, counts: dict[str, int]) -> None:
    if counts:
        terminal.line(f"{title}: " + ", ".join(f"{name} ({count:,})" for name, count in counts.items()))
