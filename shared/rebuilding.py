"""Building everything derived again from the log, and finding what is behind it.

rebuild  read the log stream by stream, check its chain, fold each case once, write every row over the one that stands there,
         then take away what the log knows nothing of. Nobody who reads meanwhile misses a row, and one that is killed leaves
         each row as it was or right. Facts change at once, at the end. Where the adapters can spread the work, worker
         processes do all of that but the writing
scrub    compare the heads of the log with what each view has applied; mend what is behind, name what cannot be
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple
from weakref import WeakKeyDictionary

from shared.case import STREAM, Case
from shared.consumers.projection import CaseView
from shared.envelope import Recorded
from shared.failpoints import failpoint
from shared.folding import folded
from shared.log import Commit, Head
from shared.part import Part, Ports
from shared.projecting import Consumer
from shared.views import Parked, Row, Views

BATCH = 400
"""Cases that are written together."""
_SIGNS = "0123456789abcdef"
_NAMED = 20
_AT_ONCE = 64
"""Cases that a scrub reads at the same time."""
_FEW = 1000
"""Below so many cases this process has folded them before a worker process has started."""
_DONE = None
_TURNS: WeakKeyDictionary[Views, asyncio.Lock] = WeakKeyDictionary()
"""One rebuild of the same views after the other."""
_ENDING: set[asyncio.Task[None]] = set()


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


class Built(NamedTuple):
    """What a worker process made of some whole cases."""

    cases: int
    events: int
    rows: Mapping[str, Sequence[Row]]
    """View -> its rows."""
    facts: Mapping[str, bytes]
    """Part -> what its facts absorb."""


Spread = Callable[[Sequence[str]], AsyncGenerator[Built, None]]
"""Starts a worker process for the cases whose ids begin with one of these signs; it ends when the generator is closed.

Raises LogBroken where the chain does not hold, Unavailable `worker_lost` when the process ended before it was done."""


class _Folded(NamedTuple):
    cases: list[Case]
    events: list[Recorded]


_Found = asyncio.Queue[_Folded | Built | BaseException | None]


async def rebuild(
    ports: Ports,
    parts: Sequence[Part],
    *,
    feeding: bool,
    workers: int = 1,
    spread: Spread | None = None,
    beside: Sequence[Part] = (),
) -> AsyncIterator[Step]:
    """Build everything derived again, while commands and readers go on; yields how far it is. `feeding`: the consumers run.
    More than one worker are processes where there is a `spread`. `beside`: services of other processes whose views are built
    again here with ours.

    Raises LogBroken where the chain does not hold, and what `spread` raises: then rows are what they were or right, and facts
    what they were."""
    turn = _TURNS.setdefault(ports.views, asyncio.Lock())
    await turn.acquire()
    started = time.monotonic()
    whole = False
    consumers = [consumer for part in parts for consumer in part.consumers]
    shows = _shows((*parts, *beside)) if _shows(parts) else []  # who fills no view builds none
    pausing = asyncio.create_task(_pause(ports, parts, feeding=feeding))
    try:
        marks = await asyncio.shield(pausing)
    except BaseException:
        await asyncio.shield(_go_on(pausing, ports, parts, turn, feeding=feeding))
        raise
    found: _Found = asyncio.Queue(maxsize=2 * workers)
    readers = [
        asyncio.create_task(
            _read(ports, own, found) if spread is None or workers == 1 else _receive(spread, own, found)
        )
        for own in ranges(workers)
    ]
    cases = events = 0
    collects = gc.isenabled()
    gc.disable()  # events and cases make no cycles; to look for some among so many objects costs a sixth of the time
    try:
        running = len(readers)
        while running:
            batch = await found.get()
            if batch is _DONE:
                running -= 1
                continue
            if isinstance(batch, BaseException):
                raise batch
            if isinstance(batch, Built):
                await _take(ports, parts, batch)
                cases, events = cases + batch.cases, events + batch.events
            else:
                await _write(ports, shows, consumers, batch)
                cases, events = cases + len(batch.cases), events + len(batch.events)
            failpoint("rebuild.written")
            yield Step(cases, events, round(time.monotonic() - started, 3), False)
        for show in shows:
            await _take_away(ports, show)
        if shows:
            await ports.views.forget_others()
            for mark in marks:
                await ports.views.unpark(mark.group, mark.stream)
        whole = True
    finally:
        if collects:
            gc.enable()
        # A task of its own: who watches may go away, and what cancels them must not leave the consumers standing.
        ending = asyncio.create_task(_end(ports, parts, readers, turn, whole=whole, feeding=feeding))
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        await asyncio.shield(ending)
    yield Step(cases, events, round(time.monotonic() - started, 3), True)


async def worth_starting(ports: Ports) -> int:
    """How many workers a rebuild of this log is worth: a process for each core, or none beside this one for a few cases."""
    async for heads in ports.log.heads(STREAM, batch=_FEW):
        return min(len(_SIGNS), len(os.sched_getaffinity(0))) if len(heads) == _FEW else 1
    return 1


def ranges(workers: int) -> list[tuple[str, ...]]:
    """The first signs of case ids, dealt out to the workers."""
    return [tuple(_SIGNS[worker::workers]) for worker in range(min(workers, len(_SIGNS)))]


async def _pause(ports: Ports, parts: Sequence[Part], *, feeding: bool) -> list[Parked]:
    """Stop the consumers. Returns the marks that a whole rebuild takes away: rows come back, but what would have followed from
    a parked event does not, only a redrive does that. So those of groups that react stay."""
    built = {one.group for part in parts for one in part.consumers if not one.reactions}
    marks = [mark for mark in await ports.views.parked() if mark.group in built]
    if feeding:
        await ports.feed.stop()
    try:
        for part in parts:
            if part.facts is not None:
                await part.facts.begin_anew()
    except BaseException:  # another process has the file: the consumers go on, and the next rebuild finds its turn
        await _undone(ports, parts, feeding=feeding)
        raise
    return marks


async def _go_on(
    pausing: asyncio.Task[list[Parked]], ports: Ports, parts: Sequence[Part], turn: asyncio.Lock, *, feeding: bool
) -> None:
    """There will be no rebuild: it cannot begin, or whoever asked for it is gone. Then what was stopped for it goes on."""
    await asyncio.wait([pausing])
    if not pausing.cancelled() and pausing.exception() is None:
        await _undone(ports, parts, feeding=feeding)
    turn.release()


async def _undone(ports: Ports, parts: Sequence[Part], *, feeding: bool) -> None:
    for part in parts:
        if part.facts is not None:
            await part.facts.end_anew(whole=False)
    if feeding:
        await ports.feed.start()


def _shows(parts: Sequence[Part]) -> list[CaseView]:
    return [show for part in parts for consumer in part.consumers for show in consumer.shows]


async def _take_away(ports: Ports, show: CaseView) -> None:
    """Rows of cases that the log does not hold, or of more than it holds of them: it was cut, or the view is of another log.
    Each is looked at once more in the log, which has grown meanwhile."""
    name = show.view.name
    async for applied in _beyond(ports, name):
        cases = {key: (await ports.cases.reload(key))[0] for key in applied}
        wrong = [key for key, version in applied.items() if cases[key].version < version]
        await ports.views.remove(name, wrong)
        kept = [cases[key] for key in wrong if cases[key].exists]
        rows = [show.row(case, await ports.policies.book(case.jurisdiction)) for case in kept]
        await ports.views.write({name: rows})


async def _beyond(ports: Ports, view: str) -> AsyncIterator[Mapping[str, int]]:
    """key -> applied version, of rows that show more than the heads of the log do. Both come in the same order."""
    async with aclosing(_heads(ports)) as heads:
        one = await anext(heads, None)
        async for standing in ports.views.standing(view):
            found = {}
            for key, applied in standing.items():
                while one is not None and one[0] < STREAM + key:
                    one = await anext(heads, None)
                if one is None or one[0] != STREAM + key or one[1].version < applied:
                    found[key] = applied
            if found:
                yield found


async def _heads(ports: Ports) -> AsyncGenerator[tuple[str, Head], None]:
    async for heads in ports.log.heads(STREAM):
        for one in heads:
            yield one


async def _end(
    ports: Ports,
    parts: Sequence[Part],
    readers: Sequence[asyncio.Task[None]],
    turn: asyncio.Lock,
    *,
    whole: bool,
    feeding: bool,
) -> None:
    """Show the facts, or keep those that were, and let the consumers go on where they stood."""
    try:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        try:
            for part in parts:
                if part.facts is not None:
                    await part.facts.end_anew(whole=whole)
        finally:
            if feeding:
                await ports.feed.start()
    finally:
        turn.release()


async def _receive(spread: Spread, signs: Sequence[str], found: _Found) -> None:
    """What a worker process makes of the cases whose ids begin with one of `signs`."""
    try:
        async with aclosing(spread(signs)) as built:
            async for one in built:
                await found.put(one)
        await found.put(_DONE)
    except Exception as error:
        await found.put(error)


async def _read(ports: Ports, signs: Sequence[str], found: _Found) -> None:
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
                    await found.put(batch)
                    batch = _Folded([], [])
            if own:
                _close(own, batch)
            if batch.cases:
                await found.put(batch)
        await found.put(_DONE)
    except Exception as error:
        await found.put(error)


def _close(commits: Sequence[Commit], batch: _Folded) -> None:
    case, events = folded(commits)
    batch.cases.append(case)
    batch.events.extend(events)


async def _write(ports: Ports, shows: Sequence[CaseView], consumers: Sequence[Consumer], batch: _Folded) -> None:
    rows: dict[str, list[Row]] = {}
    for case in batch.cases:
        book = await ports.policies.book(case.jurisdiction)
        for show in shows:
            rows.setdefault(show.view.name, []).append(show.row(case, book))
    sinks = [consumer.sink for consumer in consumers if consumer.sink is not None]
    await asyncio.gather(ports.views.write(rows, renew=True), *(sink(batch.cases, batch.events) for sink in sinks))


async def _take(ports: Ports, parts: Sequence[Part], built: Built) -> None:
    views = {show.view.name for part in parts for consumer in part.consumers for show in consumer.shows}
    facts = {part.name for part in parts if part.facts is not None}
    if built.rows.keys() != views or built.facts.keys() != facts:
        raise TypeError("a worker process builds other views than this process shows")
    kept = [part.facts.absorb(built.facts[part.name]) for part in parts if part.facts is not None]
    await asyncio.gather(ports.views.write(built.rows, renew=True), *kept)


async def scrub(ports: Ports, parts: Sequence[Part], *, mend: bool = True) -> Behind:
    """Compare and, unless told otherwise, mend."""
    consumers = [consumer for part in parts for consumer in part.consumers]
    parked = {(mark.group, mark.stream) for mark in await ports.views.parked()}
    streams = behind = mended = 0
    stuck: list[str] = []
    ahead: list[str] = []
    async for heads in ports.log.heads(STREAM):
        streams += len(heads)
        versions = {stream.removeprefix(STREAM): head.version for stream, head in heads}
        lacking: dict[str, int] = {}
        to_mend: list[tuple[CaseView, list[str]]] = []
        for consumer in consumers:
            for show in consumer.shows:
                applied = await ports.views.applied(show.view.name, list(versions))
                keys = [key for key, version in versions.items() if applied.get(key, 0) < version]
                ahead += [f"{show.view.name}: {STREAM}{key}" for key, have in applied.items() if have > versions[key]]
                behind += len(keys)
                stopped = {key for key in keys if (consumer.group, STREAM + key) in parked}
                stuck += [f"{consumer.group}: {STREAM}{key}" for key in keys if key in stopped]
                if mend and len(stopped) < len(keys):
                    to_mend.append((show, [key for key in keys if key not in stopped]))
                    lacking.update((key, versions[key]) for key in to_mend[-1][1])
        if to_mend:
            mended += await _mended(ports, to_mend, lacking)
    return Behind(streams, behind, mended, stuck[:_NAMED], ahead[:_NAMED])


async def _mended(ports: Ports, to_mend: Sequence[tuple[CaseView, Sequence[str]]], versions: Mapping[str, int]) -> int:
    """Write these rows anew; returns how many. Cases are read some at a time, since each is a way over the network, and each
    once for all views."""
    cases: dict[str, Case] = {}
    wanted = list(versions)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        read = await asyncio.gather(*(ports.cases.get(key, at_least=versions[key]) for key in some))
        cases.update(zip(some, (case for case, _head in read), strict=True))
    rows: dict[str, list[Row]] = {}
    for show, keys in to_mend:
        rows[show.view.name] = [
            show.row(cases[key], await ports.policies.book(cases[key].jurisdiction)) for key in keys
        ]
    await ports.views.write(rows)
    return sum(map(len, rows.values()))
