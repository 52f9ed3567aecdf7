"""Converts commits to records of a topic and back: one CloudEvents 1.0 message in binary mode for each event.

The value is the stored bytes, never serialised again; headers are copies. In addition to the CloudEvents attributes they name the
commit of an event, so that a consumer can assemble the commit without reading JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import orjson

from shared.case import STREAM
from shared.eventstore.commit import Commit
from shared.kernel.legal_time import instant_from_text, to_text

Headers = list[tuple[str, bytes]]


class OutgoingRecord(NamedTuple):
    """A record for the producer."""

    key: bytes
    value: bytes
    headers: Headers


class IncomingRecord(Protocol):
    """The fields of a consumer's record that we read."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


def key_of(stream: str) -> bytes:
    """The case id, so that the events of a case are in one partition; for other streams their name."""
    return stream.removeprefix(STREAM).encode()


def to_records(commit: Commit) -> list[OutgoingRecord]:
    """One record for each event of `commit`, in order."""
    key = key_of(commit.stream)
    common: Headers = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_subject", commit.stream.encode()),
        ("ce_time", to_text(commit.recorded_at).encode()),
        ("ce_partitionkey", key),
        ("ce_cause", commit.cause.encode()),
        ("ce_first", b"%d" % commit.first),
        ("ce_last", b"%d" % commit.last),
        ("ce_previous", commit.previous.encode()),
        ("ce_hash", commit.hash.encode()),
    ]
    made = []
    for version, data in enumerate(commit.events, start=commit.first):
        event = orjson.loads(data)
        own = [
            ("ce_id", event["event_id"].encode()),
            ("ce_source", f"/huiyin/{event['jurisdiction']}".encode()),
            ("ce_type", f"huiyin.{event['type']}".encode()),
            ("ce_sequence", b"%d" % version),
        ]
        made.append(OutgoingRecord(key, data, common + own))
    return made


class Gap(NamedTuple):
    """A commit that is incomplete or has unusable headers, and must be read from the log."""

    stream: str
    version: int
    value: bytes

    def as_it_came(self) -> Commit:
        """The record as a commit that continues no stream, so that the consumer parks its case. For a log without the commit."""
        return Commit(self.stream, self.version, "", (self.value,), "", "", datetime.fromtimestamp(0, UTC))


@dataclass
class SortedRecords:
    """The contents of a batch of records."""

    commits: list[Commit] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    unusable: list[IncomingRecord] = field(default_factory=list)
    """Records that name no event of any stream."""


class CommitPart(NamedTuple):
    """The place of one event in its commit, and the properties of the commit."""

    stream: str
    version: int
    first: int
    last: int
    cause: str
    previous: str
    hash: str
    at: datetime


def sort(records: Iterable[IncomingRecord]) -> SortedRecords:
    """Assemble commits. Never raises: unreadable records are in the result, too."""
    found = SortedRecords()
    parts: dict[tuple[str, int, str], tuple[CommitPart, dict[int, bytes]]] = {}
    for record in records:
        value = record.value or b""
        part = told(record)
        if part is not None:
            parts.setdefault((part.stream, part.first, part.hash), (part, {}))[1][part.version] = value
        elif (gap := _read(value)) is not None:
            found.gaps.append(gap)
        else:
            found.unusable.append(record)
    for part, events in parts.values():
        if len(events) == part.last - part.first + 1:
            data = tuple(events[version] for version in sorted(events))
            found.commits.append(Commit(part.stream, part.first, part.cause, data, part.previous, part.hash, part.at))
        else:
            version = max(events)
            found.gaps.append(Gap(part.stream, version, events[version]))
    return found


def told(record: IncomingRecord) -> CommitPart | None:
    """The contents of the headers; None if they are incomplete or contradictory."""
    try:
        headers = {name: text.decode() for name, text in record.headers if name.startswith("ce_")}
        part = CommitPart(
            headers["ce_subject"],
            int(headers["ce_sequence"]),
            int(headers["ce_first"]),
            int(headers["ce_last"]),
            headers["ce_cause"],
            headers["ce_previous"],
            headers["ce_hash"],
            instant_from_text(headers["ce_time"]),
        )
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    return part if part.stream and 0 < part.first <= part.version <= part.last else None


def _read(value: bytes) -> Gap | None:
    """The place that the bytes of an event name, for records that have lost their headers."""
    try:
        event = orjson.loads(value)
        stream, version = event["stream"], event["version"]
    except (LookupError, TypeError, ValueError):
        return None
    usable = isinstance(stream, str) and stream and type(version) is int and version > 0
    return Gap(stream, version, value) if usable else None
