"""Commands in processes of their own that need not import everything again.

Nine tenths of a short `huiyin …` are imports. One process imports them once and forks for each command: it has its own
process, streams, environment and folder, and ends as it would have. That a command also starts from nothing is proved by
the tests of the manual and by every server.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

LOADED = (
    "deploy.modes.embedded",
    "deploy.api.app",
    "shared.hosting.log_format",
    "services.analytics.statistics.render",
)
_LONGEST = 1 << 20
_BEGIN = "import sys; from tests.support.warm_process import serve; serve(sys.argv[1], int(sys.argv[2]))"
"""Not with -m: the name of a command is looked for there first."""


class WarmProcess:
    """The client's side: one such process, which ends with this one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="huiyin-warm-")
        self._address = str(Path(self._folder.name) / "socket")
        watch, self._alive = os.pipe()
        command = [sys.executable, "-c", _BEGIN, self._address, str(watch)]
        self._process = subprocess.Popen(
            command,
            pass_fds=(watch,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # commands differ by the streams at import time
            env=dict(environment),
            cwd=Path(__file__).parents[2],
        )
        os.close(watch)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", "it did not start"
        atexit.register(self.end)

    def end(self) -> None:
        os.close(self._alive)
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()

    def run(
        self, arguments: Sequence[str], stdin: str, environment: Mapping[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Like subprocess.run with captured text. Raises subprocess.TimeoutExpired."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            asked = json.dumps({"arguments": arguments, "environment": dict(environment), "folder": str(Path.cwd())})
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(self._address)
                socket.send_fds(line, [asked.encode()], [given.fileno(), out.fileno(), err.fileno()])
                line.shutdown(socket.SHUT_WR)
                line.settimeout(seconds)
                answers = line.makefile("r")
                pid = int(answers.readline())
                try:
                    code = int(answers.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(arguments), seconds) from None
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(
                list(arguments), code, out.read().decode(errors="replace"), err.read().decode(errors="replace")
            )


# ------------------------------------------------------------------ the other side


def serve(address: str, watch: int) -> None:
    import deploy.cli
    from deploy.cli.main import main

    for found in pkgutil.iter_modules(deploy.cli.__path__):
        importlib.import_module(f"deploy.cli.{found.name}")
    for name in LOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork copies one thread only"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for the intermediate one
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        print("ready", flush=True)
        while watch not in (ready := select.select([door, watch], [], [])[0]):
            assert ready
            line, _ = door.accept()
            if os.fork() == 0:
                os.close(watch)
                door.close()
                _between(line, main)
            line.close()


def _between(line: socket.socket, main: object) -> None:
    """Fork the command, wait for it, and report its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    content, fds, _flags, _address = socket.recv_fds(line, _LONGEST, 3)
    while more := line.recv(_LONGEST):
        content += more
    asked = json.loads(content)
    pid = os.fork()
    if pid == 0:
        line.close()
        _become(asked, fds, main)
    for fd in fds:
        os.close(fd)
    line.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(asked: dict[str, object], fds: Sequence[int], main: object) -> None:
    """Run the command as if this were its process, and end as it does."""
    code: object = 0
    try:
        for place, fd in enumerate(fds):
            os.dup2(fd, place)
            os.close(fd)
        os.environ.clear()
        os.environ.update(asked["environment"])  # type: ignore[call-overload]
        os.chdir(str(asked["folder"]))
        sys.argv = ["huiyin", *asked["arguments"]]  # type: ignore[misc]
        main()  # type: ignore[operator]
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(int(code or 0) & 255)
