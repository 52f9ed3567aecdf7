"""docker-compose.yml: what it must never lose."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("intake", "routing", "supervision", "analytics")
PASSWORDS = {"HUIYIN_MONGODB_PASSWORD": "a1", "GRAFANA_PASSWORD": "b2"}


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    return found


@pytest.mark.parametrize("name", [*OURS, "topics"])
def test_our_processes_have_no_rights_that_they_do_not_need(name: str) -> None:
    service = services()[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service and "user" not in service, "the image's own user is not root"


def test_everything_has_a_limit_and_a_check_of_its_health() -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "HEALTHCHECK" in image and re.search(r"^USER 10001$", image, re.MULTILINE)
    for name, service in services().items():
        assert service["mem_limit"], name
        assert "healthcheck" in service or name in (*OURS, "topics", "grafana"), name


def test_only_this_machine_reaches_it_and_no_store_is_reachable() -> None:
    for name, service in services().items():
        ports = service.get("ports", [])
        assert all(port.startswith("127.0.0.1:") for port in ports), name
        assert not ports or name in ("intake", "analytics", "grafana"), name


def test_there_is_no_default_password() -> None:
    text = FILE.read_text("utf-8")
    for value in re.findall(r"\$\{(\w*PASSWORD\w*)(.*?)\}", text):
        assert value[1].startswith(":?"), value[0]
    assert not re.search(r"PASSWORD\w*:\s*[\"']?[A-Za-z0-9]", text)


def test_compose_accepts_it() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("not run: needs docker-compose")
    command = [program, "-f", str(FILE), "config", "-q"]
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean | PASSWORDS)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean)
    assert done.returncode != 0, "without passwords it does not start"
