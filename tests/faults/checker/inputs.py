"""The recorded data of a run, and how it is read. The docstring of the package describes the file formats."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

CASE = "case/"
TOLD = ("inbox/", "updates/")
"""Streams of what somebody outside was told: their version is the reader's cursor."""


@dataclass
class Op:
    """One operation of a client. `outcome`: ok, fail (refused), info (unknown)."""

    kind: str
    key: str
    outcome: str
    case: str | None = None
    number: str | None = None
    command: str | None = None
    code: str | None = None
    src: str | None = None
    proc: str | None = None
    t_mono: int | None = None
    began: int | None = None
    v: int | None = None
    status: int | None = None
    retry_after: str | None = None
    value: float | None = None
    limit: float | None = None
    digest: str | None = None


@dataclass
class Stored:
    """One commit as stored in the log."""

    stream: str
    first: int
    cause: str
    previous: str
    hash: str
    events: list[bytes]


class Event(NamedTuple):
    """One event: its position according to its commit, and its own content."""

    stream: str
    version: int
    cause: str
    data: bytes
    said: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.said.get("type"))

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said.get("body") or {}
        return found


@dataclass
class Log:
    commits: list[Stored]

    @cached_property
    def streams(self) -> dict[str, list[Event]]:
        """Stream -> its events in log order. Bytes that are no event are skipped; `streams` reports them."""
        found: dict[str, list[Event]] = {}
        for commit in self.commits:
            for place, data in enumerate(commit.events):
                event = Event(commit.stream, commit.first + place, commit.cause, data, _object(data))
                found.setdefault(commit.stream, []).append(event)
        return found

    @property
    def events(self) -> list[tuple[Stored, dict[str, Any]]]:
        """(commit, event) in the order of the log."""
        return [(commit, _object(data)) for commit in self.commits for data in commit.events]

    def under(self, prefix: str) -> Iterator[tuple[str, list[Event]]]:
        """(rest of the name, events) of each stream with this prefix."""
        return ((name[len(prefix) :], events) for name, events in self.streams.items() if name.startswith(prefix))


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass
class Run:
    """The recorded data of a run. Data that is None was not collected and is not checked."""

    history: Sequence[Op]
    log: Log
    views: Sequence[Mapping[str, Any]] | None = None
    parked: Sequence[Mapping[str, Any]] | None = None
    topics: Sequence[Mapping[str, Any]] | None = None
    figures: Mapping[str, float] | None = None


class Violation(NamedTuple):
    """`invariant`: 1 to 12, as the package lists them. `where`: a stream, a client's key or a consumer."""

    invariant: int
    where: str
    versions: tuple[int, ...]
    what: str

    def __str__(self) -> str:
        at = f" version {', '.join(map(str, self.versions))}" if self.versions else ""
        return f"[{self.invariant}] {self.where}{at}: {self.what}"


Found = Iterable[Violation]
_FIELDS = frozenset(one.name for one in fields(Op))


def read_log(path: Path) -> Log:
    """The commits of a SQLite log, read without the product's code."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT stream, first, cause, previous, hash, events FROM commits ORDER BY stream, first"
        ).fetchall()
    finally:
        connection.close()
    return Log([Stored(*row[:5], events=row[5].split(b"\n")) for row in rows])


def read_commits(lines: Iterable[str | bytes]) -> Log:
    """The commits of `huiyin export --commits`."""
    commits = []
    for line in filter(bytes.strip, (one.encode() if isinstance(one, str) else one for one in lines)):
        row = json.loads(line)
        place = (row["stream"], row["first"], row["cause"], row["previous"], row["hash"])
        commits.append(Stored(*place, events=[b64decode(data) for data in row["events"]]))
    return Log(commits)


def read_run(folder: Path) -> Run:
    """The run in a folder. Raises OSError, ValueError, KeyError or TypeError where a file is missing or is none."""
    history = [Op(**{k: v for k, v in line.items() if k in _FIELDS}) for line in _lines(folder / "history.jsonl") or ()]
    with (folder / "log.jsonl").open("rb") as file:
        log = read_commits(file)
    if not (folder / "history.jsonl").exists():
        raise ValueError("history.jsonl is missing")
    figures = folder / "figures.json"
    return Run(
        history,
        log,
        _lines(folder / "views.jsonl"),
        _lines(folder / "parked.jsonl"),
        _lines(folder / "topics.jsonl"),
        json.loads(figures.read_bytes()) if figures.exists() else None,
    )


def _lines(path: Path) -> list[dict[str, Any]] | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return [json.loads(line) for line in file if line.strip()]
