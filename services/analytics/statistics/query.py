"""The query of statistics: one SQL statement per measure over the facts, then figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from math import sqrt
from typing import Any, NamedTuple

from services.analytics.fact_store.store import Facts, Statement
from services.analytics.fact_store.visibility import (
    EVERYTHING,
    LogExtent,
    Visibility,
    band,
    extent_of,
    on_day,
    past_tables,
    sealed_count,
)
from services.analytics.statistics.measures import SHOWN_WITH, VERSIONS, Measure, measures_of
from services.analytics.statistics.models import (
    COMPARES,
    DIMENSIONS,
    Compared,
    Dimension,
    Figure,
    StatsQuery,
    StatsResult,
)
from services.analytics.statistics.period import Compare, Period, parse
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Invalid

_COARSE = ("all", "year")
"""Periods that the coarse number of sealed cases is given for: by shorter ones the day of a single case could be found."""
NO_CODE = "-"
"""A case without that code."""
DAY = 86400.0
"""Seconds of a day."""
_Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

Key = tuple[str, ...]


class _Cell(NamedTuple):
    numerator: int
    denominator: int
    unknown: int
    amount: float | None = None


_EMPTY = _Cell(0, 0, 0)
Cells = Mapping[tuple[str | None, Key], _Cell]


async def query(
    facts: Facts,
    request: StatsQuery,
    now: datetime,
    visibility: Visibility = EVERYTHING,
    *,
    current: bool = True,
    day: date | None = None,
) -> StatsResult:
    """The figures as of `now`, of the cases of the open track.

    Args:
        day: as they were known at the end of that day, of the cases that are of the open track now.
        current: False for facts as of an earlier day, which hold no sealed case.
    Raises:
        Invalid: unknown period, group, comparison or measure.
    """
    period, by, compare, measures = parse(request.period), _by(request), _compare(request), _measures(request)
    periods = [period, *(period.compared(with_) for with_ in compare)]
    if "clock" in by:
        measures = [measure for measure in measures if measure.source == "clocks"]
    statements = [_statement(measure, by, one, now, visibility, day) for measure in measures for one in periods]
    made = past_tables(visibility, day) if day is not None else []
    asked = [*made, extent_of(visibility, day), _sealed(period, visibility), *statements]
    (extent,), sealed, *answers = (await facts.select(asked))[len(made) :]
    figures: list[Figure] = []
    for place, measure in enumerate(measures):
        own = answers[place * len(periods) : (place + 1) * len(periods)]
        present, *others = (_cells(measure, by, rows) for rows in own)
        figures += _figures(measure, by, present, list(zip(compare, periods[1:], others, strict=True)))
    everything = period.kind == "all"
    cases, events = LogExtent(*extent)
    return StatsResult(
        metric_version=request.version,
        period=period.label,
        first=None if everything else period.first.isoformat(),
        last=None if everything else period.last.isoformat(),
        now=to_text(now),
        by=by,
        cases=cases,
        events=events,
        sealed=band(sealed[0][0]) if current and period.kind in _COARSE else None,
        figures=tuple(figures),
    )


def _sealed(period: Period, visibility: Visibility) -> Statement:
    return sealed_count(visibility), {"first": period.first, "last": period.last, **visibility.values()}


def _known(field: str, code: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    if len(set(given)) != len(given) or any(name not in allowed for name in given):
        raise Invalid(
            code,
            f"Use each of these at most once: {', '.join(allowed)}.",
            detail_zh=f"可用值（各至多一次）：{'、'.join(allowed)}。",
            field=field,
            allowed=list(allowed),
        )


def _by(request: StatsQuery) -> tuple[Dimension, ...]:
    _known("by", "unknown_group", request.by, DIMENSIONS)
    return tuple(name for name in request.by if name in DIMENSIONS)


def _compare(request: StatsQuery) -> tuple[Compare, ...]:
    _known("compare", "wrong_compare", request.compare, COMPARES)
    if request.compare and {"month", "period"} & set(request.by):
        raise Invalid(
            "wrong_compare",
            "Groups by month or period cannot be compared with another period. Leave them out to compare.",
            detail_zh="按月或按期间分组时不能比较，请去掉分组后再比较。",
            field="compare",
        )
    return tuple(name for name in COMPARES if name in request.compare)


def _measures(request: StatsQuery) -> list[Measure]:
    if request.version not in VERSIONS:
        raise Invalid(
            "unknown_version",
            f"Figures can be computed in these metric versions: {', '.join(map(str, VERSIONS))}.",
            detail_zh=f"可用的口径版本：{'、'.join(map(str, VERSIONS))}。",
            field="version",
        )
    _known("measures", "unknown_measure", request.measures, [one.name for one in measures_of(request.version)])
    wanted = {*request.measures, *(SHOWN_WITH[name] for name in request.measures if name in SHOWN_WITH)}
    return [measure for measure in measures_of(request.version) if not wanted or measure.name in wanted]


# -------------------------------------------------------------------- SQL


def _dimension(name: Dimension, measure: Measure) -> str:
    if name == "organisation":
        return f"coalesce({measure.org}, '{NO_CODE}')"
    if name == "month":
        return f"coalesce(strftime({measure.day}, '%Y-%m'), '{NO_CODE}')"
    if name == "period":
        return "$label"
    return f"coalesce(\"{name}\", '{NO_CODE}')"


def sql_of(measure: Measure, by: Sequence[Dimension], visible: str = "true", *, past: bool = False) -> str:
    """One statement over the rows that meet `visible`: the label, the groups, then numerator, denominator, unknown and the
    amount of a quantile. `past`: from the tables of past_tables()."""
    keys = [measure.label or "NULL", *(_dimension(name, measure) for name in by)]
    source, amount = on_day(measure.source) if past else measure.source, "NULL"
    if measure.shape == "quantile":
        amount = f"quantile_disc(amount, {measure.percent / 100}) FILTER (WHERE denominator)"
    named = ", ".join(f"k{place}" for place in range(len(keys)))
    inner = ", ".join(f"{sql} AS k{place}" for place, sql in enumerate(keys))
    return f"""
        SELECT {named}, count(*) FILTER (WHERE denominator AND numerator), count(*) FILTER (WHERE denominator),
               count(*) FILTER (WHERE unknown), {amount}
        FROM (
            SELECT {inner}, ({measure.denominator}) AS denominator, ({measure.numerator}) AS numerator,
                   ({measure.unknown}) AS unknown, {measure.amount} AS amount
            FROM {source} WHERE ({measure.where}) AND {visible} AND {measure.day} BETWEEN $first AND $last
        ) WHERE denominator OR unknown GROUP BY {named} ORDER BY {named}
    """


def _statement(
    measure: Measure, by: Sequence[Dimension], period: Period, now: datetime, visibility: Visibility, day: date | None
) -> Statement:
    sql = sql_of(measure, by, visibility.condition, past=day is not None)
    known: dict[str, Any] = {
        "first": period.first,
        "last": period.last,
        "now": now.astimezone(UTC).replace(tzinfo=None),
        "label": period.label,
        **visibility.values(),
    }
    return sql, {name: value for name, value in known.items() if f"${name}" in sql}


def _cells(measure: Measure, by: Sequence[Dimension], rows: Iterable[Sequence[Any]]) -> Cells:
    """The cells in the rows of a statement; without groups and labels there is always one."""
    found = {(row[0], tuple(row[1 : 1 + len(by)])): _Cell(*row[1 + len(by) :]) for row in rows}
    return found if found or by or measure.label is not None else {(None, ()): _EMPTY}


# -------------------------------------------------------------------- figures


def wilson_lower(numerator: int, denominator: int) -> float | None:
    """The lower bound of Wilson's score interval, two-sided 95 %, of a share; None where the denominator is 0.

    Unlike the share itself it does not overrate small numbers: 3 of 3 is not 100 %.
    """
    if denominator == 0:
        return None
    if numerator == 0:
        return 0.0
    share = numerator / denominator
    square = _Z95 * _Z95 / denominator
    margin = _Z95 * sqrt(share * (1 - share) / denominator + square / (4 * denominator))
    return (share + square / 2 - margin) / (1 + square)


def _known_rows(measure: Measure, cell: _Cell) -> int:
    """The number of rows whose outcome is known."""
    return cell.denominator - (cell.unknown if measure.lower_bound else 0)


def _value(measure: Measure, cell: _Cell) -> float | None:
    if measure.shape == "count":
        return float(cell.denominator)
    if measure.shape == "quantile":
        return cell.amount / DAY if cell.amount is not None else None
    return cell.numerator / cell.denominator if _known_rows(measure, cell) else None


def _figures(
    measure: Measure, by: Sequence[str], cells: Cells, comparisons: Sequence[tuple[str, Period, Cells]]
) -> list[Figure]:
    keys = {*cells, *(key for _, _, other in comparisons for key in other)}
    rate = measure.shape == "rate"
    figures = []
    for label, group in sorted(keys, key=lambda key: (key[0] or "", key[1])):
        cell = cells.get((label, group), _EMPTY)
        value = _value(measure, cell)
        compared = []
        for with_, period, others in comparisons:
            other = others.get((label, group), _EMPTY)
            then = _value(measure, other)
            compared.append(
                Compared.model_validate(
                    {
                        "with": with_,
                        "period": period.label,
                        "numerator": other.numerator if rate else None,
                        "denominator": other.denominator,
                        "unknown": other.unknown,
                        "value": then,
                        "difference": value - then if value is not None and then is not None else None,
                    }
                )
            )
        figures.append(
            Figure(
                measure=measure.name,
                of=label,
                group=dict(zip(by, group, strict=True)),
                shape=measure.shape,
                unit=measure.unit,
                numerator=cell.numerator if rate else None,
                denominator=cell.denominator,
                unknown=cell.unknown,
                value=value,
                wilson_low=wilson_lower(cell.numerator, cell.denominator)
                if rate and _known_rows(measure, cell)
                else None,
                compared=tuple(compared),
            )
        )
    return figures
