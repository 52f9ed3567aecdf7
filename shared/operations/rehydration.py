"""Rehydration: the case of one whole stream, with its chain checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import NamedTuple

from shared.case import Case, fold
from shared.eventstore.commit import EMPTY_HEAD, Commit
from shared.eventstore.errors import StoreBroken
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent


class Folded(NamedTuple):
    """A case and all its events."""

    case: Case
    events: list[RecordedEvent]


def streams_of(batches: Iterable[Sequence[Commit]]) -> Iterator[list[Commit]]:
    """The commits of each stream, from the batches of a scan."""
    own: list[Commit] = []
    for commits in batches:
        for commit in commits:
            if own and own[-1].stream != commit.stream:
                yield own
                own = []
            own.append(commit)
    if own:
        yield own


async def scanned_streams(log: EventStore, prefix: str) -> AsyncIterator[list[Commit]]:
    """The commits of each stream whose name begins with `prefix`."""
    own: list[Commit] = []
    async for commits in log.scan(prefix):
        for commit in commits:
            if own and own[-1].stream != commit.stream:
                yield own
                own = []
            own.append(commit)
    if own:
        yield own


def folded(commits: Sequence[Commit]) -> Folded:
    """The case of one whole stream.

    Raises:
        StoreBroken: the hash chain is broken.
        Damaged: the bytes are no event.
    """
    version, hashed = EMPTY_HEAD
    for commit in commits:
        if commit.first != version + 1 or commit.previous != hashed or not commit.intact():
            raise StoreBroken(f"the chain of {commit.stream} breaks at version {commit.first}; run: huiyin verify")
        version, hashed = version + len(commit.events), commit.hash
    events = [event for commit in commits for event in commit.recorded]
    return Folded(fold(events), events)
