"""Rebuild: computes every row and fact from the log again, while commands and readers continue.

The log is read stream by stream, its chain is checked, each case is folded once, and every row is written over the existing one.
Then the rows without a case in the log are removed. Readers never miss a row, and a rebuild that is killed leaves each row as it
was or correct. Facts change at once, at the end. Where the adapters can spread the work, worker processes do everything but the
writing.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from shared.application.ports import Ports
from shared.consumers.projection import Projection
from shared.consumers.row_batch import RowBatch
from shared.hosting.service_module import ServiceModule
from shared.hosting.worker_pool import Built, WorkerPool
from shared.kernel.failpoints import failpoint
from shared.operations.excess_rows import remove_excess_rows
from shared.operations.paused_consumers import PausedConsumers
from shared.operations.rebuild_readers import FoldedBatch, Found, start_readers

_ENDING: set[asyncio.Task[None]] = set()


class Step(NamedTuple):
    """Progress of a rebuild."""

    cases: int
    events: int
    seconds: float
    done: bool


async def rebuild(
    ports: Ports,
    parts: Sequence[ServiceModule],
    *,
    feeding: bool,
    workers: int = 1,
    spread: WorkerPool | None = None,
    beside: Sequence[ServiceModule] = (),
) -> AsyncIterator[Step]:
    """Compute all derived data again; yields the progress.

    Args:
        feeding: The consumers run.
        workers: More than one are processes where there is a `spread`.
        beside: Services of other processes whose views are built together with ours.

    Raises:
        StoreBroken: the chain does not hold. Like every error that `spread` raises, it leaves rows as they were or correct, and
            facts as they were.
    """
    consumers = PausedConsumers(ports, parts, feeding)
    marks = await consumers.stop()
    started = time.monotonic()
    shows = _shows((*parts, *beside)) if _shows(parts) else []  # a process without views builds none
    found: Found = asyncio.Queue(maxsize=2 * workers)
    readers = start_readers(ports.log, found, workers, spread)
    cases = events = 0
    whole = False
    collects = gc.isenabled()
    gc.disable()  # events and cases make no cycles; collecting among so many objects takes a sixth of the time
    try:
        running = len(readers)
        while running:
            batch = await found.get()
            if batch is None:
                running -= 1
                continue
            if isinstance(batch, BaseException):
                raise batch
            if isinstance(batch, Built):
                await _take(ports, parts, batch)
                cases, events = cases + batch.cases, events + batch.events
            else:
                await _write(ports, shows, parts, batch)
                cases, events = cases + len(batch.cases), events + len(batch.events)
            failpoint("rebuild.written")
            yield Step(cases, events, round(time.monotonic() - started, 3), False)
        for show in shows:
            await remove_excess_rows(ports, show)
        if shows:
            await ports.views.forget_others()
            for mark in marks:
                await ports.views.unpark(mark.group, mark.stream)
        whole = True
    finally:
        if collects:
            gc.enable()
        # A task of its own: the reader of the progress may be cancelled, and the consumers must start again even then.
        ending = asyncio.create_task(_end(consumers, readers, whole=whole))
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        await asyncio.shield(ending)
    yield Step(cases, events, round(time.monotonic() - started, 3), True)


def _shows(parts: Sequence[ServiceModule]) -> list[Projection]:
    return [show for part in parts for consumer in part.consumers for show in consumer.shows]


async def _write(ports: Ports, shows: Sequence[Projection], parts: Sequence[ServiceModule], batch: FoldedBatch) -> None:
    rows = RowBatch(shows, ports.policies)
    for case in batch.cases:
        await rows.add(case)
    own = [consumer.sink for part in parts if part.facts is not None for consumer in part.consumers]
    sinks = [sink for sink in own if sink is not None]
    await asyncio.gather(rows.write(ports.views, renew=True), *(sink(batch.cases, batch.events) for sink in sinks))


async def _take(ports: Ports, parts: Sequence[ServiceModule], built: Built) -> None:
    facts = {part.name: part.facts for part in parts if part.facts is not None}
    if built.rows.keys() != {show.view.name for show in _shows(parts)} or built.facts.keys() != facts.keys():
        raise TypeError("a worker process builds other views than this process shows")
    kept = [part.absorb(built.facts[name]) for name, part in facts.items()]
    await asyncio.gather(ports.views.write(built.rows, renew=True), *kept)


async def _end(consumers: PausedConsumers, readers: Sequence[asyncio.Task[None]], *, whole: bool) -> None:
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await consumers.start(whole=whole)
