"""Required properties of docker-compose.yml."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.cli.main import COMMANDS
from services.portal.application import PAGES

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docker-compose.yml"
OURS = ("intake", "routing", "supervision", "analytics")
STORES = ("mongodb", "kafka")
TALKS = {
    *((one, store) for one in (*OURS, "setup") for store in STORES),
    *(("prometheus", one) for one in OURS),
    ("grafana", "prometheus"),
    ("portal", "intake"),
}
"""Who opens connections to whom. Only these pairs, and what is published itself, share a network."""


def loaded() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


def services() -> dict[str, Any]:
    found: dict[str, Any] = loaded()["services"]
    return found


@pytest.mark.parametrize("name", services())
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
    if name == "setup":
        assert service["healthcheck"] == {"disable": True} and service["restart"] == "no", "it runs once"
    else:
        assert "healthcheck" in service or name in (*OURS, "portal"), "ours have that of the image"
        assert service["restart"] == "unless-stopped"


def test_image_runs_as_non_root_with_health_check() -> None:
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    last = image.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\\\n.*:9090/readyz", last, re.MULTILINE)


def test_every_mounted_file_exists_and_cannot_be_written() -> None:
    named = {part for one in services().values() for part in one.get("volumes", []) if part.startswith(("./", "${"))}
    assert all(volume.endswith(":ro") for volume in named)
    sources = {re.sub(r"^\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[0] for volume in named} - {
        "./metrics.key",
        "./portal.key",
    }
    assert sources, "Prometheus and Grafana are given theirs"
    for name in sources:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", services())
def test_volume_of_secrets_is_read_only_where_it_is_only_read(name: str) -> None:
    mounted = [volume for volume in services()[name].get("volumes", ()) if volume.startswith("secrets:")]
    assert mounted == {"intake": ["secrets:/secrets"]}.get(name, ["secrets:/secrets:ro"] if name in OURS else [])


@pytest.mark.parametrize("name", services())
def test_container_gets_its_own_passwords_only(name: str) -> None:
    own = {
        **{one: {f"mongodb-{one}", f"kafka-{one}"} for one in OURS},
        "setup": set(loaded()["secrets"]) - {"mongodb-root", "grafana-admin"},
        "mongodb": {"mongodb-root"},
        "kafka": {"kafka-admin"},
        "grafana": {"grafana-admin"},
    }
    service = services()[name]
    assert set(service.get("secrets", ())) == own.get(name, set())
    for variable, value in service.get("environment", {}).items():
        if variable.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in own.get(name, {"/run/portal.key"})
        assert "PASSWORD" not in variable or variable.endswith("_FILE")
    if name in OURS:
        assert service["environment"]["HUIYIN_KAFKA_USER"] == f"svc-{name}"


def test_networks_join_those_that_talk_and_no_others() -> None:
    """A process that is taken over reaches only what its work needs."""
    networks = {name: set(service["networks"]) for name, service in services().items()}
    open_ = {name for name, network in loaded()["networks"].items() if not (network or {}).get("internal")}
    for one, other in TALKS:
        assert networks[one] & networks[other], (one, other)
    published = {name for name, service in services().items() if service.get("ports")}
    assert {name for name, found in networks.items() if found & open_} == published
    for one, other in combinations(networks, 2):
        shared = networks[one] & networks[other]
        if (one, other) not in TALKS and (other, one) not in TALKS:
            assert not shared or not {one, other} & set(STORES), (one, other, shared)
    for store in STORES:
        assert {one for one in networks if networks[one] & networks[store]} == {store, "setup", *OURS}


@pytest.mark.parametrize("name", services())
def test_image_can_be_pinned_by_a_variable(name: str) -> None:
    assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[a-z0-9./-]+:[\w.-]+\}", services()[name]["image"])
    text = FILE.read_text("utf-8")
    assert "@sha256" not in text + (ROOT / "deploy/Dockerfile").read_text("utf-8"), "no digest is committed"


def test_brokers_check_logins_and_rights() -> None:
    script = (ROOT / "deploy/compose/kafka.sh").read_text("utf-8")
    settings = dict(line.split("=", 1) for line in script.splitlines() if re.match(r"[a-z][a-z0-9._-]+=", line))
    protocols = dict(one.split(":") for one in settings["listener.security.protocol.map"].split(","))
    assert all(one.startswith(("SASL_", "$partners")) for one in protocols.values()), "no login-free listener"
    assert settings["super.users"] == "User:admin" and "ANONYMOUS" not in script
    assert (
        settings["allow.everyone.if.no.acl.found"] == "false"
        and "StandardAuthorizer" in settings["authorizer.class.name"]
    )
    assert settings["auto.create.topics.enable"] == "false"
    assert "CONTROLLER://127.0.0.1:" in settings["listeners"]
    assert "--keyFile" in (ROOT / "deploy/compose/mongodb.sh").read_text("utf-8")


def test_passwords_are_made_once_in_a_closed_folder(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    command = ["sh", str(ROOT / "deploy/compose/passwords.sh"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert {path.name for path in folder.iterdir()} == set(loaded()["secrets"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    found = {path.name: path.read_text() for path in folder.iterdir()}
    passwords = [
        re.sub(r"^mongodb://[\w-]+:(\w+)@.*", r"\1", text) for name, text in found.items() if name != "mongodb-root"
    ]
    assert len(set(passwords)) == len(passwords) and all(re.fullmatch(r"\w{32}", one) for one in passwords)
    assert f":{found['mongodb-root']}@" in found["mongodb-admin"]
    (folder / "kafka-intake").unlink()
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    again = {path.name: path.read_text() for path in folder.iterdir()}
    assert again.pop("kafka-intake") != found.pop("kafka-intake") and again == found


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
        assert all(re.match(r"(\$\{HUIYIN_KAFKA_BIND:-)?127\.0\.0\.1", port) for port in ports), name
        assert not ports or name in ("intake", "analytics", "grafana", "kafka", "portal"), name
    assert services()["kafka"]["ports"] == ["${HUIYIN_KAFKA_BIND:-127.0.0.1}:9094:9094"], (
        "the listener of partners only"
    )


def test_compose_holds_no_password() -> None:
    text = FILE.read_text("utf-8") + (ROOT / ".env.example").read_text("utf-8")
    assert not re.search(r"PASSWORD\w*[:=]\s*[\"']?[A-Za-z0-9$]", text.replace("HUIYIN_PASSWORDS", ""))


def test_portal_runs_the_command_of_the_program_with_its_own_key_and_no_store() -> None:
    portal = services()["portal"]
    assert portal["command"][:2] == ["portal", "--pages"] and portal["command"][0] in COMMANDS
    assert re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", portal["command"][2]) in PAGES
    assert portal["networks"] == ["edge"] and "secrets" not in portal
    assert portal["environment"]["HUIYIN_URL"] == "http://intake:8080"
    assert f"./portal.key:{portal['environment']['HUIYIN_ACCESS_KEY_FILE']}:ro" in portal["volumes"]


def test_docker_compose_accepts_configuration() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("cannot run here, needs docker-compose (apt-get install docker-compose)")
        pytest.skip("not run: needs docker-compose (apt-get install docker-compose)")
    command = [program, "-f", str(FILE), "--profile", "watch", "config"]
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean)
    assert done.returncode == 0, done.stderr
    rendered = yaml.safe_load(done.stdout)
    assert rendered["services"]["kafka"]["image"] == "apache/kafka:4.1.0"
    pinned = "apache/kafka:4.1.0@sha256:" + "0" * 64
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, env=clean | {"KAFKA_IMAGE": pinned}
    )
    assert yaml.safe_load(done.stdout)["services"]["kafka"]["image"] == pinned
