"""Failpoints where tests terminate a process: inactive by default, and selecting the same cases each time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from shared.kernel import failpoints
from shared.kernel.failpoints import PLACES, VARIABLE, Armed, Failed, failpoint, parsed


def test_failpoints_are_disarmed_without_variable() -> None:
    assert parsed("") == {}
    for place in PLACES:
        failpoint(place)


def test_failpoint_specification_is_parsed() -> None:
    assert parsed("log.appended=kill:0.5,consumer.reacts=fail:1") == {
        "log.appended": Armed(True, 0.5),
        "consumer.reacts": Armed(False, 1.0),
    }


@pytest.mark.parametrize("text", ["nowhere=kill:1", "log.appended", "log.appended=stop:1", "log.appended=kill:2"])
def test_misspelt_failpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=VARIABLE):
        parsed(text)


def test_failpoint_selects_same_cases_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_ARMED", parsed("consumer.reacts=fail:0.1"))

    def hit() -> list[str]:
        return [key for key in map(str, range(500)) if _fails(key)]

    assert hit() == hit()
    assert 20 < len(hit()) < 90


def _fails(key: str) -> bool:
    try:
        failpoint("consumer.reacts", key)
    except Failed:
        return True
    return False


def test_failpoint_terminates_process() -> None:
    code = "from shared.kernel.failpoints import failpoint; failpoint('log.appended'); print('alive')"
    died = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: "log.appended=kill:1"},
        capture_output=True,
        check=False,
    )
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, b"")
