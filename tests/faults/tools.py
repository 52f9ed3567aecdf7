"""Programs that inject faults. On CI they are required; elsewhere a test without them is reported as not run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def not_run(why: str) -> None:
    """Never passed silently: a failure in CI, a visible skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"not run, and CI must run it: {why}")
    pytest.skip(f"not run: {why}")


def strace() -> str:
    """The path of strace."""
    found = shutil.which("strace")
    if found is None:
        not_run("strace is missing (apt-get install strace)")
    assert found is not None
    return found


def libfaketime() -> Path:
    """The library that changes the time a process reads."""
    for place in sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")):
        return place
    not_run("libfaketime is missing (apt-get install libfaketime)")
    raise AssertionError
