"""A command is easy to follow: it runs through few product files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.executed_files import ROOT

FILING = 37
SIGN_OFF = 37
FILING_WITH_CONSUMERS = 100
"""Limits. Lower them when the code gets simpler; a number that rises needs a reason."""


@pytest.fixture(scope="module")
def executed() -> dict[str, list[str]]:
    """Measured in a separate process, since a test plugin runs product code at every commit."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.executed_files", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("what", "limit"),
    [("filing", FILING), ("sign_off", SIGN_OFF), ("filing_with_consumers", FILING_WITH_CONSUMERS)],
)
def test_request_executes_at_most_allowed_number_of_files(
    executed: dict[str, list[str]], what: str, limit: int
) -> None:
    files = executed[what]
    assert len(files) <= limit, "\n".join(files)
    assert len(files) > limit // 2, "it measures nothing"
