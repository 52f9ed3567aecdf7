"""Whether a line of the benchmarks is slower in one commit than in another: a decision over rounds that ran in turn."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

SLOWER = 1.05
"""A line is slower if the median of its ratios exceeds this, and enough rounds agree."""
ROUNDS = 7
MORE_ROUNDS = 3
"""Further rounds that decide about a line that looks slower after the first."""


class Verdict(NamedTuple):
    """The result of the rounds for one line."""

    line: str
    old: float
    """Median of the old commit's figures."""
    new: float
    ratio: float
    """Median of the ratios of the rounds; above 1: the new commit is slower."""
    agreeing: int
    """Rounds whose ratio is above 1."""
    rounds: int

    @property
    def slower(self) -> bool:
        return self.ratio > SLOWER and self.agreeing >= needed(self.rounds)


def needed(rounds: int) -> int:
    """Number of rounds that have to agree: six of seven, eight of ten."""
    return rounds - rounds // 5


def higher_is_better(unit: str) -> bool:
    """True for a rate, False for a time. Raises ValueError for a unit that is neither.

    Args:
        unit: Unit of a figure, such as `events/s`, `ms` or `µs/event at 1,000`.
    """
    what, _, per = unit.partition(" ")[0].partition("/")
    if per == "s":
        return True
    if what in ("s", "ms", "µs"):
        return False
    raise ValueError(
        f"{unit!r} is neither a rate nor a time; say in bench/verdict.py whether a higher figure is better."
    )


def judge(line: str, old: Sequence[float], new: Sequence[float], *, higher: bool) -> Verdict:
    """The verdict on one line.

    Args:
        line: Its name.
        old: The old commit's figure in each round.
        new: The new commit's figure in the same rounds.
        higher: True if a higher figure is better.
    """
    ratios = [before / after if higher else after / before for before, after in zip(old, new, strict=True)]
    return Verdict(line, median(old), median(new), median(ratios), sum(ratio > 1 for ratio in ratios), len(ratios))
