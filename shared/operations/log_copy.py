"""Copies log and keys from one store to another. The heads of the target are the progress of the copy.

No other progress is stored, so a copy that was killed at any moment continues when it is started again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.eventstore.commit import Commit, StreamHead
from shared.eventstore.event_store import EventStore
from shared.eventstore.key_store import Entry
from shared.eventstore.verification import ChainWalk, Finding
from shared.kernel.refusals import Invalid, Refused

_NAMED = 5


class CheckedKeys(Protocol):
    """Keys that can be checked."""

    async def missing(self, kids: Sequence[str]) -> list[str]: ...


class MovableKeys(CheckedKeys, Protocol):
    """Keys whose entries can be copied to another store with the same secrets."""

    def entries(self, *, batch: int = 1000) -> AsyncIterator[Sequence[Entry]]:
        """Everything that is stored: whole keys, erased ones, marks."""
        ...

    async def take(self, entries: Sequence[Entry]) -> None:
        """Store these durably. Taking twice has no effect; a key that was erased on either side stays erased."""
        ...


class CopyProgress(NamedTuple):
    """Progress of a copy."""

    events: int
    """Events read, including those that the target had already."""
    written: int
    """Commits that were written now."""


async def move_keys(source: MovableKeys, target: MovableKeys) -> None:
    """Copy all keys and marks. Before the log, so that every key that a commit of the target names exists."""
    async for entries in source.entries():
        await target.take(entries)


async def move_log(
    source: EventStore, target: EventStore, done: Mapping[str, StreamHead], *, batch: int = 500
) -> AsyncIterator[CopyProgress]:
    """Copy the bytes of every commit and check the chain of the source; yields after each batch. A log with unpublished commits
    gets every commit as unpublished, so that its sweepers publish all of them.

    Args:
        done: The result of `standing`.

    Raises:
        Refused: `log_damaged`, at the first commit whose bytes or hash chain are wrong.
    """
    walk = ChainWalk()
    events = written = 0
    async for found in source.scan(batch=batch):
        by_stream: dict[str, list[Commit]] = {}
        for commit in found:
            if wrong := walk.step(commit):
                first = wrong[0]
                raise Refused(
                    "log_damaged",
                    f"{first.stream} version {first.version}: {first.column} {first.why}. See: huiyin verify",
                    detail_zh="日志有损坏之处，请先执行 huiyin verify 查明。",
                )
            if commit.last > done.get(commit.stream, StreamHead(0, "")).version:
                by_stream.setdefault(commit.stream, []).append(commit)
        await asyncio.gather(*(_append(target, own) for own in by_stream.values()))
        events += sum(len(commit.events) for commit in found)
        written += sum(map(len, by_stream.values()))
        yield CopyProgress(events, written)


async def lost_keys(log: EventStore, keys: CheckedKeys) -> list[str]:
    """The first five ids of keys that the log names and the store does not know, or whose bytes were changed."""
    lost: list[str] = []
    async for finding in verify_keys(log, keys):
        kid = finding.why.split(" ", 1)[0]
        if kid not in lost:
            lost.append(kid)
        if len(lost) >= _NAMED:
            break
    return lost


async def verify_keys(log: EventStore, keys: CheckedKeys) -> AsyncIterator[Finding]:
    """Check every key that an event names: without it, the texts of the event are lost. A finding names the id of the key."""
    async for commits in log.scan():
        named: dict[str, tuple[Commit, int]] = {}
        for commit in commits:
            for event in commit.recorded:
                for part in event.sealed:
                    named.setdefault(part["kid"], (commit, event.version))
        for kid in await keys.missing(sorted(named)) if named else ():
            commit, version = named[kid]
            yield Finding(commit.stream, version, commit.position, "key", f"{kid} is missing or damaged")


async def _append(target: EventStore, own: Sequence[Commit]) -> None:
    for commit in own:
        await target.append(commit)


async def standing(source: EventStore, target: EventStore) -> dict[str, StreamHead]:
    """The head of each stream of the target. Writes nothing.

    Raises:
        Invalid: `target_not_empty`, a stream of the target is not the beginning of the same stream of the source.
    """
    done: dict[str, StreamHead] = {}
    async for heads in target.heads():
        done.update(heads)
    unlike = dict(done)
    async for heads in source.heads():
        for stream, head in heads:
            if stream in unlike and (unlike[stream] == head or await _begins(source, stream, unlike[stream])):
                del unlike[stream]
        if not unlike:
            break
    if unlike:
        raise Invalid(
            "target_not_empty",
            f"The target holds {len(unlike)} streams that are not the beginning of the source's. Name an empty target.",
            detail_zh="目标中有来源所没有的内容，请指定空的目标。",
            field="to",
        )
    return done


async def _begins(source: EventStore, stream: str, head: StreamHead) -> bool:
    before = await source.load(stream)
    return any(commit.head == head for commit in before)
