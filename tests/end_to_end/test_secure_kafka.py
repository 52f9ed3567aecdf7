"""The secure set-up of the manual: brokers with TLS from an authority of our own, SCRAM and rights. Both examples work on it with
plain clients, and every command names what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.end_to_end.test_department_topics import eventually, policy
from tests.end_to_end.test_full_mode import serving
from tests.end_to_end.test_platform_client import FILING, act, key_of, steps, until
from tests.support.certificates import certificate
from tests.support.plain_client import plain_python
from tests.support.process import huiyin
from tests.support.servers import mongodb
from tests.support.servers.fetch import NotHere
from tests.support.servers.kafka import Kafka

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
EXAMPLES = Path(__file__).parents[2] / "examples"
USERS = {
    name: uuid4().hex for name in ("admin", "svc-intake", "svc-routing", "dept-cn-demo.zj", "platform-cn-demo.province")
}


class Secure:
    """A broker, and the settings of its users."""

    def __init__(self, folder: Path) -> None:
        self.certificate = certificate(folder)
        self.kafka = Kafka(users=USERS, tls=self.certificate)

    def place(self, user: str, **other: str) -> dict[str, str]:
        return {
            "HUIYIN_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "HUIYIN_KAFKA_SECURITY": "SASL_SSL",
            "HUIYIN_KAFKA_CA": str(self.certificate.ca),
            "HUIYIN_KAFKA_USER": user,
            "HUIYIN_KAFKA_PASSWORD": USERS[user],
            **other,
        }


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    made = Secure(tmp_path_factory.mktemp("tls"))
    yield made
    made.kafka.stop()


def stores(folder: Path) -> dict[str, str]:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    return {
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{uuid4().hex[:8]}",
        "HUIYIN_SECRETS": str(secrets),
    }


@pytest.mark.parametrize(
    "command",
    [("topics", "diff"), ("topics", "apply"), ("topics", "acls", "--apply"), ("rebuild", "--from", "topic")],
    ids=" ".join,
)
def test_command_names_refused_login_and_untrusted_certificate(
    secure: Secure, tmp_path: Path, command: Sequence[str]
) -> None:
    other = certificate(tmp_path, "other")
    words = (*command, "--data", str(tmp_path / "data")) if command[0] == "rebuild" else command
    for wrong, named in (
        ({"HUIYIN_KAFKA_PASSWORD": "pa55"}, "Check HUIYIN_KAFKA_USER and HUIYIN_KAFKA_PASSWORD."),
        ({"HUIYIN_KAFKA_USER": "nobody"}, "Check HUIYIN_KAFKA_USER and HUIYIN_KAFKA_PASSWORD."),
        ({"HUIYIN_KAFKA_CA": str(other.ca)}, "Check HUIYIN_KAFKA_CA,"),
        ({"HUIYIN_KAFKA_BOOTSTRAP": "127.0.0.1:9"}, "Check HUIYIN_KAFKA_BOOTSTRAP"),
    ):
        done = huiyin(*words, **{**stores(tmp_path), **secure.place("admin"), **wrong})
        assert done.returncode != 0
        assert named in " ".join(done.stderr.split()), done.stderr
        assert "pa55" not in done.stdout + done.stderr and USERS["admin"] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("wrong", "reason"), [("HUIYIN_KAFKA_PASSWORD", "login_refused"), ("HUIYIN_KAFKA_CA", "certificate_refused")]
)
def test_service_names_refused_login_and_untrusted_certificate(
    secure: Secure, tmp_path: Path, wrong: str, reason: str
) -> None:
    value = "pa55" if wrong.endswith("PASSWORD") else str(certificate(tmp_path, "other").ca)
    with serving("routing", tmp_path, {**stores(tmp_path), **secure.place("svc-routing", **{wrong: value})}) as one:
        eventually(lambda: one.ready()["reasons"] == [reason])


@contextmanager
def example(name: str, arguments: Sequence[str], settings: dict[str, str], folder: Path) -> Iterator[Path]:
    """The example as a process of a partner, with its own Python; killed at the end of the block. Gives its output."""
    try:
        python = plain_python()
    except NotHere as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"cannot run here, needs {error}", pytrace=False)
        pytest.skip(f"not run: needs {error}")
    out, errors = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("w") as stdout, errors.open("w") as stderr:
        process = subprocess.Popen(
            [str(python), "-I", str(EXAMPLES / name / "client.py"), *arguments],
            stdout=stdout, stderr=stderr, env=settings, cwd=folder,
        )  # fmt: skip
    try:
        yield out
        assert process.poll() is None, errors.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.mark.nightly
def test_both_examples_work_over_tls_and_scram_with_plain_clients(secure: Secure, tmp_path: Path) -> None:
    try:
        libraries = subprocess.run([plain_python(), "-m", "pip", "list"], capture_output=True, text=True, check=True)
        assert "aiokafka" in libraries.stdout and "cramjam" not in libraries.stdout
    except NotHere:
        pass  # example() says so
    shared = stores(tmp_path)
    with ExitStack() as stack:
        intake, routing = (
            stack.enter_context(serving(one, tmp_path, {**shared, **secure.place(f"svc-{one}")}))
            for one in ("intake", "routing")
        )
        activated = ("policy", "activate", str(policy(tmp_path)), "--data", str(intake.data))
        for user, words in (("admin", ("topics", "apply")), ("svc-intake", activated), ("admin", ("topics", "apply"))):
            done = huiyin(*words, **{**shared, **secure.place(user)})
            assert done.returncode == 0, done.stdout + done.stderr
        done = huiyin("topics", "acls", "--apply", **{**shared, **secure.place("admin")})
        assert done.returncode == 0, done.stdout + done.stderr
        department = secure.place("dept-cn-demo.zj", HUIYIN_URL=routing.url)
        department["HUIYIN_ACCESS_KEY"] = key_of(intake, "organisation", "zj")
        out = stack.enter_context(example("department", ["cn-demo", "zj"], department, tmp_path))
        platform = secure.place("platform-cn-demo.province", HUIYIN_URL=intake.url)
        platform["HUIYIN_ACCESS_KEY"] = key_of(intake, "platform", "province")
        filings, notebook = tmp_path / "filings.jsonl", tmp_path / "notebook.json"
        filings.write_text(json.dumps({**FILING, "item": "P-1"}, ensure_ascii=False))
        stack.enter_context(
            example("platform", ["cn-demo", "province", str(filings), str(notebook)], platform, tmp_path)
        )
        known = until(notebook, lambda found: "notice" in steps(found, "P-1"))
        case = known["P-1"]["case"]
        eventually(lambda: '"ask_extension"' in out.read_text())
        extension = {"days": 10, "approver": "局长", "reason": "须鉴定"}
        head = key_of(intake, "clerk", "zj", person="z-9", head=True)
        act(routing.url, head, case, "grant_extension", extension)
        known = until(notebook, lambda found: "answer" in found["P-1"])
        assert f"“{FILING['text']}”" in str(known["P-1"]["answer"])
