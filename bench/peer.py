"""The peer: the library `eventsourcing` doing the same cases on SQLite, durable, with its own settings.

Its aggregate holds what decisions need, checks what they check, and stores the same bodies and envelope fields. It seals
nothing, hashes nothing, has no views and no reactions: the events of our reactions are given to it as
commands. It keeps each outbox in memory, since loading one for every entry would take longer with every entry. All of
this favours the peer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from shared.case import MOVES, STREAM
from shared.eventstore.commit import Commit


class Told(NamedTuple):
    """One event as the peer stores it."""

    kind: str
    fields: dict[str, Any]
    body: dict[str, Any]


class Command(NamedTuple):
    """The content of one of our commits."""

    stream: str
    first: int
    events: tuple[Told, ...]


class Complaint(Aggregate):
    """One case."""

    @event("Registered")
    def __init__(self, fields: dict[str, Any], body: dict[str, Any]) -> None:
        self.state = "registered"
        self.number: str = body["number"]
        self.place: str | None = body.get("place")
        self.subject: str | None = body.get("subject")
        self.org: str | None = None
        self.moved_at: str = fields["effective_at"]
        self.facts = [("CaseRegistered", self.moved_at, "")]
        self.details: dict[str, Any] = {}
        self.causes = {fields["cause"]}

    @event("Happened")
    def happened(self, kind: str, fields: dict[str, Any], body: dict[str, Any]) -> None:
        """Any later event of a case."""
        moves = MOVES.get(kind, "")
        if moves:
            self.state = moves
            self.moved_at = fields["effective_at"]
        self.org = body.get("org") or self.org
        self.details[kind] = body
        self.facts.append((kind, fields["effective_at"], self.org or ""))
        self.causes.add(fields["cause"])


class Outbox(Aggregate):
    """A notification to an organisation."""

    @event("Opened")
    def __init__(self, name: str) -> None:
        self.name = name
        self.last = ""

    @event("Said")
    def said(self, fields: dict[str, Any], body: dict[str, Any]) -> None:
        self.last = body["case"]


class Peer(Application[UUID]):
    """Loads, decides, saves: one transaction for each command."""

    def __init__(self, path: Path) -> None:
        super().__init__({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})
        self.cases: dict[str, UUID] = {}
        self._outboxes: dict[str, Outbox] = {}

    def carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            if not command.stream.startswith(STREAM):
                self._tell(command)
            elif command.first == 1:
                self.register(command)
            else:
                self._decide(command)

    def register(self, command: Command) -> None:
        first, *others = command.events
        case = Complaint(first.fields, first.body)
        for told in others:
            case.happened(*told)
        self.save(case)
        self.cases[command.stream] = case.id

    def rebuild(self) -> int:
        """Every case from its events; returns the number of facts seen."""
        found = 0
        for name in self.cases.values():
            case: Complaint = self.repository.get(name)
            found += len(case.facts)
        return found

    def _decide(self, command: Command) -> None:
        case: Complaint = self.repository.get(self.cases[command.stream])
        for told in command.events:
            if told.fields["cause"] in case.causes and told is command.events[0]:
                return  # the same command twice
            if told.kind in MOVES and told.fields["effective_at"] < case.moved_at:
                raise ValueError(f"{told.kind} comes too early")
            case.happened(*told)
        self.save(case)

    def _tell(self, command: Command) -> None:
        outbox = self._outboxes.get(command.stream)
        if outbox is None:
            outbox = self._outboxes[command.stream] = Outbox(command.stream)
        for told in command.events:
            outbox.said(told.fields, told.body)
        self.save(outbox)


def commands_of(commits: Sequence[Commit]) -> list[Command]:
    """The same commands for the peer, in the order of `commits`."""
    return [
        Command(commit.stream, commit.first, tuple(_told(data) for data in commit.events))
        for commit in commits
        if not commit.stream.startswith("policy/")
    ]


def _told(data: bytes) -> Told:
    raw = orjson.loads(data)
    kind, body = raw.pop("type"), raw.pop("body")
    for kept_by_the_library in ("event_id", "stream", "version"):
        raw.pop(kept_by_the_library)
    return Told(kind, raw, body)
