"""The portal as a process of its own: it asks another process, says when that is away, and keeps nothing that a kill could lose."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.process import HUIYIN, clean_environment, huiyin, server

pytestmark = [pytest.mark.slow]
SAME = {"sec-fetch-site": "same-origin", "accept-language": "zh-CN"}


@contextmanager
def portal(url: str, key: str, out: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The process, its address and that of its operations."""
    with out.open("w") as file:
        process = subprocess.Popen(
            [HUIYIN, "portal", "--port", "0", "--url", url],
            stdout=file, stderr=file, text=True, env={**clean_environment(), "HUIYIN_ACCESS_KEY": key},
        )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while len(found := re.findall(r"http://\S+:\d+", out.read_text())) < 2:
            assert process.poll() is None and time.monotonic() < until, out.read_text()
            time.sleep(0.1)
        yield process, found[0], found[1]
    finally:
        if process.poll() is None:
            process.terminate()
            assert process.wait(30) == 0, out.read_text()


def test_kill_of_the_portal_in_mid_form_loses_nothing_and_gives_one_receipt(tmp_path: Path) -> None:
    with server(tmp_path / "data") as running:
        data = str(tmp_path / "data")
        key = re.search(r"hy_portal_\S+", huiyin("keys", "add", "portal", "--jurisdiction", "*", "--data", data).stdout)
        assert key
        with portal(running.url, key[0], tmp_path / "one.log") as (process, url, operations):
            assert httpx.get(f"{operations}/readyz").json()["ready"] is True
            assert "huiyin_http_requests_total" in httpx.get(f"{operations}/metrics").text
            first = httpx.get(f"{url}/submit", headers=SAME)
            command = re.search(r'name="command_id" value="([^"]+)"', first.text)
            assert command
            form = {"at": "2", "go": "send", "command_id": command[1], "text": "路灯不亮", "identity": "anonymous"}
            receipt = httpx.post(f"{url}/submit", data=form, headers=SAME)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        with portal(running.url, key[0], tmp_path / "two.log") as (_process, url, _operations):
            again = httpx.post(f"{url}/submit", data=form, headers=SAME)
        codes = [re.findall(r"<dd><code>([^<]+)</code>", page.text) for page in (receipt, again)]
        assert codes[0] and codes[0] == codes[1]
        log = (tmp_path / "one.log").read_text() + (tmp_path / "two.log").read_text()
        assert not [word for word in (*codes[0], "路灯不亮") if word in log]


def test_portal_without_its_interface_says_so(tmp_path: Path) -> None:
    with portal("http://127.0.0.1:9", "hy_portal_none", tmp_path / "log") as (_process, url, operations):
        assert httpx.get(f"{operations}/readyz").json()["reasons"] == ["interface_away"]
        answer = httpx.get(f"{url}/submit", headers=SAME)
        assert answer.status_code == 503 and "interface_away" in answer.text and answer.headers["retry-after"]


def test_portal_reports_missing_settings() -> None:
    assert huiyin("portal").returncode == 2 or "HUIYIN_URL" in huiyin("portal").stderr
    assert "citizen" in huiyin("portal", "--pages", "none", "--url", "http://127.0.0.1:9").stderr
