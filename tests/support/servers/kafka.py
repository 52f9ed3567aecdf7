"""Apache Kafka for tests: the real broker (KRaft) on this machine, from Maven's repository, in a temporary folder.

`HUIYIN_TEST_KAFKA` names a running one instead; topics and groups of tests begin with `huiyin-test-`. It needs Java 17
or newer, and Maven for the first fetch. The jars are what `kafka.sha256` says, or are not used.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.certificates import Certificate
from tests.support.servers.fetch import NotHere, cache

VERSION = "4.1.0"
PINNED = Path(__file__).with_name("kafka.sha256")
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>huiyin</groupId><artifactId>servers</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{VERSION}</version></dependency></dependencies></project>
"""
JAVA = ("java", "-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
STARTING = 90.0
"""Seconds that a broker may take until it answers, on a busy machine."""
NEEDS = "Java 17 and Maven (apt-get install openjdk-17-jre-headless maven)"
_JAVA = 17
PREFIX = "huiyin-test-"
"""What the names of topics and groups of tests begin with."""
_PARENT_DEATH = 1  # PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None)  # found before a fork, after which only a system call is safe


def fetch() -> Path:
    """The folder of Kafka's jars, fetched once. Raises NotHere."""
    libs = cache() / f"kafka-{VERSION}"
    if libs.is_dir():
        _check(libs)
        return libs
    if shutil.which("mvn") is None:
        raise NotHere(NEEDS)  # Maven fetches it
    libs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=libs.parent) as name:
        place = Path(name)
        (place / "pom.xml").write_text(POM)
        wanted = ("dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime")
        done = subprocess.run(
            ("mvn", "-q", "-B", *wanted), cwd=place, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode != 0:
            raise NotHere(f"Kafka {VERSION} from Maven's repository (mvn ended with {done.returncode})")
        _check(place / "libs")
        with suppress(OSError):  # another run was faster: its folder was checked, too
            (place / "libs").rename(libs)
    return libs


def _check(libs: Path) -> None:
    pinned = dict(reversed(line.split()) for line in PINNED.read_text().splitlines())
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in libs.glob("*.jar")}
    if found != pinned:
        wrong = sorted(name for name in found.keys() | pinned.keys() if found.get(name) != pinned.get(name))
        raise NotHere(f"jars as {PINNED.name} names them; these differ in {libs}: {', '.join(wrong)}")


def _java() -> int:
    """Major version of the Java on the path; 0 where there is none."""
    if shutil.which("java") is None:
        return 0
    said = subprocess.run(("java", "-version"), capture_output=True, text=True, timeout=60, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def free_ports(number: int) -> list[int]:
    """Distinct TCP ports without a listener."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


class Kafka:
    """One broker, or three with a replica on each, in a temporary folder. They die with the process that started them.

    `users` (name -> password): they log in with SCRAM-SHA-512, and may do what they are given rights to; the first may do
    everything. Without users everybody may. `tls`: the brokers encrypt, with this certificate. Raises NotHere."""

    def __init__(
        self, brokers: int = 1, users: Mapping[str, str] | None = None, tls: Certificate | None = None
    ) -> None:
        if _java() < _JAVA:
            raise NotHere(NEEDS)
        self._libs = fetch()
        self._folder = Path(tempfile.mkdtemp(prefix="huiyin-kafka-"))
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.ports = free_ports(2 * brokers)
        """First those of the brokers, then those of the controllers."""
        self.brokers = brokers
        self._users = dict(users or {})
        self._tls = tls
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def bootstrap(self) -> str:
        """The bootstrap address for clients."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports[: self.brokers])

    @property
    def folder(self) -> Path:
        """The data folder: broker 1 uses `data-1`."""
        return self._folder

    def _start(self) -> None:
        """Format and start all brokers; returns once each answers."""
        identity = base64.urlsafe_b64encode(bytes(1) + os.urandom(15)).decode().rstrip("=")  # never begins with a dash
        for node in range(1, self.brokers + 1):
            properties = self._properties(node)
            tool = [*self._java("kafka.tools.StorageTool"), "format", "-t", identity, "-c", str(properties)]
            for name, password in self._users.items():
                tool += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
            subprocess.run(tool, capture_output=True, check=True, timeout=60)
        for node in range(1, self.brokers + 1):
            self.run(node)
        self.wait()

    def run(self, node: int = 1) -> None:
        """Start one broker, for the first time or again. Does not wait."""
        with (self._folder / f"broker-{node}.log").open("ab") as out:
            self._running[node] = subprocess.Popen(
                (*self._java("kafka.Kafka"), str(self._folder / f"broker-{node}.properties")),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C in the terminal reaches the parent process only, which then stops the broker
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )

    def wait(self, nodes: Sequence[int] = ()) -> None:
        """Returns once these brokers (all, if none is named) accept connections. Raises NotHere."""
        until = time.monotonic() + STARTING
        for node in nodes or range(1, self.brokers + 1):
            while True:
                process = self._running[node]
                if process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / f"broker-{node}.log").read_text(errors="replace")
                    raise NotHere(f"a machine that Kafka runs on; broker {node} said: {log[-1000:]}")
                with suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[node - 1]), 0.5):
                    break
                time.sleep(0.1)

    def signal(self, number: signal.Signals, node: int = 1) -> None:
        """Send a signal to a broker: SIGSTOP makes it unreachable, SIGCONT brings it back, SIGKILL ends it."""
        self._running[node].send_signal(number)
        if number is signal.SIGKILL:
            self._running.pop(node).wait(timeout=30)

    def stop(self) -> None:
        for process in self._running.values():
            process.kill()  # nothing of it is kept
        for process in self._running.values():
            process.wait(timeout=30)
        self._running.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _java(self, program: str) -> tuple[str, ...]:
        return (*JAVA, "-cp", f"{self._libs}/*", program)

    def _properties(self, node: int) -> Path:
        """The configuration of one broker, written into the folder."""
        broker, controller = self.ports[node - 1], self.ports[self.brokers + node - 1]
        voters = (f"{one + 1}@127.0.0.1:{self.ports[self.brokers + one]}" for one in range(self.brokers))
        copies, in_sync = (3, 2) if self.brokers == 3 else (1, 1)
        protocol = ("SASL_" if self._users else "") + ("SSL" if self._tls else "PLAINTEXT")
        path = self._folder / f"broker-{node}.properties"
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"{protocol}://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"{protocol}://127.0.0.1:{broker}",
            "security.inter.broker.protocol": protocol,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": f"{protocol}:{protocol},CONTROLLER:PLAINTEXT",
            "log.dirs": self._folder / f"data-{node}",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 8,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "group.initial.rebalance.delay.ms": 0,
            "broker.session.timeout.ms": 6000,
            "unclean.leader.election.enable": "false",
            **self._encrypting(),
            **self._checking(protocol.lower()),
        }
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _encrypting(self) -> dict[str, object]:
        """The broker settings for TLS."""
        if self._tls is None:
            return {}
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._tls.file,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self._tls.ca,
        }

    def _checking(self, listener: str) -> dict[str, str]:
        """The broker settings for authentication and authorisation."""
        if not self._users:
            return {}
        first, password = next(iter(self._users.items()))
        login = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{first}" password="{password}";'
        return {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            f"listener.name.{listener}.scram-sha-512.sasl.jaas.config": login,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{first};User:ANONYMOUS",  # only connections between brokers are anonymous
        }


_running: list[Kafka] = []


def why_not() -> str | None:
    """None if bootstrap() works; otherwise what is missing here."""
    try:
        bootstrap()
    except NotHere as error:
        return str(error)
    return None


def bootstrap() -> str:
    """The broker that all tests of this run share; started when it is first asked for. Raises NotHere."""
    given = os.environ.get("HUIYIN_TEST_KAFKA")
    if given:
        return given
    if not _running:
        _running.append(Kafka())
    return _running[0].bootstrap


address = bootstrap
"""The name that both servers have for it."""


def stop() -> None:
    """Stop the broker that bootstrap() started."""
    while _running:
        _running.pop().stop()


def _die_with_parent() -> None:
    _LIBC.prctl(_PARENT_DEATH, signal.SIGKILL)
