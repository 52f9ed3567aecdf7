"""When a benchmark line counts as slower, and that both commits run their own code in turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.compare import Comparison, Side, compare, table
from bench.verdict import higher_is_better, judge, needed

MEASURES = ("fold", "due")


class Scripted(Side):
    """A side whose figures are known."""

    order: list[str]
    slow: dict[str, float]
    known: tuple[str, ...] = MEASURES

    def run(self, *measures: str) -> object:
        if not measures:
            return list(self.known)
        (measure,) = measures
        self.order.append(f"{self.name} {measure}")
        return [{"line": measure, "unit": "ms", "figure": self.slow.get(measure, 1.0)}]


def sides(**slow: float) -> tuple[Scripted, Scripted, list[str]]:
    order: list[str] = []
    made = []
    for name, figures in (("old", {}), ("new", slow)):
        one = Scripted(name, Path(), False)
        one.order, one.slow = order, dict(figures)
        made.append(one)
    return made[0], made[1], order


@pytest.mark.parametrize(("rounds", "agreeing"), [(7, 6), (10, 8), (1, 1), (3, 3), (5, 4)])
def test_required_number_of_agreeing_rounds(rounds: int, agreeing: int) -> None:
    assert needed(rounds) == agreeing


@pytest.mark.parametrize(
    ("unit", "higher"),
    [
        *((unit, True) for unit in ("events/s", "commands/s", "rows/s", "commits/s")),
        *((unit, False) for unit in ("ms", "µs/command", "µs/event at 1,000,000", "ms among 5,000")),
    ],
)
def test_unit_determines_whether_higher_is_better(unit: str, higher: bool) -> None:
    assert higher_is_better(unit) is higher


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="rate nor a time"):
        higher_is_better("bananas")


@pytest.mark.parametrize(
    ("new", "slower"),
    [
        ([106] * 7, True),
        ([106] * 6 + [99], True),
        ([106] * 5 + [99] * 2, False),
        ([105] * 7, False),
        ([101] * 7, False),
        ([90] * 7, False),
        ([106] * 8 + [99] * 2, True),
        ([106] * 7 + [99] * 3, False),
    ],
)
def test_longer_time_is_slower(new: list[float], slower: bool) -> None:
    assert judge("due", [100] * len(new), new, higher=False).slower is slower


def test_lower_rate_is_slower() -> None:
    assert judge("fold", [106] * 7, [100] * 7, higher=True).slower
    assert not judge("fold", [100] * 7, [106] * 7, higher=True).slower


def test_ratios_are_computed_per_round() -> None:
    """A machine that gets slower from round to round is no fault of the new commit."""
    old = [100.0, 200, 300, 400, 500, 600, 700]
    found = judge("due", old, [one * 1.01 for one in old], higher=False)
    assert found.ratio == pytest.approx(1.01)
    assert (found.old, found.agreeing, found.rounds, found.slower) == (400, 7, 7, False)


def test_sides_alternate_and_alternate_first_run() -> None:
    old, new, order = sides()
    comparison = Comparison(old, new)
    comparison.round(["fold"])
    comparison.round(["fold"])
    comparison.round(["fold"])
    assert order == ["old fold", "new fold", "new fold", "old fold", "old fold", "new fold"]


def test_three_more_rounds_decide_on_seemingly_slower_line() -> None:
    old, new, order = sides(due=1.2)
    found = compare(old, new, MEASURES, 7)
    verdicts = {one.line: one for one in found.verdicts()}
    assert (verdicts["fold"].rounds, verdicts["due"].rounds) == (7, 10)
    assert (verdicts["fold"].slower, verdicts["due"].slower) == (False, True)
    assert order.count("new fold") == 7


def test_no_extra_rounds_without_seemingly_slower_line() -> None:
    old, new, order = sides()
    compare(old, new, MEASURES, 2)
    assert len(order) == 8


def test_measure_of_one_side_is_named_and_not_run() -> None:
    old, new, order = sides()
    old.known, new.known = ("fold", "lost"), ("fold", "hidden")
    found = compare(old, new, (), 2)
    assert set(order) == {"old fold", "new fold"}
    assert (found.gone(), found.added()) == (["lost"], ["hidden"])
    assert [line.split()[-1] for line in table(found).splitlines()] == ["verdict", "slower", "gone", "added"]


def test_unknown_measure_is_refused() -> None:
    old, new, _ = sides()
    with pytest.raises(ValueError, match="no measure nonsense; there are: fold, due"):
        compare(old, new, ("nonsense",), 1)


def test_comparison_table_names_every_line_with_verdict() -> None:
    old, new, _ = sides(due=1.2)
    found = compare(old, new, MEASURES, 7)
    found.lines["fold"].figures["new"].clear()
    text = table(found)
    assert [line.split()[-1] for line in text.splitlines()] == ["verdict", "slower", "gone"]
    assert found.gone() == ["fold"]
