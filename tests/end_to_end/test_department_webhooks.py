"""A department that was written from docs/integrating.md alone handles a whole case by webhooks, and the documented lines
verify v1a."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.messaging.webhooks.signatures import KeyPair, signed
from tests.support.process import Server, clean_environment, server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "department_webhooks" / "receiver.py"
FILING = {"channel": "web", "item": "hook-1", "text": "楼道漏水", "place": "dh-yl", "subject": "0102"}

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path / "data", HUIYIN_OUTBOUND_NETWORKS="127.0.0.0/8") as found:
        yield found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(running: Server, role: str, method: str, path: str, **more: Any) -> Any:
    headers = {"authorization": f"Bearer {running.key(role)}"}
    answer = httpx.request(method, running.url + path, headers=headers, timeout=30, **more)
    assert answer.is_success, answer.text
    return answer.json()


def test_a_department_of_sixty_lines_handles_a_whole_case(running: Server, tmp_path: Path) -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 70
    port = free_port()
    wanted = {"command_id": "hook", "url": f"http://127.0.0.1:{port}/", "after": 0}
    added = ask(running, "organisation:zj", "POST", "/v1/webhooks", json=wanted)
    environment = {
        **clean_environment(),
        "HUIYIN_URL": running.url,
        "HUIYIN_ACCESS_KEY": running.key("organisation:zj"),
        "WEBHOOK_SECRET": added["secret"],
    }
    with (tmp_path / "out").open("w") as out:
        department = subprocess.Popen([sys.executable, str(EXAMPLE), str(port)], env=environment, stdout=out)
    try:
        receipt = ask(running, "registrar:xfj", "POST", "/v1/submissions", json=FILING)
        shown: dict[str, Any] = {}
        for _ in range(600):
            shown = ask(running, "registrar:xfj", "GET", f"/v1/cases/{receipt['case']}?content=false")
            if "ExecutionConfirmed" in {one["type"] for one in shown["timeline"]}:
                break
            time.sleep(0.1)
        done = [one["type"] for one in shown["timeline"] if one["by"]["role"] == "organisation"]
        assert done == [
            "SignedFor",
            "Accepted",
            "NoticeServed",
            "DecisionIssued",
            "ReplyDelivered",
            "ExecutionConfirmed",
        ]
        log = ask(running, "organisation:zj", "GET", f"/v1/webhooks/{added['id']}/log?limit=200")["deliveries"]
        assert log and {one["kind"] for one in log} <= {"delivered", "failed"}
        tried = ask(running, "organisation:zj", "POST", f"/v1/webhooks/{added['id']}:test")
        assert tried["status"] == 204
        forged = httpx.post(f"http://127.0.0.1:{port}/", content=b"{}", headers={"webhook-id": "x"})
        assert forged.status_code == 401
    finally:
        department.kill()
        department.wait()


def test_the_documented_ten_lines_verify_v1a() -> None:
    text = (ROOT / "docs" / "integrating.md").read_text("utf-8")
    found = re.search(r"```python\n(from base64.*?)```", text, re.DOTALL)
    assert found, "docs/integrating.md has no verifier of v1a"
    lines = [line for line in found[1].splitlines() if line.strip() and not line.startswith("from ")]
    assert len(lines) <= 10
    names: dict[str, Any] = {}
    exec(compile(found[1], "integrating.md", "exec"), names)
    pair, other = KeyPair.new(), KeyPair.new()
    headers = signed([other, pair], "inbox/cn-demo/zj/1", int(time.time()), b'{"a":1}')
    assert names["verified"](pair.public, headers, b'{"a":1}')
    assert names["verified"](other.public, headers, b'{"a":1}')
    assert not names["verified"](KeyPair.new().public, headers, b'{"a":1}')
    assert not names["verified"](pair.public, headers, b'{"a":2}')
    assert not names["verified"](pair.public, headers | {"webhook-id": "x"}, b'{"a":1}')
