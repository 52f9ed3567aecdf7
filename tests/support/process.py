"""`huiyin` as a process, as users run it."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.warm_process import WarmProcess

HUIYIN = str(Path(sys.executable).with_name("huiyin"))


def clean_environment() -> dict[str, str]:
    """Without settings of ours; and a process may keep what it compiled, or each of hundreds compiles all again."""
    left_out = ("HUIYIN_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "PATH": f"{Path(HUIYIN).parent}:{os.environ['PATH']}", "COLUMNS": "200"}


@functools.cache
def _warm() -> WarmProcess:
    """One for this process, at its first command."""
    return WarmProcess(clean_environment())


def huiyin(*arguments: str, stdin: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a separate process. No command ever shows a traceback."""
    clean = clean_environment()
    if all(name.startswith("HUIYIN_") for name in more):
        done = _warm().run(arguments, stdin or "", {**clean, **more}, 120)
    else:  # settings that change how Python itself starts
        done = subprocess.run(
            [HUIYIN, *arguments],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=120,
            env={**clean, **more},
            check=False,
        )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


@dataclass
class Server:
    """A running server: its address and what it printed."""

    process: subprocess.Popen[str]
    url: str
    printed: str

    @property
    def operations(self) -> str:
        """The address of the port for operations."""
        found = re.search(r"^operations \S+\s+(http://\S+:\d+)", self.printed, re.MULTILINE)
        assert found
        return found[1]

    @property
    def steps(self) -> list[str]:
        """The commands that it offers to a newcomer."""
        return [line.strip() for line in self.printed.splitlines() if line.startswith("  huiyin ")]

    @property
    def preparing(self) -> str:
        """The line printed before them."""
        return next(line.strip() for line in self.printed.splitlines() if line.startswith("  export "))

    def key(self, name: str) -> str:
        found = re.search(rf"^\s+{re.escape(name)}\s+(hy_\S+)$", self.printed, re.MULTILINE)
        assert found
        return found[1]


@contextmanager
def server(data: Path, *, sample: bool = True, port: int = 0, **more: str) -> Iterator[Server]:
    """`huiyin serve` on `port`, or on a free one, ended with SIGTERM. `more`: settings."""
    out, err = data.with_suffix(".out"), data.with_suffix(".err")
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            [HUIYIN, "serve", "--data", str(data), "--port", str(port), "--sample", "yes" if sample else "no"],
            stdout=stdout,
            stderr=stderr,
            text=True,
            env={**clean_environment(), **more},
        )
    try:
        until = time.monotonic() + 90
        while "Ctrl-C" not in out.read_text():
            assert process.poll() is None, err.read_text()
            assert time.monotonic() < until, err.read_text()
            time.sleep(0.1)
        printed = out.read_text()
        found = re.search(r"http://\S+:\d+", printed)
        assert found
        yield Server(process, found[0], printed)
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0, err.read_text()
