"""Output formats of figures: table, CSV, XLSX and JSON, all from the same rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.console import Console
from rich.table import Table

from services.analytics.statistics.measures import BY_NAME
from services.analytics.statistics.models import Figure, StatsResult
from shared.kernel.plain_text import formula
from shared.kernel.wording import with_words

Lang = Literal["zh", "en"]
Cell = str | int | float | None

_HEADS: dict[str, dict[Lang, str]] = {
    "measure": {"zh": "指标", "en": "figure"},
    "of": {"zh": "分项", "en": "of"},
    "value": {"zh": "值", "en": "value"},
    "numerator": {"zh": "分子", "en": "numerator"},
    "denominator": {"zh": "分母", "en": "denominator"},
    "unknown": {"zh": "未知", "en": "unknown"},
    "wilson_low": {"zh": "下限95%", "en": "low 95 %"},
    "organisation": {"zh": "单位", "en": "organisation"},
    "place": {"zh": "属地", "en": "place"},
    "subject": {"zh": "内容分类", "en": "subject"},
    "channel": {"zh": "渠道", "en": "channel"},
    "class": {"zh": "类别", "en": "class"},
    "clock": {"zh": "时限", "en": "clock"},
    "month": {"zh": "月份", "en": "month"},
    "period": {"zh": "期间", "en": "period"},
    "difference": {"zh": "增减", "en": "difference"},
}
_WITH: dict[str, dict[Lang, str]] = {
    "month": {"zh": "上月", "en": "month before"},
    "year": {"zh": "上年同期", "en": "year before"},
}
_NUMBER = re.compile(r"-\d+(\.\d+)?")


class Sheet(NamedTuple):
    """Figures as rows, with codes as column names."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def _comparisons(result: StatsResult) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.with_ for figure in result.figures for one in figure.compared))


def sheet(result: StatsResult) -> Sheet:
    """One row per figure. Column names are stable and values exact."""
    withs = _comparisons(result)
    extra = tuple(f"{what}_{with_}" for with_ in withs for what in ("value", "difference", "denominator", "unknown"))
    columns = ("measure", "of", *result.by, "value", "numerator", "denominator", "unknown", "wilson_low", *extra)
    rows: list[tuple[Cell, ...]] = []
    for figure in result.figures:
        compared = {one.with_: one for one in figure.compared}
        cells: list[Cell] = [figure.measure, figure.of, *(figure.group.get(name) for name in result.by)]
        cells += [figure.value, figure.numerator, figure.denominator, figure.unknown, figure.wilson_low]
        for with_ in withs:
            other = compared.get(with_)
            cells += [other.value, other.difference, other.denominator, other.unknown] if other else [None] * 4
        rows.append(tuple(cells))
    return Sheet(columns, rows)


def defused(cell: Cell) -> Cell:
    """The cell, with an apostrophe if a spreadsheet would execute its text as a formula; negative numbers stay numbers."""
    if isinstance(cell, str) and formula(cell) and cell != "-" and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def as_csv(result: StatsResult) -> str:
    """RFC 4180, exact values."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns, rows = sheet(result)
    writer.writerow(columns)
    writer.writerows([defused(cell) for cell in row] for row in rows)
    return out.getvalue()


def as_xlsx(result: StatsResult, lang: Lang = "zh") -> bytes:
    """A workbook with one sheet. Texts are stored as texts, even if they look like formulas."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    page = book.create_sheet("stats")
    columns, rows = sheet(result)
    page.freeze_panes = "A2"
    heads = [WriteOnlyCell(page, value=_head(name, lang)) for name in columns]
    for head in heads:
        head.font = Font(bold=True)
    page.append(heads)
    for row in rows:
        cells = [WriteOnlyCell(page, value=value) for value in row]
        for cell, value in zip(cells, row, strict=True):
            if isinstance(value, str):
                cell.data_type = "s"
        page.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_json(result: StatsResult) -> str:
    return result.model_dump_json(by_alias=True, indent=2)


def as_table(result: StatsResult, lang: Lang = "zh") -> Table:
    """A table for people: names with codes, percentages, days."""
    table = Table(header_style="bold")
    withs = _comparisons(result)
    for name in ("measure", *result.by):
        table.add_column(_head(name, lang), overflow="fold")
    for name in ("value", "numerator", "denominator", "unknown", "wilson_low"):
        table.add_column(_head(name, lang), justify="right", no_wrap=True)
    for with_ in withs:
        table.add_column(_WITH[with_][lang], justify="right", no_wrap=True)
        table.add_column(_head("difference", lang), justify="right", no_wrap=True)
    last = None
    for figure in result.figures:
        if result.by and last is not None and last != figure.measure:
            table.add_section()
        last = figure.measure
        table.add_row(*_line(figure, result, withs, lang))
    return table


def _line(figure: Figure, result: StatsResult, withs: Sequence[str], lang: Lang) -> list[str]:
    measure = BY_NAME[figure.measure]
    name = measure.zh if lang == "zh" else measure.en
    part = with_words(figure.of) if lang == "zh" else figure.of
    cells = [f"{name} {part}" if part else name]
    for dimension in result.by:
        code = figure.group[dimension]
        known = result.names.get(code)
        cells.append(f"{known} {code}" if known and known != code else code)
    numerator = "" if figure.numerator is None else str(figure.numerator)
    lower_bound = "" if figure.wilson_low is None else f"{figure.wilson_low * 100:.1f} %"
    cells += [_shown(figure, figure.value), numerator, str(figure.denominator), str(figure.unknown), lower_bound]
    compared = {one.with_: one for one in figure.compared}
    for with_ in withs:
        other = compared.get(with_)
        cells.append(_shown(figure, other.value if other else None))
        cells.append(_shown(figure, other.difference if other else None, signed=True))
    return [cell.replace("[", r"\[") for cell in cells]  # rich reads square brackets as markup


def _shown(figure: Figure, value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    sign = "+" if signed and value > 0 else ""
    if figure.shape == "count":
        return f"{sign}{value:.0f}"
    if figure.shape == "quantile":
        return f"{sign}{value:.1f} d"
    return f"{sign}{value * 100:.1f}" + (" pp" if signed else " %")


def _head(name: str, lang: Lang) -> str:
    base, _, with_ = name.rpartition("_")
    if base in _HEADS and with_ in _WITH:
        return f"{_HEADS[base][lang]} ({_WITH[with_][lang]})"
    return _HEADS[name][lang]


def _title(result: StatsResult, lang: Lang) -> str:
    period = result.period
    if lang == "zh":
        sealed = f" · 另有密件 {result.sealed} 件" if result.sealed else ""
        return (
            f"期间 {period} · 截至 {result.now} · 依据 {result.cases} 件 {result.events} 个事件{sealed}"
            f" · 口径 {result.metric_version}"
        )
    sealed = f" · sealed cases {result.sealed}" if result.sealed else ""
    return (
        f"period {period} · as of {result.now} · based on {result.cases} cases, {result.events} events{sealed} · "
        f"metric version {result.metric_version}"
    )


def print_table(result: StatsResult, lang: Lang = "zh", console: Console | None = None) -> None:
    console = console or Console()
    console.print(_title(result, lang), markup=False, soft_wrap=True)  # a title of the table breaks at its width
    console.print(as_table(result, lang))
