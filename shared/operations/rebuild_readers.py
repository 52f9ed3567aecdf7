"""The readers of a rebuild: they fold all cases, in this process or in worker processes, and queue the results."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing
from typing import NamedTuple

from shared.application.ports import Ports
from shared.case import STREAM, Case
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.hosting.worker_pool import Built, WorkerPool
from shared.operations.rehydration import folded, scanned_streams

BATCH = 400
"""Cases that are written together."""
_DIGITS = "0123456789abcdef"
_FEW = 1000
"""This process folds fewer cases than these in less time than a worker process needs to start."""


class FoldedBatch(NamedTuple):
    """Some whole cases and their events."""

    cases: list[Case]
    events: list[RecordedEvent]


Found = asyncio.Queue[FoldedBatch | Built | BaseException | None]
"""The results of the readers. An error ends the rebuild; None means that one reader is done."""


async def worth_starting(ports: Ports) -> int:
    """The useful number of workers for a rebuild of this log: one for each core, or only this process for a few cases."""
    async for heads in ports.log.heads(STREAM, batch=_FEW):
        return min(len(_DIGITS), len(os.sched_getaffinity(0))) if len(heads) == _FEW else 1
    return 1


def start_readers(log: EventStore, found: Found, workers: int, spread: WorkerPool | None) -> list[asyncio.Task[None]]:
    """Start the readers: worker processes where there is a `spread` and more than one worker, else tasks of this process."""
    ranges = [tuple(_DIGITS[worker::workers]) for worker in range(min(workers, len(_DIGITS)))]
    if spread is None or workers == 1:
        return [asyncio.create_task(_read(log, own, found)) for own in ranges]
    return [asyncio.create_task(_receive(spread, own, found)) for own in ranges]


async def _receive(spread: WorkerPool, digits: Sequence[str], found: Found) -> None:
    """Queue the results of a worker process for the cases whose ids begin with one of `digits`."""
    try:
        async with aclosing(spread(digits)) as built:
            async for one in built:
                await found.put(one)
        await found.put(None)
    except Exception as error:
        await found.put(error)


async def _read(log: EventStore, digits: Sequence[str], found: Found) -> None:
    """Fold and queue the cases whose ids begin with one of `digits`."""
    try:
        for digit in digits:
            batch = FoldedBatch([], [])
            async for commits in scanned_streams(log, STREAM + digit):
                case, events = folded(commits)
                batch.cases.append(case)
                batch.events.extend(events)
                if len(batch.cases) >= BATCH:
                    await found.put(batch)
                    batch = FoldedBatch([], [])
            if batch.cases:
                await found.put(batch)
        await found.put(None)
    except Exception as error:
        await found.put(error)
