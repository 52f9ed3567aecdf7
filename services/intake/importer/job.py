"""The import of one file: read the rows, map them, send them in batches, and save the progress.

The progress is written after each acknowledged batch, and an interrupted import resumes there. An outdated progress file is
harmless, since every row may be sent again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from services.intake.history.entries import created_names
from services.intake.history.items import HistoryItem
from services.intake.history.organisations import accuses
from services.intake.history.steps import impossible
from services.intake.importer.errors import FileError, RowError
from services.intake.importer.mapping import Mapping
from services.intake.importer.preview import preview
from services.intake.importer.readers import Table
from services.intake.importer.rejects import Reject, RejectsFile
from services.intake.importer.row_mapper import RowMapper
from services.intake.importer.warnings import OTHERS, Snapshot
from shared.application.problem import describe
from shared.application.request_validation import validated
from shared.kernel.refusals import Refused
from shared.kernel.text_normalization import identifier_form

BATCH = 500
LARGEST_BATCH = 4_000_000
"""Approximate number of characters in one batch."""
IN_FLIGHT = 2
SHOWN = 3
MOST_NAMES = 200
"""Names of created entries of one list in the report of a dry run; the others are counted together."""

Item = dict[str, Any]
Send = Callable[[list[Item]], Awaitable[list[dict[str, Any]]]]
Progress = Callable[["Report", float | None], None]
"""Called after each batch with the report so far and the share of the file that was read."""


@dataclass
class Report:
    """The result of an import. rows = added + extended + same + refused + bad_rows; a dry run sends nothing."""

    rows: int = 0
    added: int = 0
    extended: int = 0
    steps_added: int = 0
    same: int = 0
    corrected: int = 0
    """Fields and dates that the source states otherwise now."""
    left_out: int = 0
    """Parts of rows that were not taken, while the rest of the row was; they are in the rejects file."""
    refused: int = 0
    bad_rows: int = 0
    understood: int = 0
    dues_equal: int = 0
    dues_different: int = 0
    dues_not_derived: int = 0
    cleaned: int = 0
    """Cells from which control characters were removed."""
    problems: dict[str, int] = field(default_factory=dict)
    """Code -> rows."""
    dropped_columns: list[str] = field(default_factory=list)
    """Columns that classify persons; they are not read."""
    unmapped_columns: dict[str, int] = field(default_factory=dict)
    unmapped_values: dict[str, dict[str, int]] = field(default_factory=dict)
    empty_values: dict[str, int] = field(default_factory=dict)
    """Texts that were read as empty cells, such as NULL, with counts."""
    undated_texts: dict[str, int] = field(default_factory=dict)
    """Column -> texts of steps without a date, which the mapping does not keep."""
    created: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of a dry run: places, subjects and organisations that an import adds where the policy does not list them -> rows."""
    notices: dict[str, int] = field(default_factory=dict)
    """What is surprising in the file, by code of NOTICES, with counts."""
    sheet: str | None = None
    """The sheet of a workbook that was read."""
    preview: list[Item] = field(default_factory=list)
    rejects: str | None = None
    resumed_after_line: int | None = None
    dry_run: bool = False
    seconds: float = 0.0
    rows_per_second: float = 0.0

    @property
    def clean(self) -> bool:
        return not self.refused and not self.bad_rows and not self.left_out


_COUNTED = (
    "rows", "added", "extended", "steps_added", "same", "corrected", "left_out", "refused", "bad_rows", "understood", "dues_equal",
    "dues_different", "dues_not_derived",
)  # fmt: skip


class SeenItems:
    """The items of a file so far, to find two rows of one item that state different filings. Two numbers are kept of each."""

    def __init__(self) -> None:
        self._filing_of: dict[int, int] = {}

    def check(self, item: Item) -> None:
        """Raise RowError `repeated_item` if an earlier row has this item with another filing. Rows with further steps are fine."""
        name = _short(f"{identifier_form(item['channel'])}\x1f{identifier_form(item['item'])}".encode())
        filing = _short(json.dumps([item["filing"], item.get("organisation")], sort_keys=True).encode())
        if self._filing_of.setdefault(name, filing) != filing:
            raise RowError(item["line"], "item", "repeated_item")


def _short(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())


class _Batch(NamedTuple):
    items: list[Item]
    rejects: list[Reject]
    rows: int
    last: int
    warnings: Snapshot
    share: float | None


def _reject(error: RowError, rows: RowMapper) -> Reject:
    return Reject(error.line, error.field, error.code, error.why, error.why_zh, rows.columns_of(error.field))


def _batches(rows: RowMapper, table: Table, after: int, go_live: bool) -> Generator[_Batch, None, None]:
    """The batches of the rows after line `after`. Raises FileError after the last batch of a file that breaks off."""
    items: list[Item] = []
    rejects: list[Reject] = []
    count = size = last = 0
    cut: int | None = None
    seen = SeenItems()
    broken: FileError | None = None
    with closing(iter(table)) as source:
        try:
            for row in source:
                if row.line <= after:
                    continue
                count, last = count + 1, row.line
                try:
                    item = rows.item(row, go_live=go_live)
                    seen.check(item)
                    items.append(item)
                    size += 200 + len(item["filing"].get("text", ""))
                    cut = row.line if row.short else None
                except RowError as error:
                    rejects.append(_reject(error, rows))
                    if cut is not None and (row.short or error.code == "wrong_number_of_fields"):
                        items.pop()
                        rejects.append(_reject(RowError(cut, "row", "cut_row"), rows))
                    cut = None
                if cut is not None and count < 5 * BATCH:  # the next row may show that this one is only half of it
                    continue
                if len(items) >= BATCH or count >= 4 * BATCH or size >= LARGEST_BATCH:
                    yield _Batch(items, rejects, count, last, rows.warnings.snapshot(), table.share)
                    items, rejects, count, size = [], [], 0, 0
        except FileError as error:
            broken = error
    if count:
        yield _Batch(items, rejects, count, last, rows.warnings.snapshot(), table.share)
    if broken is not None:
        raise broken


async def import_file(
    send: Send,
    path: Path,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    ask: Send | None = None,
    go_live: bool = False,
    progress: Progress | None = None,
    state_path: Path | None = None,
    rejects_path: Path | None = None,
) -> Report:
    """Import a file through `send`, which posts one batch and returns one result per item, in order.

    Args:
        dry_run: read everything, record nothing, and show the first rows as the mapping reads them.
        ask: for a dry run, what recording a batch would do, compared with what was imported before. Without it only the file is
            checked.
        go_live: the cases continue as live cases after the import.
        state_path: file of the progress; without it an interrupted import begins again.

    Raises:
        MappingError: before anything is sent.
        FileError: before anything is sent, or where the file breaks off, with the number of rows before it.
        Whatever `send` raises. The same call then resumes where it stopped.
    """
    began = time.monotonic()
    table = Table(path, mapping.source)
    await asyncio.to_thread(table.read_columns)
    rows = RowMapper(mapping, table)
    rows.check_columns()
    state = _ProgressFile(None if dry_run else state_path)
    report = Report(dry_run=dry_run)
    await asyncio.to_thread(state.load, path, mapping, go_live, report)
    if state.warnings is not None:
        rows.warnings.restore(state.warnings)
    rejects = RejectsFile(rejects_path or path.with_name(path.name + ".rejects.csv"), keep=state.rejects)
    before = report.rows
    batches = _batches(rows, table, state.line, go_live)
    under_way: deque[tuple[_Batch, asyncio.Task[list[dict[str, Any]]]]] = deque()
    unreadable: FileError | None = None
    told: Counter[str] = Counter()

    async def post(batch: _Batch) -> list[dict[str, Any]]:
        if dry_run:
            tried = await asyncio.to_thread(_tried, batch.items, mapping.source.zone)
            if ask is None or not batch.items:
                return tried
            answers = await ask(batch.items)
            return [{**answer, "created": one.get("created")} for answer, one in zip(answers, tried, strict=True)]
        return await send(batch.items) if batch.items else []

    try:
        more = True
        while more or under_way:
            if more and len(under_way) < IN_FLIGHT:
                try:
                    batch = await asyncio.to_thread(next, batches, None)
                except FileError as error:  # the rows before it are still sent
                    unreadable, batch = error, None
                if batch is None:
                    more = False
                    continue
                if dry_run and len(report.preview) < SHOWN:
                    report.preview += [preview(item) for item in batch.items[: SHOWN - len(report.preview)]]
                under_way.append((batch, asyncio.create_task(post(batch))))
                await asyncio.sleep(0)
                continue
            batch, task = under_way.popleft()
            results = await task
            _count(report, batch, results, rejects, rows)
            told.update(code for result in results for code in result.get("notices") or ())
            warnings = _with(batch.warnings, told)
            state.save(batch.last, report, warnings, rejects.size)
            _report_warnings(report, rows, warnings, table)
            if progress is not None:
                progress(report, batch.share)
    finally:
        with suppress(ValueError):  # a thread still reads: it stops at the end of its batch
            batches.close()
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
    if unreadable is not None:
        unreadable.rows = report.rows
        raise unreadable
    state.done()
    _report_warnings(report, rows, _with(rows.warnings.snapshot(), told), table)
    report.rejects = str(rejects.path) if rejects.size else None
    report.seconds = round(time.monotonic() - began, 3)
    report.rows_per_second = round((report.rows - before) / max(report.seconds, 0.001), 1)
    return report


def _tried(items: list[Item], zone: str) -> list[dict[str, Any]]:
    """What an import would leave out of these rows."""
    results: list[dict[str, Any]] = []
    for item in items:
        try:
            parsed = validated(HistoryItem, item)
        except Refused as refused:
            why_zh = describe(refused)["detail_zh"]
            told = {"code": refused.code, "why": refused.detail, "why_zh": why_zh, "field": refused.field}
            results.append({"result": "refused", **told})
            continue
        responsible = parsed.organisation is not None or parsed.org is not None
        _possible, left = impossible(
            parsed.distinct_steps, parsed.filing.received_at, datetime.now(UTC), zone, responsible=responsible
        )
        named = [] if accuses(parsed) else created_names(parsed)
        results.append({"result": "understood", "left_out": [one._asdict() for one in left], "created": named})
    return results


def _count(report: Report, batch: _Batch, results: list[dict[str, Any]], rejects: RejectsFile, rows: RowMapper) -> None:
    bad = list(batch.rejects)
    problems: Counter[str] = Counter(report.problems)
    problems.update(reject.code for reject in bad)
    counts = vars(report)
    for item, result in zip(batch.items if results else [], results, strict=True):
        kind = result["result"]
        if kind != "understood":
            counts[kind] += 1
        report.steps_added += result.get("steps_added") or 0
        if result.get("due") is not None:
            counts[f"dues_{result['due']['result']}"] += 1
        if kind == "refused":
            code = str(result.get("code") or "refused")
            problems[code] += 1
            why = str(result.get("why") or "")
            where, why_zh = str(result.get("field") or "row"), str(result.get("why_zh") or why)
            bad.append(Reject(item["line"], where, code, why, why_zh, rows.columns_of(where)))
        report.corrected += result.get("corrected") or 0
        for section, name in result.get("created") or ():
            names = report.created.setdefault(section, {})
            shown = name if name in names or len(names) < MOST_NAMES else OTHERS
            names[shown] = names.get(shown, 0) + 1
        for part in result.get("left_out") or ():
            column = rows.columns_of(part["field"])
            bad.append(Reject(item["line"], part["field"], part["code"], part["why"], part["why_zh"], column))
            problems[part["code"]] += 1
            report.left_out += 1
    rejects.write(bad)
    report.rows += batch.rows
    report.understood += len(batch.items)
    report.bad_rows += len(batch.rejects)
    report.problems = dict(sorted(problems.items()))


def _with(warnings: Snapshot, told: Counter[str]) -> Snapshot:
    """The warnings with the notices that the results of the rows brought."""
    return warnings._replace(notices=dict(Counter(warnings.notices) + told))


def _report_warnings(report: Report, rows: RowMapper, warnings: Snapshot, table: Table) -> None:
    report.empty_values = dict(sorted(warnings.empty.items()))
    report.undated_texts = dict(sorted(warnings.undated.items()))
    found = Counter(table.found) + Counter(warnings.notices)
    report.notices = dict(sorted(found.items()))
    report.sheet = table.sheet
    report.cleaned = warnings.cleaned
    report.dropped_columns = rows.dropped()
    report.unmapped_columns = dict(sorted(warnings.unmapped_columns.items()))
    report.unmapped_values = {
        column: dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
        for column, counts in sorted(warnings.unmapped_values.items())
    }


class _ProgressFile:
    """The progress of an import: a small file, replaced as a whole, that identifies file and mapping by their hash."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.line = 0
        self.rejects = 0
        self.warnings: Snapshot | None = None
        self._key = ""

    def load(self, file: Path, mapping: Mapping, go_live: bool, report: Report) -> None:
        """Read the progress of the same file with the same mapping. Any other import begins at the first row."""
        if self.path is None:
            return
        digest = hashlib.sha256(f"{mapping.model_dump_json()}\n{go_live}\n".encode())
        with file.open("rb") as source:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
        self._key = digest.hexdigest()
        try:
            found = json.loads(self.path.read_text("utf-8"))
            if found["key"] != self._key:
                return
            counts = {name: int(found["report"][name]) for name in _COUNTED}
            problems = {str(code): int(count) for code, count in found["report"]["problems"].items()}
            warnings = Snapshot(*found["noted"])
            line, rejects = int(found["line"]), int(found["rejects"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        self.line, self.rejects, self.warnings = line, rejects, warnings
        vars(report).update(counts)
        report.problems = problems
        report.resumed_after_line = line

    def save(self, line: int, report: Report, warnings: Snapshot, rejects: int) -> None:
        if self.path is None:
            return
        counts = {name: vars(report)[name] for name in (*_COUNTED, "problems")}
        content = {"key": self._key, "line": line, "rejects": rejects, "report": counts, "noted": list(warnings)}
        new = self.path.with_name(self.path.name + ".new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)
        new.replace(self.path)

    def done(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
