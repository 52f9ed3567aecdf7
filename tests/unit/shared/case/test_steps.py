"""The steps of a case: what commands and clocks look at does not grow with the nudges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.case import Case, Fact, steps

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def facts(*names: str) -> tuple[Fact, ...]:
    return tuple(Fact(name, None, version, NOW, NOW, "zj") for version, name in enumerate(names, 1))


@pytest.mark.parametrize("nudges", [0, 1, 5, 200])
def test_nudges_are_left_out_and_the_order_is_kept(nudges: int) -> None:
    case = Case(facts=facts("SignedFor", *["Nudged"] * nudges, "Accepted"))
    assert [fact.name for fact in steps(case)] == ["SignedFor", "Accepted"]


def test_steps_of_many_facts_are_made_once() -> None:
    case = Case(facts=facts("SignedFor", *["Nudged"] * 200))
    assert steps(case) is steps(case)


def test_steps_follow_the_facts_of_the_case() -> None:
    before = Case(facts=facts("SignedFor", *["Nudged"] * 100))
    after = Case(facts=facts("SignedFor", *["Nudged"] * 100, "Accepted"))
    assert (len(steps(before)), len(steps(after))) == (1, 2)
