"""The measurements of the full mode run on real servers and give every line. How fast they are is no test."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
LINES = {"commits", "commits p50", "carrying", "rows", "visible p99", "intake p99", "catching up"}


def test_quick_gives_every_line_of_the_table() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bench.full", "--quick", "--json"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert {figure["name"] for figure in figures} == LINES
    for figure in figures:
        assert all(math.isfinite(figure[field]) and figure[field] > 0 for field in ("here", "there", "ratio")), figure
