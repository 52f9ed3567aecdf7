"""The measures: what each figure counts, over which rows, in which cohort, and from which events.

They are data: `statistics/measures.yaml`. Each is one row of `docs/metrics.md` and one figure of the answer. Voided cases are
in no figure but `voided`.

Cohort: the day by which a row belongs to a period. On-time figures use the *due cohort*: deadlines that fell in the period, so
that an undecided one counts as a miss once its due instant has passed. Figures of outcomes use the day of the outcome; history
with an unknown outcome has no such day and is counted as unknown in the period of its filing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from shared.kernel import data_file

VERSION = 3
"""Increased whenever a formula changes; published figures name the version."""
VERSIONS = (2, 3)
"""Versions that can be computed. In version 2 an act counts by its stated date even if it was recorded after the due date; from
version 3 on, it counts as late until the date is confirmed."""
SHOWN_WITH = {"satisfaction": "participation", "resolution": "resolved_unconfirmed", "guided": "guided_back"}
"""Measure -> the one that is always shown with it."""


class Measure(BaseModel, frozen=True, extra="forbid"):
    """One figure.

    A rate divides the rows that meet `numerator` and `denominator` by the rows that meet `denominator`. A quantile is the
    nearest rank of `amount` among the rows that meet `denominator`. A count is the number of rows that meet `denominator`.
    """

    name: str
    zh: str
    en: str
    shape: Literal["rate", "quantile", "count"]
    source: Literal["clocks", "cases", "asked"]
    day: str
    """SQL: the day of the cohort."""
    cohort: str
    denominator: str
    formula: str
    excluded: str
    events: tuple[str, ...]
    numerator: str = "true"
    unknown: str = "false"
    lower_bound: bool = False
    """True: the denominator includes the unknown rows, so the value is a lower bound; no value where all rows are unknown."""
    label: str | None = None
    """SQL: the measure is a family, one figure per value: `on_time[C5]`."""
    amount: str = "NULL"
    """SQL: the seconds that a quantile ranks."""
    percent: int = 0
    """Of a quantile: 50 is the median."""
    unit: Literal["", "days"] = ""
    org: str = "org"
    """SQL: the organisation that the row is counted under."""
    where: str = "NOT voided"
    since: int = 2
    """The first version that has the measure."""


MEASURES = tuple(map(Measure.model_validate, data_file.load(Path(__file__).with_name("measures.yaml"))))
"""In the order of printing."""


def measures_of(version: int) -> tuple[Measure, ...]:
    """The measures with the formulas of a version."""
    if version >= 3:
        return MEASURES
    return tuple(_by_stated_dates(one) for one in MEASURES if one.since <= version)


def _by_stated_dates(measure: Measure) -> Measure:
    if measure.source != "clocks":
        return measure
    changed = {
        name: getattr(measure, name).replace("status ", "stated ") for name in ("denominator", "numerator", "unknown")
    }
    return measure.model_copy(update=changed)


BY_NAME = {measure.name: measure for measure in MEASURES}
