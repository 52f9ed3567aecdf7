"""The measurements run and give every line. How fast they are is no test: machines differ."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

LINES = {
    "fold",
    "rebuild",
    "lifecycle",
    "authorisation",
    "ticker",
    "visible p99",
    "growth append",
    "growth read",
    "due",
    "import",
}


def test_quick_gives_every_line_of_the_table() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json"],
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
