"""The benchmarks of the full mode run on real servers and print every line. Speed is not tested."""

from __future__ import annotations

import pytest

from tests.support.benchmarks import lines_of

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
LINES = {"commits", "commits p50", "carrying", "rows", "visible p99", "intake p99", "catching up"}


@pytest.mark.nightly
def test_quick_run_prints_every_line_of_the_table() -> None:
    assert lines_of("bench.full") == LINES
