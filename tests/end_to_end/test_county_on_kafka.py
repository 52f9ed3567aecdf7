"""The manual's way from the first file of a county to the first assignment that an organisation reads through Kafka, as written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.end_to_end.test_docs import SHELL
from tests.end_to_end.test_full_mode import serving
from tests.support.process import clean_environment
from tests.support.servers import mongodb
from tests.support.servers.kafka import Kafka

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs/setting-up.md").read_text("utf-8").partition("\n## 7. ")[2]


@pytest.mark.nightly
def test_county_with_kafka_from_first_file_to_first_assignment(tmp_path: Path) -> None:
    broker = Kafka(users={"admin": "pw"})
    (tmp_path / "secrets").mkdir(mode=0o700)
    place = {
        "HUIYIN_KAFKA_BOOTSTRAP": broker.bootstrap,
        "HUIYIN_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "HUIYIN_KAFKA_USER": "admin",
        "HUIYIN_KAFKA_PASSWORD": "pw",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{uuid4().hex[:8]}",
        "HUIYIN_SECRETS": str(tmp_path / "secrets"),
    }
    try:
        with serving("all", tmp_path, place) as one:
            environment = {**clean_environment(), **place, "HUIYIN_DATA": str(one.data)}
            run = ["bash", "-ec", "\n".join(["huiyin topics apply", *SHELL.findall(SECTION)])]
            done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            (command,) = re.findall(r"^HUIYIN_KAFKA_USER=.*$", SECTION, re.MULTILINE)
            (password,) = re.findall(r"^\s*password\W+(\S+)", done.stdout, re.MULTILINE)
            (key,) = re.findall(r"\bhy_\w+\S*", done.stdout)
            command = command.replace("=PASSWORD", f"={password}").replace("=KEY", f"={key}")
            command = command.replace("python examples", f"exec {sys.executable} {ROOT}/examples")
            partner = {name: place[name] for name in ("HUIYIN_KAFKA_BOOTSTRAP", "HUIYIN_KAFKA_SECURITY")}
            partner |= {"PATH": os.environ["PATH"], "HUIYIN_URL": one.url}
            out = tmp_path / "client.out"
            with out.open("w") as stdout, (tmp_path / "client.err").open("w") as stderr:
                client = subprocess.Popen(["bash", "-c", command], env=partner, stdout=stdout, stderr=stderr)
            try:
                until = time.monotonic() + 90
                while not out.read_text():
                    assert client.poll() is None and time.monotonic() < until, (tmp_path / "client.err").read_text()
                    time.sleep(0.2)
                first = json.loads(out.read_text().splitlines()[0])
                assert (first["id"], first["kind"]) == (1, "assigned")
                assert '{"id": 1, "kind": "assigned", …}' in SECTION
            finally:
                client.kill()
                client.wait()
    finally:
        broker.stop()
