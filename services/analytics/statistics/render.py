"""Output formats of figures: table, CSV, XLSX and JSON, all from the same rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.table import Table

from services.analytics.statistics.measures import BY_NAME
from services.analytics.statistics.models import Figure, StatsResult
from shared.kernel.plain_text import formula
from shared.kernel.wording import code_words, with_words

Lang = Literal["zh", "en"]
Cell = str | int | float | None

_HEADS: dict[str, dict[Lang, str]] = {
    "measure": {"zh": "指标代码", "en": "figure"},
    "measure_name": {"zh": "指标", "en": "name of the figure"},
    "of": {"zh": "分项代码", "en": "of"},
    "of_name": {"zh": "分项", "en": "of, in words"},
    "value": {"zh": "值", "en": "value"},
    "unit": {"zh": "单位（率为0至1）", "en": "unit (a share is 0 to 1)"},
    "value_hours": {"zh": "值（小时）", "en": "value (hours)"},
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
_UNITS: dict[str, dict[Lang, str]] = {
    "rate": {"zh": "率", "en": "share"},
    "quantile": {"zh": "天", "en": "days"},
    "count": {"zh": "件", "en": "cases"},
}
"""Shape of a figure -> unit of its value."""
_HEAD_UNITS: dict[str, dict[Lang, str]] = {
    "numerator": {"zh": "（件）", "en": " (cases)"},
    "denominator": {"zh": "（件）", "en": " (cases)"},
    "unknown": {"zh": "（件）", "en": " (cases)"},
    "wilson_low": {"zh": "（率）", "en": " (share)"},
}
_NUMBER = re.compile(r"-\d+(\.\d+)?")


class Sheet(NamedTuple):
    """Figures as rows, with codes as column names."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def _comparisons(result: StatsResult) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.with_ for figure in result.figures for one in figure.compared))


def sheet(result: StatsResult, lang: Lang = "zh") -> Sheet:
    """One row per figure: each code with its name, each value with its unit. Column names are stable and values exact."""
    withs = _comparisons(result)
    extra = tuple(f"{what}_{with_}" for with_ in withs for what in ("value", "difference", "denominator", "unknown"))
    groups = tuple(column for name in result.by for column in (name, f"{name}_name"))
    columns = (
        "measure", "measure_name", "of", "of_name", *groups, "value", "unit", "value_hours", "numerator", "denominator",
        "unknown", "wilson_low", *extra,
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for figure in result.figures:
        compared = {one.with_: one for one in figure.compared}
        measure, part = BY_NAME[figure.measure], code_words(figure.of) if figure.of else None
        cells: list[Cell] = [figure.measure, measure.zh if lang == "zh" else measure.en, figure.of]
        cells.append(None if part is None else part.zh if lang == "zh" else part.en)
        for name in result.by:
            code = figure.group.get(name)
            cells += [code, result.names.get(code or "")]
        hours = figure.value * 24 if figure.value is not None and figure.shape == "quantile" else None
        cells += [figure.value, _UNITS[figure.shape][lang], hours, figure.numerator, figure.denominator]
        cells += [figure.unknown, figure.wilson_low]
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


def as_csv(result: StatsResult, lang: Lang = "zh") -> str:
    """RFC 4180, exact values."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns, rows = sheet(result, lang)
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
    columns, rows = sheet(result, lang)
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


def as_parquet(result: StatsResult, lang: Lang = "zh") -> bytes:
    """A Parquet file with the columns of the CSV, typed; the unit of a column is in its metadata."""
    import pyarrow as pa
    from pyarrow import parquet

    columns, rows = sheet(result, lang)
    fields = [
        pa.field(name, _arrow_type(pa, name), metadata={"unit": unit} if (unit := _unit_of(name)) else None)
        for name in columns
    ]
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    arrays = [pa.array(list(column), field.type) for column, field in zip(values, fields, strict=True)]
    out = io.BytesIO()
    parquet.write_table(pa.table(arrays, schema=pa.schema(fields)), out, compression="zstd")
    return out.getvalue()


def _base(name: str) -> str:
    """The name of a column without the comparison that it belongs to."""
    base, _, with_ = name.rpartition("_")
    return base if base in _HEADS and with_ in _WITH else name


def _arrow_type(pa: Any, name: str) -> Any:
    base = _base(name)
    if base in ("numerator", "denominator", "unknown"):
        return pa.int64()
    return pa.float64() if base in ("value", "value_hours", "wilson_low", "difference") else pa.string()


def _unit_of(name: str) -> str | None:
    base = _base(name)
    if base in ("numerator", "denominator", "unknown"):
        return "cases"
    return {"value_hours": "hours", "wilson_low": "share"}.get(base)


def as_json(result: StatsResult) -> str:
    return result.model_dump_json(by_alias=True, indent=2)


def as_table(result: StatsResult, lang: Lang = "zh") -> Table:
    """A table for people: names with codes, percentages, days."""
    table = Table(header_style="bold")
    withs = _comparisons(result)
    for name in ("measure_name", *result.by):
        table.add_column(
            _head("measure" if name == "measure_name" and lang == "en" else name, lang), overflow="fold", min_width=12
        )
    for name in ("value", "numerator", "denominator", "unknown", "wilson_low"):
        table.add_column(_HEADS[name][lang], justify="right", no_wrap=True)
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
    part = with_words(figure.of).removesuffix(f" {figure.of}") if lang == "zh" else figure.of
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
        return f"{sign}{value * 24:.1f} h" if abs(value) < 1 else f"{sign}{value:.1f} d"
    return f"{sign}{value * 100:.1f}" + (" pp" if signed else " %")


def _head(name: str, lang: Lang) -> str:
    base, _, with_ = name.rpartition("_")
    if base in _HEADS and with_ in _WITH:
        return f"{_HEADS[base][lang]} ({_WITH[with_][lang]})"
    outer, _, last = name.rpartition("_")
    if name not in _HEADS and last == "name":
        return f"{_HEADS[outer][lang]}{'名称' if lang == 'zh' else ', name'}"
    return _HEADS[name][lang] + _HEAD_UNITS.get(name, {"zh": "", "en": ""})[lang]


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


def print_table(
    result: StatsResult, lang: Lang = "zh", console: Console | None = None, width: int | None = None
) -> None:
    """Print the figures. `width`: columns of the table where its figures have room in them; None: those of the console."""
    console = console or Console()
    console.print(_title(result, lang), markup=False, soft_wrap=True)  # a title of the table breaks at its width
    table = as_table(result, lang)
    if width is not None:
        table.width = max(width, console.measure(table).minimum)
        table.width = min(table.width, console.measure(as_table(result, lang)).maximum)
    console.print(table)
