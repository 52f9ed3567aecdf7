"""A commit: all events of one decision, as bytes. It is written whole or not at all, as the next version of its stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from shared.eventstore.errors import Damaged
from shared.eventstore.fast_decode import fast_decode
from shared.eventstore.hash_chain import GENESIS, algorithm_of, chain_all
from shared.eventstore.recorded_event import RecordedEvent, encode
from shared.kernel.refusals import Invalid

LARGEST_EVENT = (4096 - 64) * 1024
"""Bytes. A topic takes records of 4 MiB including key and headers; an event that could not be published is never kept."""
LARGEST_COMMIT = 12 * 1024 * 1024
"""Bytes of all events of one decision: MongoDB keeps them in one document of at most 16 MB."""


class StreamHead(NamedTuple):
    """The end of a stream: the version of its last event (0 when empty) and the hash after it."""

    version: int
    hash: str


EMPTY_HEAD = StreamHead(0, GENESIS)


@dataclass(frozen=True)
class Commit:
    """All events of one decision, as bytes. `events[i]` has version `first + i`."""

    stream: str
    first: int
    cause: str
    events: tuple[bytes, ...]
    previous: str
    """Hash of the event before `first`."""
    hash: str
    """Hash after the last event."""
    recorded_at: datetime
    request: str | None = None
    """Digest of the request's content; a copy of `request` of the events."""
    position: int = field(default=0, compare=False)
    """Position in the store's own order, 0 where it has none. Never part of a digest."""

    @property
    def last(self) -> int:
        """Version of the last event."""
        return self.first + len(self.events) - 1

    @property
    def head(self) -> StreamHead:
        return StreamHead(self.last, self.hash)

    def at(self, position: int) -> Commit:
        """This commit with its position. A faster `dataclasses.replace` that keeps the events which were decoded already."""
        copy = object.__new__(Commit)
        copy.__dict__.update(self.__dict__, position=position)
        return copy

    @classmethod
    def following(cls, head: StreamHead, events: Sequence[RecordedEvent]) -> Commit:
        """The commit of new `events` of one decision, encoded once, to follow `head`.

        Its `recorded` is set from `events`, so that they are not decoded again."""
        one, data = events[0], tuple(map(encode, events))
        _check_size(data)
        hashed = chain_all(head.hash, data)
        commit = cls(one.stream, one.version, one.cause, data, head.hash, hashed, one.recorded_at, one.request)
        commit.__dict__["recorded"] = tuple(_without_personal(event) if event.sealed else event for event in events)
        return commit

    @cached_property
    def recorded(self) -> tuple[RecordedEvent, ...]:
        """The decoded events; decoded once per object, shared by all consumers of a process.

        Raises:
            Damaged: the bytes are no event, or the event of another stream or version.
        """
        try:
            events = tuple(map(fast_decode, self.events))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise Damaged(self.stream, self.first, "the bytes are no event") from error
        if events[0].stream != self.stream or events[0].version != self.first:
            raise Damaged(self.stream, self.first, "the event belongs to another place")
        return events

    def intact(self) -> bool:
        """True if the hash chain holds inside this commit."""
        try:
            return chain_all(self.previous, self.events, algorithm_of(self.hash)) == self.hash
        except (AttributeError, TypeError, ValueError):  # an unknown hash algorithm, or a damaged row
            return False


def continuous(stream: str, commits: Sequence[Commit], after: int) -> list[Commit]:
    """`commits`, checked: each is intact and follows the one before it, the first one from the empty stream where `after` is 0.

    Raises:
        Damaged: a commit is not intact, or does not continue the chain.
    """
    head: StreamHead | None = EMPTY_HEAD if after == 0 else None
    for commit in commits:
        if not commit.intact():
            raise Damaged(stream, commit.first)
        if head is not None and (commit.first, commit.previous) != (head.version + 1, head.hash):
            raise Damaged(stream, commit.first, "it does not continue the chain")
        head = commit.head
    return list(commits)


def _without_personal(event: RecordedEvent) -> RecordedEvent:
    """The event as its bytes hold it, which is what decode() returns: the clear values stay with the writer."""
    body: Any = event.body  # never a NewerEvent, which encode() refuses
    fields = type(body).model_fields
    return event._replace(body=body.model_copy(update={name: fields[name].default for name in body.personal}))


def _check_size(data: Sequence[bytes]) -> None:
    if max(map(len, data)) > LARGEST_EVENT or sum(map(len, data)) > LARGEST_COMMIT:
        raise Invalid(
            "too_large_to_keep",
            f"An event may have {LARGEST_EVENT // 1024} KiB, and the events of one command {LARGEST_COMMIT // 1024} KiB;"
            " larger ones could not be published. Send the content in parts.",
            detail_zh="内容过大，无法保存和传送，请分次提交。",
        )
