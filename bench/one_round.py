"""One round of one measure, in the tree that PYTHONPATH names: `python -P bench/one_round.py TREE MEASURE [--whole]`.

`bench/compare.py` runs this file with the benchmarks of another commit, so it imports only what every commit has:
`bench.__main__.MEASURES`, `bench.figures.beside`, `bench.cases.lifecycles` and `bench.bulk.copies`. It prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ("bench", "shared", "services", "deploy")
INNER_ROUNDS = {"fold": 5}
"""Rounds within a measure; 1 for measures that are not named, since compare.py repeats the whole measure."""
CASES = 200
COPIES = 2_500
REPEATED = {"visible": 6, "growth": 6, "due": 15}
"""Measures that are too long in full size: they run in their quick size, so many times, and the median counts."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("measure", nargs="*", help="without: the names of all measures")
    parser.add_argument("--whole", action="store_true", help="in full size")
    wanted = parser.parse_args()
    assert_own(wanted.tree)
    if not wanted.whole and wanted.measure:
        reduce_sizes(INNER_ROUNDS.get(wanted.measure[0], 1))
    measures = {one.NAME: one for one in import_module("bench.__main__").MEASURES}
    if not wanted.measure:
        print(json.dumps(list(measures)))
        return 0
    for name in wanted.measure:
        print(json.dumps(measured(measures[name], whole=wanted.whole)))
    return 0


def assert_own(tree: Path) -> None:
    """Raises RuntimeError if a package would be imported from anywhere but `tree`."""
    for name in PACKAGES:
        found = Path(str(import_module(name).__file__)).resolve()
        if not found.is_relative_to(tree.resolve()):
            raise RuntimeError(f"{name} was imported from {found}, not from {tree}")


def reduce_sizes(rounds: int) -> None:
    """Smaller sizes for every measure that is imported afterwards."""
    figures: Any = import_module("bench.figures")
    cases: Any = import_module("bench.cases")
    bulk: Any = import_module("bench.bulk")
    figures.beside = at_most(figures.beside, 1, rounds)
    cases.lifecycles = at_most(cases.lifecycles, 0, CASES)
    bulk.copies = at_most(bulk.copies, 1, COPIES)


def at_most(function: Callable[..., Any], position: int, limit: int) -> Callable[..., Any]:
    """`function` with its argument at `position` lowered to `limit`."""

    def limited(*given: Any) -> Any:
        return function(*given[:position], min(given[position], limit), *given[position + 1 :])

    return limited


def measured(measure: Any, *, whole: bool) -> list[dict[str, Any]]:
    """Name, unit and figure of each line. A line that is printed with several peers counts once."""
    repeats = 1 if whole else REPEATED.get(measure.NAME, 1)
    quick = repeats > 1
    lines: dict[str, list[Any]] = {}
    for _ in range(repeats):
        found = {figure.name: figure for figure in measure.measure(quick=quick)}
        for name, figure in found.items():
            lines.setdefault(name, []).append(figure)
    return [
        {"line": name, "unit": figures[0].unit, "figure": median(figure.here for figure in figures)}
        for name, figures in lines.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
