"""The measures: what each figure counts, over which rows, in which cohort, and from which events.

They are data: `statistics/measures.yaml`. Each is one row of `docs/metrics.md` and one figure of the answer. Voided cases are
in no figure but `voided`.

Cohort: the day by which a row belongs to a period. On-time figures use the *due cohort*: deadlines that fell in the period, so
that an undecided one counts as a miss once its due instant has passed. Figures of outcomes use the day of the outcome; history
with an unknown outcome has no such day and is counted as unknown in the period of its filing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from shared.kernel import data_file

VERSION = 2
"""Raised whenever a formula changes: a published figure names it."""
BESIDE = {"satisfaction": "participation", "resolution": "resolved_unconfirmed"}
"""Measure -> the one that is always shown with it."""


@dataclass(frozen=True)
class Measure:
    """One figure.

    A rate divides the rows with `counts` and `over` by the rows with `over`. A quantile is the nearest rank of `amount` among
    the rows with `over`. A count is the number of rows with `over`.
    """

    name: str
    zh: str
    en: str
    shape: Literal["rate", "quantile", "count"]
    source: Literal["clocks", "cases", "asked"]
    day: str
    """SQL: the day of the cohort."""
    cohort: str
    over: str
    formula: str
    excluded: str
    events: tuple[str, ...]
    counts: str = "true"
    unknown: str = "false"
    bound: bool = False
    """True: the unknown rows are in the denominator too, so the value is a lower bound; no value where nothing is known."""
    label: str | None = None
    """SQL: the measure is a family, one figure per value: `on_time[C5]`."""
    amount: str = ""
    percent: int = 0
    """Of a quantile: 50 is the median."""
    unit: Literal["", "days"] = ""
    org: str = "org"
    """SQL: the organisation that the row is counted under."""
    keep: str = "NOT voided"


_FIELDS = frozenset(field.name for field in fields(Measure))


def _measures() -> Iterator[Measure]:
    data = data_file.load(Path(__file__).with_name("measures.yaml"))
    phrases: dict[str, str] = {}
    for name, phrase in data["phrase"].items():
        phrases[name] = phrase.format_map(phrases)
    for entry in data["measure"]:
        values = _with_template(entry, data["template"])
        known = {**phrases, **values}
        done = {name: value.format_map(known) if isinstance(value, str) else value for name, value in values.items()}
        yield Measure(**{name: done[name] for name in _FIELDS & done.keys()} | {"events": tuple(values["events"])})


def _with_template(entry: Mapping[str, Any], templates: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with the values of its template, and of that template's template."""
    inherited = _with_template(templates[entry["like"]], templates) if "like" in entry else {}
    return {**inherited, **entry}


MEASURES: tuple[Measure, ...] = tuple(_measures())
"""In the order of printing."""
BY_NAME = {measure.name: measure for measure in MEASURES}
