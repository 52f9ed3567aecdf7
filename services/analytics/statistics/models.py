"""The query and its result: the same models for HTTP, for files and for the terminal."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.analytics.statistics.measures import VERSION
from services.analytics.statistics.period import Compare

Dimension = Literal["organisation", "place", "subject", "channel", "class", "clock", "month", "period"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
COMPARES: tuple[Compare, ...] = get_args(Compare)


def _described(description: str) -> Any:
    return Field(description=description)


class StatsQuery(BaseModel):
    """The query. An empty `measures` means all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: str = "all"
    by: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    version: int = VERSION


class Compared(BaseModel):
    """The same figure in another period."""

    model_config = ConfigDict(frozen=True)

    with_: Annotated[
        str, Field(alias="with", description="month: the month before; year: the same period a year before")
    ]
    period: Annotated[str, _described("That period")]
    numerator: Annotated[int | None, _described("As in the figure")]
    denominator: Annotated[int, _described("As in the figure")]
    unknown: Annotated[int, _described("As in the figure")]
    value: Annotated[float | None, _described("Value in that period")]
    difference: Annotated[
        float | None, _described("The value minus that one; for rates as a share (0.01 is one percentage point)")
    ]


class Figure(BaseModel):
    """One figure of one group."""

    model_config = ConfigDict(frozen=True)

    measure: Annotated[str, _described("Which figure, as in docs/metrics.md")]
    of: Annotated[str | None, _described("Member of a family of figures: the clock, the state, the kind, the object")]
    group: Annotated[dict[str, str], _described("Dimension -> code; `-` where a case has none")]
    shape: Annotated[
        Literal["rate", "quantile", "count"], _described("rate: numerator ÷ denominator; quantile: nearest rank; count")
    ]
    unit: Annotated[Literal["", "days"], _described("days: of 24 hours")]
    numerator: Annotated[int | None, _described("Of a rate; null otherwise")]
    denominator: Annotated[
        int, _described("Rows that count: the divisor of a rate, the ranked rows of a quantile, or the count")
    ]
    unknown: Annotated[int, _described("History with an unknown outcome: in neither numerator nor denominator")]
    value: Annotated[float | None, _described("The value; null if no row counts")]
    wilson_low: Annotated[float | None, _described("Wilson's lower bound, 95 %, of a rate")]
    compared: Annotated[tuple[Compared, ...], _described("The same figure in the compared periods")] = ()


class StatsResult(BaseModel):
    """The figures, the time for which they hold, and the cases and events on which they are based."""

    model_config = ConfigDict(frozen=True)

    metric_version: Annotated[int, _described("Version of the formulas")] = VERSION
    period: Annotated[str, _described("Period of the cohorts")]
    first: Annotated[str | None, _described("Its first day; null for all")]
    last: Annotated[str | None, _described("Its last day; null for all")]
    now: Annotated[str, _described("Deadlines up to this instant count, UTC")]
    by: Annotated[tuple[str, ...], _described("Groups")]
    cases: Annotated[int, _described("Number of cases that the answer is based on")]
    events: Annotated[int, _described("Position: the sum of the versions of these cases")]
    sealed: Annotated[
        str | None,
        _described(
            "Band of the number of accusations and cases with a respondent organisation that were filed in a whole year or ever;"
            " they count in no figure. Null for other periods"
        ),
    ] = None
    figures: Annotated[tuple[Figure, ...], _described("All figures, in the order of docs/metrics.md")]
    names: Annotated[dict[str, str], _described("Code -> name, of the codes in the groups")] = Field(
        default_factory=dict
    )
