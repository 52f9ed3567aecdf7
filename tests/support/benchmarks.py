"""The output of a benchmark, run with small numbers as a user runs it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

IDLE = frozenset({"desk idle streams"})
"""Lines about nothing that happens: they may cost nothing that a clock can see."""


def lines_of(module: str) -> set[str]:
    """`python -m MODULE --quick --json`: the names of its lines, each of which has figures or says why it was not run."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", module, "--quick", "--json"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    for figure in figures:
        if figure["beside"].startswith("not run: "):
            continue
        least = 0 if figure["name"] in IDLE else sys.float_info.min
        assert all(math.isfinite(figure[field]) and figure[field] >= least for field in ("here", "there", "ratio")), (
            figure
        )
    return {figure["name"] for figure in figures}
