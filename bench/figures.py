"""The figures of a measure, and the timing of alternatives in turn on a shared machine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table: the measured figure, its peer or limit, and the aim."""

    name: str
    here: float
    unit: str
    beside: str
    """The peer or the limit."""
    there: float
    ratio: float
    """The quotient of `here` and `there`; `aim` gives its direction."""
    aim: str
    met: bool | None
    """None: no aim was set."""
    note: str = ""


def at_least(ratio: float, aim: float) -> tuple[str, bool]:
    return f"≥ {aim:g}", ratio >= aim


def at_most(ratio: float, aim: float) -> tuple[str, bool]:
    return f"≤ {aim:g}", ratio <= aim


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """`work` as a function that returns the seconds that it took."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def beside(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The figures of each work in alternating rounds, so that disturbances of the machine affect all of them.

    Garbage is collected before each work, so that none pays for the garbage of another."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            gc.collect()
            taken[name].append(works[name]())
    return taken


def quotient(above: list[float], below: list[float]) -> float:
    """Median of the quotients of the rounds."""
    return median(one / other for one, other in zip(above, below, strict=True))
