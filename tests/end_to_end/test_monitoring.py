"""A real Prometheus asks a real process of the full mode, with the files of deploy/: every panel of the dashboard has data, and
the alarms of a healthy system are silent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from tests.end_to_end.test_full_mode import Process, serving, settled
from tests.support.process import clean_environment, huiyin
from tests.support.servers import kafka, mongodb
from tests.unit.deploy.test_alarms import PROMETHEUS, panels, rules

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]


SOONER = {"HuiyinPublishLag": "max(huiyin_publish_lag_seconds) > 3"}


class Watch:
    """A Prometheus."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **parameters: str | float) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def points(self, query: str) -> list[Any]:
        """The data points of a panel for the last five minutes."""
        now = time.time()
        found: list[Any] = self.get("query_range", query=query, start=now - 300, end=now, step=5)["result"]
        return found

    def sounding(self) -> dict[str, Any]:
        """Name -> alarm."""
        return {one["labels"]["alertname"]: one for one in self.get("alerts")["alerts"] if one["state"] == "firing"}

    def missing(self) -> object:
        """The explanation that a failure shows."""
        empty = [one["expr"] for panel in panels() for one in panel["targets"] if not self.points(one["expr"])]
        return empty, self.get("targets")["activeTargets"]

    def until(self, true: Callable[[], object], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.missing()
            time.sleep(0.5)


@contextmanager
def watching(
    folder: Path, targets: Sequence[str], key: str, *, patient: bool = True, pace: str = "1s"
) -> Iterator[Watch]:
    """Prometheus with the files of deploy/, of which only addresses, the key's place and the pace are others; where it is not
    `patient`, alarms sound after a second, and that of publishing when something waits for 3 s."""
    program = shutil.which("prometheus")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("cannot run here, needs Prometheus (apt-get install prometheus)")
        pytest.skip("not run: needs Prometheus (apt-get install prometheus)")
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
    settings["global"] = {"scrape_interval": pace, "evaluation_interval": "1s"}
    (job,) = settings["scrape_configs"]
    job["authorization"]["credentials_file"] = str(folder / "metrics.key")
    job["static_configs"] = [{"targets": [target.removeprefix("http://") for target in targets]}]
    (folder / "metrics.key").write_text(key)
    known = [
        rule if patient else {**rule, "for": "1s", "expr": SOONER.get(rule["alert"], rule["expr"])} for rule in rules()
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "huiyin", "rules": known}]}))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    (port,) = kafka.free_ports(1)
    command = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, env=clean_environment()
        )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None and time.monotonic() < until, (folder / "prometheus.log").read_text()
            time.sleep(0.2)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Watch(client)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    name = uuid4().hex[:8]
    return {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}",
        "HUIYIN_SECRETS": str(tmp_path_factory.mktemp("secrets")),
        "HUIYIN_OPS_PORT": str(kafka.free_ports(1)[0]),
    }


def operations(place: dict[str, str]) -> str:
    """Where the process of `place` gives its metrics."""
    return f"127.0.0.1:{place['HUIYIN_OPS_PORT']}"


def told(*arguments: str, data: Path, place: dict[str, str]) -> str:
    done = huiyin(*arguments, "--data", str(data), **place)
    assert done.returncode == 0, done.stderr
    return done.stdout


def file_some(process: Process, place: dict[str, str], number: int) -> None:
    for item in range(number):
        words = ("--item", f"watch-{uuid4().hex}-{item}", "--place", "dh-yl", "--subject", "0102", "--text", "路灯不亮")
        told("submit", *words, data=process.data, place=place)


def test_every_panel_has_data_and_healthy_system_raises_no_alarm(tmp_path: Path, place: dict[str, str]) -> None:
    assert huiyin("topics", "apply", **place).returncode == 0
    with serving("all", tmp_path, place) as one:
        told("policy", "activate", "demo", data=one.data, place=place)
        key = next(
            word for word in told("keys", "add", "operations", data=one.data, place=place).split() if word[:3] == "hy_"
        )
        with watching(tmp_path, [operations(place)], key) as watch:
            watch.until(lambda: watch.points('up{job="huiyin"} == 1'))
            file_some(one, place, 3)
            settled([one])
            watch.until(lambda: watch.points("sum(petition_cases_registered_total) >= 3"))
            watch.until(lambda: watch.points("sum(huiyin_slot_leases) == 16"))
            file_some(one, place, 2)  # rates need two points that differ
            settled([one])
            asked = {target["expr"] for panel in panels() for target in panel["targets"]}
            watch.until(lambda: all(map(watch.points, asked)))  # some are counted every 15 s only
            assert watch.points("max(huiyin_accepting)")[0]["values"][-1][1] == "1"
            known = {rule["name"]: rule for group in watch.get("rules")["groups"] for rule in group["rules"]}
            assert known.keys() == {rule["alert"] for rule in rules()}
            assert all(rule["health"] == "ok" for rule in known.values()), known
            sounding = {rule["name"] for rule in known.values() if rule["state"] == "firing"}
            assert not sounding - {"HuiyinCalendarEnds"}, sounding


def test_stopped_process_raises_readable_alarm(tmp_path: Path) -> None:
    (closed,) = kafka.free_ports(1)
    with watching(tmp_path, [f"127.0.0.1:{closed}"], "hy_none", patient=False) as watch:
        watch.until(
            lambda: {"HuiyinIntakeRefuses", "HuiyinProcessDown", "HuiyinDeadlinesUnwatched"} <= watch.sounding().keys()
        )
        notes = watch.sounding()["HuiyinProcessDown"]["annotations"]
        assert notes["summary"] == f"127.0.0.1:{closed} does not answer Prometheus"
        assert notes["summary_zh"].startswith(f"127.0.0.1:{closed}")


@pytest.mark.nightly
def test_kafka_outage_and_recovery_raise_notifications(tmp_path: Path) -> None:
    broker = kafka.Kafka()
    (tmp_path / "secrets").mkdir()
    place = {
        "HUIYIN_KAFKA_BOOTSTRAP": broker.bootstrap,
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{uuid4().hex[:8]}",
        "HUIYIN_SECRETS": str(tmp_path / "secrets"),
        "HUIYIN_OPS_PORT": str(kafka.free_ports(1)[0]),
    }
    try:
        assert huiyin("topics", "apply", **place).returncode == 0
        with serving("all", tmp_path, place) as one:
            told("policy", "activate", "demo", data=one.data, place=place)
            printed = told("keys", "add", "operations", data=one.data, place=place)
            key = next(word for word in printed.split() if word.startswith("hy_"))
            settled([one])
            # An answer takes 3 s while a broker is silent, and Prometheus waits no longer than its pace.
            with watching(tmp_path, [operations(place)], key, patient=False, pace="6s") as watch:
                watch.until(lambda: watch.points("max(huiyin_accepting) == 1"))
                broker.signal(signal.SIGSTOP)
                file_some(one, place, 1)
                watch.until(lambda: "HuiyinPublishLag" in watch.sounding())
                heard = watch.sounding()
                assert "最早的事件已等待" in heard["HuiyinPublishLag"]["annotations"]["description_zh"]
                assert not heard.keys() & {"HuiyinIntakeRefuses", "HuiyinConsumerStalled", "HuiyinProcessDown"}
                broker.signal(signal.SIGCONT)
                watch.until(lambda: "HuiyinPublishLag" not in watch.sounding())
                settled([one])
    finally:
        broker.signal(signal.SIGCONT)
        broker.stop()
