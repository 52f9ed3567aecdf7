"""What a measure gives, and how two things are timed beside each other on a machine that others use too."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table: what was measured here, beside what, and how much of it is aimed at."""

    name: str
    here: float
    unit: str
    beside: str
    """The peer or the limit."""
    there: float
    ratio: float
    """How `here` compares with `there`; which way round stands in `aim`."""
    aim: str
    met: bool | None
    """None: no aim was set."""
    note: str = ""


def at_least(ratio: float, aim: float) -> tuple[str, bool]:
    return f"≥ {aim:g}", ratio >= aim


def at_most(ratio: float, aim: float) -> tuple[str, bool]:
    return f"≤ {aim:g}", ratio <= aim


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """`work` as something that tells how many seconds it took."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def beside(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each work tells in each of several alternating rounds: what disturbs one disturbs its neighbour too.

    Garbage of the one before is collected first, so that nobody pays for another."""
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
