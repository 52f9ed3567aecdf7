"""Policies in a spreadsheet: a CSV file holds one entry per line; lists inside a cell are separated by `;`."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import Any

from shared.events.policy import Section
from shared.policy.documents import Channel, Document, Organisation, Place, QrCode, Subject
from shared.policy.keyword_rules import KeywordRule
from shared.policy.routing_table import RoutingRule
from shared.policy.validation.finding import Finding
from shared.policy.validation.messages import finding

LISTS: tuple[Section, ...] = ("organisations", "places", "subjects", "channels")
TABLES: dict[str, tuple[Section, str, type[Document]]] = {
    "organisations": ("organisations", "organisations", Organisation),
    "places": ("places", "places", Place),
    "subjects": ("subjects", "subjects", Subject),
    "channels": ("channels", "channels", Channel),
    "qr_codes": ("channels", "qr_codes", QrCode),
    "routing": ("routing", "rules", RoutingRule),
    "keywords": ("keywords", "rules", KeywordRule),
}
"""Table -> section, the list of the section that its lines are, the form of a line."""
_CELL_LISTS = ("places", "review_choice", "any", "all", "none")
_CELL_FLAGS = ("queue", "suspected", "official", "may_follow_up")
_SEPARATORS = re.compile("[;；]")
_FLAGS = {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}


@dataclass
class Table:
    """The content of a CSV file. `section` None: it is not a table of a policy."""

    section: Section | None
    inner: str
    """The list in the section that its lines are."""
    findings: list[Finding] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """Where -> line."""
    columns: dict[str, str] = field(default_factory=dict)
    """Heading -> the letter that a spreadsheet shows."""


def read_table(name: str, text: str) -> Table:
    """The entries of a CSV file, which is named after its table."""
    table = name[: -len(".csv")].lower()
    if table not in TABLES:
        allowed = [f"{known}.csv" for known in TABLES]
        return Table(None, "", [finding(table, "not_a_table", file=name, tables=allowed)])
    section, inner, form = TABLES[table]
    found = Table(section, inner)
    prefix = inner if inner == section else f"{section}.{inner}"
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        unknown = _headings(found, name, form, [heading.strip() for heading in rows.fieldnames or ()])
        _read(found, name, table, prefix, rows, unknown)
    except csv.Error:  # a quotation mark that is not closed would hide all rows after it in one cell
        found.findings.append(finding(table, "broken_quotes", file=name, line=rows.line_num))
    found.lines.setdefault(section, 1)
    return found


def _read(found: Table, name: str, table: str, prefix: str, rows: csv.DictReader[str], unknown: set[str]) -> None:
    for row in rows:
        line = rows.line_num
        if None in row or None in row.values():
            message = "too_many_cells" if None in row else "too_few_cells"
            found.findings.append(finding(table, message, file=name, line=line))
            continue
        entry = {
            _field(key.strip()): _cell(key.strip(), value.strip())
            for key, value in row.items()
            if value.strip() and key.strip() not in unknown
        }
        if not entry:
            continue
        where = f"{prefix}[{entry.get('id') or entry.get('code') or len(found.entries)}]"
        found.lines.setdefault(where, line)
        found.entries.append(entry)


def _headings(found: Table, name: str, form: type[Document], headings: list[str]) -> set[str]:
    """Note the columns; returns the unknown ones, each of which is a finding."""
    table, known = name[: -len(".csv")].lower(), list(form.model_fields)
    unknown = set()
    for place, heading in enumerate(headings):
        letter = _letter(place)
        if heading and heading in headings[:place]:
            found.findings.append(finding(f"{table}.{heading}", "repeated_column", file=name, line=1, column=letter))
        found.columns.setdefault(_field(heading), letter)
        if _field(heading) not in known:
            unknown.add(heading)
            columns = [field.rstrip("_") for field in known]
            where = f"{table}.{heading or letter}"
            found.findings.append(finding(where, "not_a_column", file=name, line=1, column=letter, columns=columns))
    for column, info in form.model_fields.items():
        if info.is_required() and column not in map(_field, headings):
            found.findings.append(finding(table, "column_missing", file=name, line=1, absent=column.rstrip("_")))
    return unknown


def _field(heading: str) -> str:
    """The field of a heading; `class` is a keyword of Python, so its field has another name."""
    return "class_" if heading == "class" else heading


def _letter(place: int) -> str:
    """The letters with which spreadsheets name a column: A to Z, then AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _cell(column: str, value: str) -> Any:
    if column in _CELL_LISTS:
        return [part.strip() for part in _SEPARATORS.split(value) if part.strip()]
    if column in _CELL_FLAGS:
        return _FLAGS.get(value.lower(), value)
    return value
