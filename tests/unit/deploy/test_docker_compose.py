"""Required properties of docker-compose.yml."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docker-compose.yml"
OURS = ("intake", "routing", "supervision", "analytics")
PASSWORDS = {"HUIYIN_MONGODB_PASSWORD": "a1", "GRAFANA_PASSWORD": "b2"}


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    return found


@pytest.mark.parametrize("name", [*OURS, "topics", "prometheus", "grafana"])
def test_containers_write_to_volumes_only(name: str) -> None:
    service = services()[name]
    assert service["read_only"]
    assert "user" not in service, "the image's own user is not root"


@pytest.mark.parametrize("name", services())
def test_containers_run_with_minimal_privileges(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & service.keys()
    assert "cap_add" not in service or name == "mongodb", "whose script begins as root"
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", services())
def test_every_container_has_memory_limit_and_health_check(name: str) -> None:
    service = services()[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    if name == "topics":
        assert service["healthcheck"] == {"disable": True} and service["restart"] == "no", "it runs once"
    else:
        assert "healthcheck" in service or name in OURS, "ours have that of the image"
        assert service["restart"] == "unless-stopped"


def test_image_runs_as_non_root_with_health_check() -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    last = image.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n.*:9090/readyz", last, re.MULTILINE)


def test_every_mounted_file_exists() -> None:
    named = {part for one in services().values() for part in one.get("volumes", []) if part.startswith("./")}
    files = {volume.split(":")[0] for volume in named} - {"./metrics.key"}
    assert files, "Prometheus and Grafana are given theirs"
    for name in files:
        assert (ROOT / name).is_file(), name
    assert all(volume.endswith(":ro") for volume in named)


def test_prometheus_and_grafana_use_deploy_files() -> None:
    mounted = {
        volume.split(":")[1]: volume.split(":")[0]
        for name in ("prometheus", "grafana")
        for volume in services()[name]["volumes"]
    }
    watch = yaml.safe_load((ROOT / mounted["/etc/prometheus/prometheus.yml"]).read_text("utf-8"))
    assert [f"/etc/prometheus/{name}" for name in watch["rule_files"]] == ["/etc/prometheus/rules.yml"]
    (job,) = watch["scrape_configs"]
    assert set(job["static_configs"][0]["targets"]) == {f"{name}:9090" for name in OURS}
    assert mounted[job["authorization"]["credentials_file"]] == "./metrics.key"
    source = yaml.safe_load((ROOT / mounted["/etc/grafana/provisioning/datasources/huiyin.yml"]).read_text("utf-8"))
    assert source["datasources"][0]["url"] == "http://prometheus:9090" and "prometheus" in services()
    provided = yaml.safe_load((ROOT / mounted["/etc/grafana/provisioning/dashboards/huiyin.yml"]).read_text("utf-8"))
    folder = provided["providers"][0]["options"]["path"]
    shown = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert shown == f"{folder}/huiyin.json" and shown in mounted
    assert all(services()[name]["profiles"] == ["watch"] for name in ("prometheus", "grafana"))


def test_ports_are_bound_to_localhost_and_stores_are_not_published() -> None:
    for name, service in services().items():
        ports = service.get("ports", [])
        assert all(port.startswith("127.0.0.1:") for port in ports), name
        assert not ports or name in ("intake", "analytics", "grafana"), name


def test_compose_has_no_default_password() -> None:
    text = FILE.read_text("utf-8")
    for value in re.findall(r"\$\{(\w*PASSWORD\w*)(.*?)\}", text):
        assert value[1].startswith(":?"), value[0]
    assert not re.search(r"PASSWORD\w*:\s*[\"']?[A-Za-z0-9]", text)


def test_docker_compose_accepts_configuration() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("cannot run here, needs docker-compose (apt-get install docker-compose)")
        pytest.skip("not run: needs docker-compose (apt-get install docker-compose)")
    command = [program, "-f", str(FILE), "--profile", "watch", "config", "-q"]
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean | PASSWORDS)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean)
    assert done.returncode != 0, "without passwords it does not start"
