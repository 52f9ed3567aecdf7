"""A first mapping from a sample of rows. It is a guess; its comments say what a person must check.

No value of the file is written into the mapping, only column names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime, time
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from services.intake.importer.dates import BadDate, reader
from services.intake.importer.errors import FileError
from services.intake.importer.excluded_columns import classifies_persons, in_words
from services.intake.importer.mapping import Source
from services.intake.importer.readers import Row, Table
from shared.kernel import data_file
from shared.kernel.legal_time import LegalTime
from shared.kernel.legal_time import zone as zone_of

SAMPLE = 500
_DATES = ("received_at", "reply_at", "closed_at", "accepted_at", "signed_at", "due")
_MONTH_FIRST = ("MM/DD/YYYY hh:mm:ss AM", "MM/DD/YYYY hh:mm:ss", "MM/DD/YYYY")
_LEAST_MIDNIGHTS = 3
_MOST_TITLES = 8
"""Rows above a header: titles, dates, units."""
_ENOUGH = 0.6
_WHERE = ("latitude", "longitude", "postcode")
_PEOPLE = ("name", "phone", "id_number", "address")


class _Column(NamedTuple):
    """A column of the sample: numbers of cells that are filled, distinct, dates, and dates of unclear order."""

    name: str
    filled: int
    different: int
    dates: int
    ambiguous: int
    long: float
    """Average number of characters."""
    midnights: bool = False
    """All of its dates have a time of 00:00, which a program added to days."""


def suggest(path: Path, *, zone: str = "Asia/Shanghai", source: Source | None = None) -> str:
    """The text of a mapping for the file. Raises FileError if it cannot be read."""
    table, sample = _sample(path, source or Source(zone=zone))
    columns = [_inspect(name, place, sample, zone) for place, name in enumerate(table.columns) if name]
    people = [column.name for column in columns if classifies_persons(column.name)]
    free = [column for column in columns if column.name not in people]
    found = _guess(free, len(sample))
    return _write(table, zone, found, free, people, sample=len(sample))


def _sample(path: Path, source: Source) -> tuple[Table, list[Row]]:
    """The table and its first rows. Where the first row is empty or a title above the table, the header is the first of the next
    rows that names most columns. Raises FileError."""
    first: FileError | None = None
    best: tuple[float, Table, list[Row]] | None = None
    for line in range(source.header_row, source.header_row + _MOST_TITLES):
        table = Table(path, source.model_copy(update={"header_row": line}))
        try:
            with closing(iter(table)) as rows:
                sample = [row for row in islice(rows, SAMPLE) if row.problem is None]
        except FileError as error:
            if error.code not in ("no_header", "no_header_in_sheet"):
                raise
            first = first or error
            continue
        widths = [sum(cell not in (None, "") for cell in row.cells) for row in sample]
        lost = table.found["cell_without_column"] + sum(row.problem is not None for row in sample)
        named = len({name for name in table.columns if name})
        share = named / max((named, *widths)) if named > 1 and not lost else 0.0
        if best is None or share > best[0]:
            best = share, table, sample
        if table.format == "jsonl" or share > _ENOUGH:
            break
    if best is None:
        raise first or FileError("no_header")
    return best[1], best[2]


def _inspect(name: str, place: int, rows: Sequence[Row], zone: str) -> _Column:
    read = reader(zone)
    values = [row.cells[place] for row in rows if place < len(row.cells) and row.cells[place] not in (None, "")]
    dates = ambiguous = midnights = 0
    by_month = reader(zone, _MONTH_FIRST)
    for value in values:
        if isinstance(value, float | int):
            continue
        try:
            midnights += _midnight(read(value), zone)
            dates += 1
        except BadDate as bad:
            if bad.code == "ambiguous_date":
                ambiguous += 1
                with suppress(BadDate):
                    midnights += _midnight(by_month(value), zone)
    texts = [str(value) for value in values]
    length = sum(map(len, texts)) / max(1, len(texts))
    only_days = midnights >= _LEAST_MIDNIGHTS and midnights == dates + ambiguous
    return _Column(name, len(values), len(set(texts)), dates, ambiguous, length, only_days)


def _midnight(found: LegalTime, zone: str) -> bool:
    return isinstance(found, datetime) and found.astimezone(zone_of(zone)).time() == time()


@cache
def _names() -> dict[str, list[str]]:
    """What a column holds -> regular expressions of the names that such columns usually have."""
    found: dict[str, list[str]] = data_file.load(Path(__file__).parent / "data" / "column_names.yaml")
    return found


def _matches(what: str, name: str) -> bool:
    return any(re.fullmatch(one, form, re.IGNORECASE) for one in _names()[what] for form in (name, in_words(name)))


def _guess(columns: list[_Column], rows: int) -> dict[str, _Column]:
    found: dict[str, _Column] = {}
    taken: set[str] = set()

    def take(what: str, candidates: list[_Column]) -> None:
        if candidates and what not in found:
            found[what] = candidates[0]
            taken.add(candidates[0].name)

    def named(what: str) -> list[_Column]:
        return [column for column in columns if column.name not in taken and _matches(what, column.name)]

    for what in ("reply_at", "closed_at", "due", "accepted_at", "signed_at", "received_at"):
        take(what, [column for column in named(what) if not rows or column.dates + column.ambiguous > 0])
    if "received_at" not in found:
        dated = [
            one for one in columns if one.name not in taken and one.dates + one.ambiguous >= max(1, one.filled * 0.9)
        ]
        take("received_at", dated)
    for what in ("link", "id_number", "phone", "reply", "text", "title"):
        take(what, named(what))
    unique = [one for one in columns if one.name not in taken and rows and one.filled == rows == one.different]
    keys = [one for one in unique if not one.dates and one.long <= 40]
    take("item", [one for one in named("item") if one in unique] or keys or named("item"))
    for what in ("name", "organisation", "channel", "subject", "place", "address", "location", *_WHERE):
        take(what, named(what))
    if not ("latitude" in found and "longitude" in found):  # one of them is no position
        for what in ("latitude", "longitude"):
            found.pop(what, None)
    if "text" not in found:
        longest = sorted((one for one in columns if one.name not in taken), key=lambda one: -one.long)
        take("text", [one for one in longest if one.long > 40])
    return found


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _gaps(column: _Column, sample: int, then: str, then_zh: str, indent: str) -> list[str]:
    """The comments on a needed column that is empty in some rows."""
    if column.filled == sample:
        return []
    empty = sample - column.filled
    return [
        f"{indent}# CHECK: empty in {empty} of {sample} rows. {then}",
        f"{indent}# 在 {sample} 行样本中有 {empty} 行为空。{then_zh}",
    ]


def _write(
    table: Table, zone: str, found: dict[str, _Column], columns: list[_Column], people: list[str], *, sample: int
) -> str:
    names = {what: _quoted(column.name) for what, column in found.items()}
    names |= {
        what: f"{{column: {names[what]}, as: date}}" for what in _DATES if what in found and found[what].midnights
    }
    lines = [
        f"# A first mapping, guessed from {sample} rows. Check each line, then: huiyin import FILE --mapping THIS --dry-run",
        "# 由样本自动生成的初稿，请逐行核对后再试运行（--dry-run）。格式说明见 docs/import.md。",
        "source:",
        f"  format: {table.format}",
        f"  zone: {zone}            # CHECK: time zone of the times in the file 文件中时间所在时区",
    ]
    if table.source.header_row > 1:
        lines.append(
            f"  header_row: {table.source.header_row}            # CHECK: the row with the names of the columns 列名所在行"
        )
    if any(found[what].ambiguous for what in _DATES if what in found):
        lines.append(f"  date_formats: [{', '.join(_MONTH_FIRST)}]")
        lines.append("  # CHECK: is it month first? else write DD/MM/YYYY 请确认月在前还是日在前")
    lines.append("# jurisdiction: cn-xx     # code of your jurisdiction, or give --jurisdiction 辖区代码")
    if "channel" in found:
        lines += [
            "channel:                  # CHECK: every filing belongs to a channel of your policy 渠道代码",
            f"  column: {names['channel']}",
            "  table: {}               # value in the file: code of the channel 文件中的值: 渠道代码",
            "  default: imported",
            "  class: web              # letter visit call fax web app ... for channels the policy does not know",
        ]
    else:
        lines += ["channel:", "  constant: imported      # CHECK: code of the channel 渠道代码", "  class: web"]
    if "item" in found:
        lines.append(f"item: {names['item']}   # CHECK: the source's own number, never used twice 来源系统的唯一编号")
        lines += _gaps(found["item"], sample, "A row without it is refused.", "缺少编号的行会被拒绝。", "")
    else:
        parts = ", ".join(_quoted(column.name) for column in columns[:2]) or '"?"'
        lines.append(f"item: {{join: [{parts}], with: '-'}}   # CHECK: no unique column was found 未找到唯一编号列")
    lines.append("filing:")
    if "received_at" in found:
        lines.append(f"  received_at: {names['received_at']}   # CHECK: when it was filed 提交时间")
        lines += _gaps(
            found["received_at"], sample,
            f"A row without it is refused; a day for all of them: {{column: {_quoted(found['received_at'].name)}, default: "
            "YYYY-MM-DD}",
            "缺少日期的行会被拒绝；可用 default 给出统一日期。", "  ",
        )  # fmt: skip
    else:
        lines.append('  received_at: "?"        # CHECK: no column with dates was found; write its name 请填写日期列')
    for what in ("title", "text", "place", "subject", "location", *_WHERE, *_PEOPLE):
        if what in found:
            note = "   # sealed 加密保存" if what in (*_PEOPLE, *_WHERE) else ""
            lines.append(f"  {what}: {names[what]}{note}")
    if "organisation" in found:
        lines += [
            "organisation:",
            f"  column: {names['organisation']}",
            "  create: true            # adds what is not in the policy 不存在则新增",
        ]
    if "link" in found:
        lines += [
            "link:                     # CHECK: the number of the filing that a row repeats 重复件所指的原件编号",
            f"  column: {names['link']}",
            "  kind: duplicate         # or related: a reference only 或 related，仅作参考",
        ]
    steps: list[str] = []
    for what, event in (("signed_at", "SignedFor"), ("accepted_at", "Accepted"), ("reply_at", "ReplyDelivered")):
        if what in found and (event == "ReplyDelivered" or "organisation" in found):
            steps += [f"  - event: {event}", f"    date: {names[what]}"]
            if event == "ReplyDelivered" and "reply" in found:
                steps += [
                    "    undated: true          # a reply without a date is kept, and counts as unknown 日期不详的答复也保存"
                ]
                steps += ["    fields:", f"      text: {names['reply']}"]
    if "closed_at" in found:
        steps += [
            "  - event: CaseClosed",
            f"    date: {names['closed_at']}",
            "    fields:",
            "      kind: {constant: unknown}   # CHECK: or a column with a table 或用对照表",
            "# - event: SourceStatedOpen       # open on the day of the export: the backlog of past days is known 导出当日未办结",
            "#   date: {constant: YYYY-MM-DD}   # the day of the export 导出日期",
            f"#   when: {{{_quoted(found['closed_at'].name)}: empty}}",
        ]
    if steps:
        lines += [
            "steps:                    # CHECK: what happened, with its date; an empty date means unknown 日期为空即未知",
            *steps,
        ]
    if "due" in found:
        lines += [
            "# due:                    # compared with the derived date, never stored 仅用于比对",
            "#   clock: C5",
            f"#   column: {_quoted(found['due'].name)}",
            *(["#   as: date              # its times are all 00:00: days 只有日期"] if found["due"].midnights else []),
        ]
    if people:
        unread = ", ".join(map(_quoted, people))
        lines.append(f"# Not read, because they classify persons 标记人员的列不读取: {unread}")
    used = {column.name for what, column in found.items() if what != "due"}
    rest = [column.name for column in columns if column.name not in used]
    if rest:
        lines += ["ignore:                   # CHECK: not used 未使用的列", *(f"  - {_quoted(name)}" for name in rest)]
    return "\n".join(lines) + "\n"
