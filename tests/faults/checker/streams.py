"""Invariants 3 and 10: versions without gap or fork in every copy of a stream, and valid hash chains."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections import Counter

from .inputs import CASE, TOLD, Found, Run, Violation


def chains(run: Run) -> Found:
    """No gap, no fork, every byte as hashed, and every causation id once."""
    ends: dict[str, tuple[int, str]] = {}
    for commit in run.log.commits:
        version, head = ends.get(commit.stream, (0, ""))
        if commit.first != version + 1:
            yield Violation(
                11 if commit.stream.startswith(TOLD) else 3,
                commit.stream,
                (version, commit.first),
                "the versions do not follow each other",
            )
        if commit.previous != head:
            yield Violation(10, commit.stream, (commit.first,), "the commit does not continue the chain")
        if chained(commit.previous, commit.events, commit.hash.partition(":")[0]) != commit.hash:
            yield Violation(10, commit.stream, (commit.first,), "the bytes do not match their hash")
        ends[commit.stream] = (max(version, commit.first + len(commit.events) - 1), commit.hash)
    for stream, events in run.log.streams.items():
        for event in events:
            if (event.said.get("stream"), event.said.get("version")) != (stream, event.version):
                yield Violation(3, stream, (event.version,), "the event says that it stands elsewhere")
            elif event.said.get("cause", event.cause) != event.cause:
                yield Violation(10, stream, (event.version,), "the event names another cause than its commit")
    for (stream, _cause), times in Counter((commit.stream, commit.cause) for commit in run.log.commits).items():
        if times > 1:
            yield Violation(2, stream, (), f"one cause led to {times} commits")
    ids = Counter(event.said.get("event_id") for events in run.log.streams.values() for event in events)
    for stream, events in run.log.streams.items():
        for event in events:
            if ids[event.said.get("event_id")] > 1:
                yield Violation(3, stream, (event.version,), "another event has the same id")


def chained(previous: str, events: list[bytes], name: str) -> str | None:
    """H(previous hash, bytes) over all of them with the named algorithm; None for an unknown algorithm."""
    if name not in hashlib.algorithms_available:
        return None
    for data in events:
        previous = f"{name}:{hashlib.new(name, previous.encode() + data).hexdigest()}"
    return previous


def copies(run: Run) -> Found:
    """Each version has the same bytes in every other copy: topic, parked mark."""
    kept = {(event.stream, event.version): event.data for events in run.log.streams.values() for event in events}
    published: set[tuple[str, int]] = set()
    for record in run.topics or ():
        headers = record.get("headers") or {}
        if record["topic"].partition(".")[0] != "case-events" or not headers.get("ce_sequence", "").isdigit():
            continue
        stream, version = str(headers.get("ce_subject")), int(headers["ce_sequence"])
        if kept.get((stream, version)) != b64decode(record["value"]):
            yield Violation(3, stream, (version,), "the topic has other bytes than the log")
        published.add((stream, version))
    for stream, version in sorted(kept.keys() - published if published else ()):
        if stream.startswith(CASE):
            yield Violation(3, stream, (version,), "it stands in the log and not on the topic")
    for mark in run.parked or ():
        if mark.get("bytes"):
            data, at = mark["bytes"].encode(), mark["version"]
            events = [kept.get((mark["stream"], at + place), b"") for place in range(data.count(b"\n") + 1)]
            if b"\n".join(events) != data:
                yield Violation(3, mark["stream"], (at,), "what was parked has other bytes than the log")
