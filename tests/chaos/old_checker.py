"""Decides whether a run kept its promises. Knows the specification and nothing of the product: its own reading of the log,
its own hash chain, its own table of what may follow what.

`check(history, log)` returns violations in words; an empty list is a good run.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DISPATCHES = {"CaseTransferred", "CaseAssigned"}
FOLLOWS = {
    "SignedFor": {"dispatched"},
    "Accepted": {"dispatched", "signed"},
    "DecisionIssued": {"accepted", "handling"},
    "ReplyDelivered": {"decided"},
    "CaseClosed": {"replied"},
    "CaseTransferred": {"registered", "returned"},
}
LEADS_TO = {
    "CaseRegistered": "registered",
    "CaseTransferred": "dispatched",
    "SignedFor": "signed",
    "Accepted": "accepted",
    "DecisionIssued": "decided",
    "ReplyDelivered": "replied",
    "CaseClosed": "closed",
}


@dataclass
class Stored:
    """One commit as it lies in the log."""

    stream: str
    first: int
    cause: str
    previous: str
    hash: str
    events: list[bytes]


@dataclass
class Op:
    """One operation of a client. `outcome`: ok, fail (refused), info (nobody knows)."""

    kind: str
    key: str
    outcome: str
    case: str | None = None
    number: str | None = None
    command: str | None = None
    code: str | None = None


@dataclass
class Log:
    commits: list[Stored]
    events: list[tuple[Stored, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events = [(commit, json.loads(data)) for commit in self.commits for data in commit.events]


def read_log(path: Path) -> Log:
    """The commits of a SQLite log, read without the product's code."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT stream, first, cause, previous, hash, events FROM commits ORDER BY stream, first"
        ).fetchall()
    finally:
        connection.close()
    return Log(
        [
            Stored(stream, first, cause, prev, hash_, data.split(b"\n"))
            for stream, first, cause, prev, hash_, data in rows
        ]
    )


def check(history: Sequence[Op], log: Log) -> list[str]:
    """All violations of the invariants, in words that name stream and version."""
    return [
        *_chains(log),
        *_causes(log),
        *_filings(history, log),
        *_commands(history, log),
        *_lives(log),
        *_effects(log),
    ]


def _chains(log: Log) -> Iterable[str]:
    """Gapless, fork-free, and every byte as it was hashed."""
    ends: dict[str, tuple[int, str]] = {}
    for commit in log.commits:
        version, head = ends.get(commit.stream, (0, ""))
        if commit.first != version + 1:
            yield f"{commit.stream}: version {commit.first} follows {version}"
        if commit.previous != head:
            yield f"{commit.stream}: version {commit.first} does not continue the chain"
        digest = commit.previous
        for place, data in enumerate(commit.events):
            digest = "sha256:" + hashlib.sha256(digest.encode() + data).hexdigest()
            inside = json.loads(data)
            if inside["version"] != commit.first + place or inside["stream"] != commit.stream:
                yield f"{commit.stream}: version {commit.first + place} says something else inside"
        if digest != commit.hash:
            yield f"{commit.stream}: bytes of version {commit.first} do not match their hash"
        ends[commit.stream] = (commit.first + len(commit.events) - 1, commit.hash)


def _causes(log: Log) -> Iterable[str]:
    for (stream, cause), times in Counter((commit.stream, commit.cause) for commit in log.commits).items():
        if times > 1:
            yield f"{stream}: cause {cause} led to {times} commits"


def _filings(history: Sequence[Op], log: Log) -> Iterable[str]:
    """Acknowledged means registered exactly once, under one number; refused means not at all."""
    registered = Counter(event["body"]["number"] for _commit, event in log.events if event["type"] == "CaseRegistered")
    for number, times in registered.items():
        if times > 1:
            yield f"number {number} is registered {times} times"
    answers: dict[str, set[str]] = defaultdict(set)
    for op in history:
        if op.kind == "submit" and op.outcome == "ok":
            assert op.number is not None
            answers[op.key].add(op.number)
    for key, numbers in answers.items():
        if len(numbers) > 1:
            yield f"item {key} was answered with {len(numbers)} numbers"
        for number in numbers:
            if registered[number] == 0:
                yield f"item {key} was acknowledged and is lost"
    sent = {op.key for op in history if op.kind == "submit"}
    if len(registered) > len(sent):
        yield f"{len(registered)} cases were registered of {len(sent)} items sent"


def _commands(history: Sequence[Op], log: Log) -> Iterable[str]:
    """An acknowledged command stands in its case exactly once."""
    causes = Counter((commit.stream, commit.cause.rpartition(":")[2]) for commit in log.commits)
    for op in history:
        if op.kind == "command" and op.outcome == "ok" and causes[f"case/{op.case}", op.key] != 1:
            yield f"case {op.case}: acknowledged command {op.command} stands {causes[f'case/{op.case}', op.key]} times"


def _lives(log: Log) -> Iterable[str]:
    """No event where the specification does not allow it; one responsible organisation at a time."""
    states: dict[str, str] = {}
    for commit, event in log.events:
        if not commit.stream.startswith("case/"):
            continue
        kind, state = event["type"], states.get(commit.stream, "")
        if state == "closed" and kind in LEADS_TO:
            yield f"{commit.stream}: {kind} after closing"
        if kind in FOLLOWS and state not in FOLLOWS[kind]:
            yield f"{commit.stream}: {kind} in state {state or 'none'}"
        if kind == "CaseRegistered" and state:
            yield f"{commit.stream}: registered again"
        states[commit.stream] = LEADS_TO.get(kind, state)
        if kind == "InvestigationStepRecorded" and state == "accepted":
            states[commit.stream] = "handling"


def _effects(log: Log) -> Iterable[str]:
    """Every dispatch is told once and delivered once; both evaluations are invited once; a rung happens once."""
    told = Counter(
        event["body"]["about"]
        for _commit, event in log.events
        if event["type"] == "OutboxEntry" and event["body"]["kind"] == "assigned"
    )
    delivered: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    invited: Counter[tuple[str, str]] = Counter()
    replied: set[str] = set()
    rungs: Counter[tuple[str, str, int, str]] = Counter()
    for commit, event in log.events:
        kind, body = event["type"], event["body"]
        if kind in DISPATCHES:
            sent[commit.stream] += 1
            if told[event["event_id"]] != 1:
                yield f"{commit.stream}: dispatch was told {told[event['event_id']]} times"
        elif kind == "AssignmentDelivered":
            delivered[commit.stream] += 1
        elif kind == "EvaluationInvited":
            invited[commit.stream, body["object"]] += 1
        elif kind == "ReplyDelivered":
            replied.add(commit.stream)
        elif kind in ("Reminded", "DeadlineAtRisk", "DeadlineBreached") or (kind == "Urged" and body.get("rung")):
            rungs[commit.stream, body["clock"], body["episode"], body.get("rung", "breach")] += 1
    for stream, times in sent.items():
        if delivered[stream] != times:
            yield f"{stream}: dispatched {times} times, delivered {delivered[stream]} times"
    for stream in replied:
        for about in ("petition_office", "organisation"):
            if invited[stream, about] != 1:
                yield f"{stream}: evaluation of {about} was invited {invited[stream, about]} times"
    for (stream, clock, episode, rung), times in rungs.items():
        if times != 1:
            yield f"{stream}: rung {rung} of {clock}/{episode} happened {times} times"
