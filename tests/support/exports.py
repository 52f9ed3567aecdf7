"""Exports of other systems for tests: workbooks and files as people and programs write them, and what an import makes of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.importer.job import Item, Report, import_file
from services.intake.importer.mapping_file import parse

MAPPING = """
source: {zone: Asia/Shanghai}
jurisdiction: cn-demo
channel: {constant: oldhotline, class: call}
item: 编号
filing: {received_at: 时间, text: 内容}
organisation: {column: 单位, create: true}
"""
SIGNED = """
steps:
  - event: SignedFor
    date: 签收
"""
HEADER = ("编号", "时间", "内容", "单位", "签收")


class Understood(NamedTuple):
    """What an import would send, the rejected rows as (line, field, code), and the report."""

    items: list[Item]
    rejects: list[tuple[int, str, str]]
    report: Report


async def understood(path: Path, mapping: str = MAPPING) -> Understood:
    """Import a file into nothing. Raises FileError and MappingError."""
    sent: list[Item] = []

    async def send(items: list[Item]) -> list[dict[str, Any]]:
        sent.extend(items)
        return [{"result": "added"} for _ in items]

    rejects = path.with_name("rejects.csv")
    report = await import_file(send, path, parse(mapping), rejects_path=rejects)
    lines = rejects.read_text("utf-8-sig").splitlines()[1:] if rejects.exists() else []
    found = [(int(line.split(",")[0]), line.split(",")[1], line.split(",")[2]) for line in lines]
    return Understood(sent, found, report)


def csv_file(path: Path, *rows: str, header: str = ",".join(HEADER), encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join((header, *rows, "")).encode(encoding))
    return path


def workbook(
    path: Path,
    rows: Sequence[Sequence[object]],
    change: Callable[[openpyxl.Workbook, Worksheet], None] | None = None,
    header: Sequence[str] = HEADER,
) -> Path:
    """A workbook with these rows under the header. `change`: what else somebody did to it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    if change is not None:
        change(book, sheet)
    whole = io.BytesIO()
    book.save(whole)
    path.write_bytes(whole.getvalue())
    return path
