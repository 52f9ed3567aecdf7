"""Periods, and Wilson's bound against published values."""

from __future__ import annotations

from datetime import date
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analytics.statistics.period import Compare, parse
from services.analytics.statistics.query import wilson_lower
from shared.kernel.refusals import Invalid


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("2025-Q1", date(2025, 1, 1), date(2025, 3, 31)),
        ("2025-Q4", date(2025, 10, 1), date(2025, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-12", date(2025, 12, 1), date(2025, 12, 31)),
        ("2025-03-15", date(2025, 3, 15), date(2025, 3, 15)),
        ("2025-03-30..2025-04-02", date(2025, 3, 30), date(2025, 4, 2)),
    ],
)
def test_period_covers_its_days_and_parses_its_label(text: str, first: date, last: date) -> None:
    period = parse(text)
    assert (period.first, period.last, period.label) == (first, last, text)
    assert parse(period.label) == period


@pytest.mark.parametrize(
    "text",
    ["", "2025-13", "2025-00", "0000", "2025-Q5", "2025-02-30", "2025-03-02..2025-03-01", "25", "last month", "2025-3",
     "2025-03..2025-04", "２０２５年", "２０２５"],
)  # fmt: skip
def test_invalid_period_is_refused_with_allowed_forms(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.field == "period"
    assert "2025-Q1" in refused.value.detail


@pytest.mark.parametrize(
    ("text", "with_", "other"),
    [
        ("2025-03", "month", "2025-02"),
        ("2025-01", "month", "2024-12"),
        ("2025-03", "year", "2024-03"),
        ("2025-Q2", "year", "2024-Q2"),
        ("2025", "year", "2024"),
        ("2024-02-29..2024-03-01", "year", "2023-02-28..2023-03-01"),
    ],
)
def test_comparison_period_is_derived(text: str, with_: Compare, other: str) -> None:
    assert parse(text).compared(with_) == parse(other)


@pytest.mark.parametrize(
    ("text", "with_"), [("2025", "month"), ("all", "year"), ("2025-Q1", "month"), ("0001", "year")]
)
def test_meaningless_comparison_is_refused(text: str, with_: Compare) -> None:
    with pytest.raises(Invalid):
        parse(text).compared(with_)


@given(st.text(max_size=30))
def test_any_text_is_parsed_or_refused_as_period(text: str) -> None:
    try:
        assert parse(text).first <= parse(text).last
    except Invalid as refused:
        assert refused.code == "wrong_period"


@pytest.mark.parametrize(
    ("numerator", "denominator", "bound"),
    [
        (0, 10, 0.0),
        (1, 1, 0.2065493143772375),
        (3, 3, 0.4385030),
        (8, 10, 0.4901625),
        (10, 10, 0.7224672),
        (81, 263, 0.2552725),  # Newcombe 1998, table I
        (15, 148, 0.0624),  # Newcombe 1998, table I
    ],
)
def test_wilson_interval_matches_published_values(numerator: int, denominator: int, bound: float) -> None:
    assert wilson_lower(numerator, denominator) == pytest.approx(bound, abs=6e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_bounds_solve_their_equation(counts: tuple[int, int]) -> None:
    """The bound p is the value for which the observed share is z standard deviations above p."""
    numerator, denominator = counts
    bound = wilson_lower(numerator, denominator)
    assert bound is not None
    assert 0 <= bound <= numerator / denominator
    distance = numerator / denominator - bound
    assert distance == pytest.approx(1.959963984540054 * sqrt(bound * (1 - bound) / denominator), abs=1e-6)


def test_wilson_interval_of_no_observations_is_undefined() -> None:
    assert wilson_lower(0, 0) is None
