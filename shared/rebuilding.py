"""Building everything derived again from the log, and finding what is behind it.

rebuild  drop views and facts; read the log stream by stream, check its chain, fold each case once, write all rows
scrub    compare the heads of the log with what each view has applied; mend what is behind, name what cannot be
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from shared.case import STREAM, Case, fold
from shared.envelope import Recorded
from shared.log import EMPTY_HEAD, Commit, Head, LogBroken
from shared.part import Part, Ports
from shared.projecting import Consumer
from shared.views import Row

BATCH = 400
"""Cases that are written together."""
_SIGNS = "0123456789abcdef"
_NAMED = 20
_DONE = None


class Step(NamedTuple):
    """How far a rebuild is."""

    cases: int
    events: int
    seconds: float
    done: bool


class Behind(NamedTuple):
    """What a scrub found. Lists name at most 20 streams."""

    streams: int
    behind: int
    mended: int
    parked: list[str]
    """Behind because a consumer has stopped at them: see `huiyin parked`."""
    ahead: list[str]
    """A view shows more than the log holds: the log was cut, or the view is of another log. Rebuild."""


class _Folded(NamedTuple):
    cases: list[Case]
    events: list[Recorded]


async def rebuild(ports: Ports, parts: Sequence[Part], *, feeding: bool, workers: int = 1) -> AsyncIterator[Step]:
    """Drop everything derived and build it again, while commands go on; yields how far it is. `feeding`: the consumers run.

    Raises LogBroken where the chain does not hold: nothing is shown that is not in an intact log."""
    started = time.monotonic()
    consumers = [consumer for part in parts for consumer in part.consumers]
    marks = await _pause(ports, parts, feeding=feeding)
    folded: asyncio.Queue[_Folded | BaseException | None] = asyncio.Queue(maxsize=2 * workers)
    readers = [asyncio.create_task(_read(ports, range_, folded)) for range_ in ranges(workers)]
    cases = events = 0
    collects = gc.isenabled()
    gc.disable()  # events and cases make no cycles; to look for some among so many objects costs a sixth of the time
    try:
        running = len(readers)
        while running:
            batch = await folded.get()
            if batch is _DONE:
                running -= 1
                continue
            if isinstance(batch, BaseException):
                raise batch
            await _write(ports, consumers, batch)
            cases, events = cases + len(batch.cases), events + len(batch.events)
            yield Step(cases, events, round(time.monotonic() - started, 3), False)
    finally:
        if collects:
            gc.enable()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await _resume(ports, marks, feeding=feeding)
    yield Step(cases, events, round(time.monotonic() - started, 3), True)


def ranges(workers: int) -> list[tuple[str, ...]]:
    """The first signs of case ids, dealt out to the workers."""
    return [tuple(_SIGNS[worker::workers]) for worker in range(min(workers, len(_SIGNS)))]


async def _pause(ports: Ports, parts: Sequence[Part], *, feeding: bool) -> dict[str, int]:
    """Stop the consumers and drop everything. Returns how far each had come: reactions go on from there."""
    if feeding:
        await ports.feed.stop()
    checkpoint = getattr(ports.views, "checkpoint", None)
    marks = {one.group: await checkpoint(one.group) for part in parts for one in part.consumers} if checkpoint else {}
    await ports.views.clear()
    for part in parts:
        if part.facts is not None:
            await part.facts.clear()
    return marks


async def _resume(ports: Ports, marks: dict[str, int], *, feeding: bool) -> None:
    views = ports.views
    for group, position in marks.items():
        await views.save_checkpoint(group, position, views.generation)  # type: ignore[attr-defined]
    if feeding:
        await ports.feed.start()


async def _read(ports: Ports, signs: Sequence[str], folded: asyncio.Queue[_Folded | BaseException | None]) -> None:
    """Fold the cases whose ids begin with one of `signs`."""
    try:
        for sign in signs:
            batch = _Folded([], [])
            own: list[Commit] = []
            async for commits in ports.log.scan(STREAM + sign):
                for commit in commits:
                    if own and own[-1].stream != commit.stream:
                        _close(own, batch)
                        own = []
                    own.append(commit)
                if len(batch.cases) >= BATCH:
                    await folded.put(batch)
                    batch = _Folded([], [])
            if own:
                _close(own, batch)
            if batch.cases:
                await folded.put(batch)
        await folded.put(_DONE)
    except Exception as error:
        await folded.put(error)


def _close(commits: Sequence[Commit], batch: _Folded) -> None:
    """Check the chain of one stream, and fold it."""
    head: Head = EMPTY_HEAD
    for commit in commits:
        if commit.first != head.version + 1 or commit.previous != head.hash or not commit.intact():
            raise LogBroken(f"the chain of {commit.stream} breaks at version {commit.first}; run: huiyin verify")
        head = commit.head
    events = [event for commit in commits for event in commit.recorded]
    batch.cases.append(fold(events))
    batch.events.extend(events)


async def _write(ports: Ports, consumers: Sequence[Consumer], batch: _Folded) -> None:
    rows: dict[str, list[Row]] = {}
    for case in batch.cases:
        book = await ports.policies.book(case.jurisdiction)
        for consumer in consumers:
            for show in consumer.shows:
                rows.setdefault(show.view.name, []).append(show.row(case, book))
    sinks = [consumer.sink for consumer in consumers if consumer.sink is not None]
    await asyncio.gather(ports.views.write(rows), *(sink(batch.cases, batch.events) for sink in sinks))


async def scrub(ports: Ports, parts: Sequence[Part], *, mend: bool = True) -> Behind:
    """Compare and, unless told otherwise, mend."""
    consumers = [consumer for part in parts for consumer in part.consumers]
    parked = {(mark.group, mark.stream) for mark in await ports.views.parked()}
    streams = behind = mended = 0
    stuck: list[str] = []
    ahead: list[str] = []
    async for heads in ports.log.heads(STREAM):
        streams += len(heads)
        keys = [stream.removeprefix(STREAM) for stream, _head in heads]
        for consumer in consumers:
            for show in consumer.shows:
                applied = await ports.views.applied(show.view.name, keys)
                rows: list[Row] = []
                for (stream, head), key in zip(heads, keys, strict=True):
                    have = applied.get(key, 0)
                    if have > head.version:
                        ahead.append(f"{show.view.name}: {stream}")
                    if have >= head.version:
                        continue
                    behind += 1
                    if (consumer.group, stream) in parked:
                        stuck.append(f"{consumer.group}: {stream}")
                    elif mend:
                        case, _head = await ports.cases.get(key, at_least=head.version)
                        rows.append(show.row(case, await ports.policies.book(case.jurisdiction)))
                if rows:
                    await ports.views.write({show.view.name: rows})
                    mended += len(rows)
    return Behind(streams, behind, mended, stuck[:_NAMED], ahead[:_NAMED])
