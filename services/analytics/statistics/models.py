"""What is asked and what is answered: the same models for HTTP, for files and for the terminal."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.analytics.statistics.measures import VERSION
from services.analytics.statistics.period import Compare

Dimension = Literal["organisation", "place", "subject", "channel", "class", "clock", "month", "period"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
COMPARES: tuple[Compare, ...] = get_args(Compare)


def _says(description: str) -> Any:
    return Field(description=description)


class StatsQuery(BaseModel):
    """What is asked. An empty `measures` means all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: str = "all"
    by: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


class Compared(BaseModel):
    """The same figure in another period."""

    model_config = ConfigDict(frozen=True)

    with_: Annotated[
        str, Field(alias="with", description="month: the month before; year: the same period a year before")
    ]
    period: Annotated[str, _says("That period")]
    numerator: Annotated[int | None, _says("As in the figure")]
    denominator: Annotated[int, _says("As in the figure")]
    unknown: Annotated[int, _says("As in the figure")]
    value: Annotated[float | None, _says("The figure of that period")]
    difference: Annotated[float | None, _says("The figure minus this one; of rates, as a share (0.01 is one point)")]


class Figure(BaseModel):
    """One figure of one group."""

    model_config = ConfigDict(frozen=True)

    measure: Annotated[str, _says("Which figure, as in docs/metrics.md")]
    of: Annotated[str | None, _says("Which one of a family: the clock, the state, the kind, the object")]
    group: Annotated[dict[str, str], _says("Dimension -> code; `-` where a case has none, `sealed` for accusations")]
    shape: Annotated[
        Literal["rate", "quantile", "count"], _says("rate: numerator ÷ denominator; quantile: nearest rank; count")
    ]
    unit: Annotated[Literal["", "days"], _says("days: of 24 hours")]
    numerator: Annotated[int | None, _says("Of a rate; null otherwise")]
    denominator: Annotated[int, _says("Rows that count: what a rate divides by, what a quantile ranks, a count itself")]
    unknown: Annotated[int, _says("History that nobody knows enough about: in neither of the two")]
    value: Annotated[float | None, _says("The figure; null where nothing counts")]
    wilson_low: Annotated[float | None, _says("Wilson's lower bound, 95 %, of a rate")]
    compared: Annotated[tuple[Compared, ...], _says("The same figure in the periods to compare with")] = ()


class StatsResult(BaseModel):
    """The answer, the time it is about, and what it rests on."""

    model_config = ConfigDict(frozen=True)

    metric_version: Annotated[int, _says("Version of the formulas")] = VERSION
    period: Annotated[str, _says("Period of the cohorts")]
    first: Annotated[str | None, _says("Its first day; null for all")]
    last: Annotated[str | None, _says("Its last day; null for all")]
    now: Annotated[str, _says("Deadlines up to this instant count, UTC")]
    by: Annotated[tuple[str, ...], _says("Groups")]
    cases: Annotated[int, _says("Cases of the log that the answer rests on")]
    events: Annotated[int, _says("Position: the sum of the versions of these cases")]
    figures: Annotated[tuple[Figure, ...], _says("All figures, in the order of docs/metrics.md")]
    names: Annotated[dict[str, str], _says("Code -> name, of the codes in the groups")] = Field(default_factory=dict)
