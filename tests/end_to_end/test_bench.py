"""The benchmarks run and print every line. Speed is not tested, since machines differ."""

from __future__ import annotations

import pytest

from tests.support.benchmarks import lines_of

LINES = {
    "fold",
    "uploads",
    "memory of uploads",
    "rebuild",
    "lifecycle",
    "authorisation",
    "ticker",
    "visible p99",
    "refused command",
    "refused read by number",
    "growth append",
    "growth read",
    "due",
    "long case: command",
    "long case: newest page",
    "long case: middle page",
    "long case: /livez p99",
    "import",
    "candidates: R-precision",
    "candidates: a question, p95",
    "figures of a past day",
    "desk list p95",
    "desk counts p95",
    "desk case p95",
    "desk command p95",
    "desk idle streams",
}


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_quick_run_prints_every_line_of_the_table() -> None:
    assert lines_of("bench") == LINES
