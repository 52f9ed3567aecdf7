"""Finding what is due: the ticker's own query, page by page, in a big and in a small due index."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median

from bench.cases import folder
from bench.figures import Figure, at_most, quotient
from services.supervision.deadline_scheduler import BATCH
from services.supervision.read_models import DUE
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.eventstore.read_models import Condition, Row, Value
from shared.kernel.legal_time import to_text

NAME = "due"
AIM = 1.1
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ROWS_AT_ONCE = 20_000


def measure(*, quick: bool) -> list[Figure]:
    due, small, big, rounds = (50, 500, 2_000, 3) if quick else (1_000, 10_000, 1_000_000, 301)
    with folder() as path:
        return asyncio.run(_compare(path, due, (small, big), rounds))


async def _compare(path: Path, due: int, sizes: tuple[int, int], rounds: int) -> list[Figure]:
    """A round takes a few milliseconds; several hundred rounds average out other load of the machine."""
    small, big = sizes
    views = {size: await _filled(path / f"{size}.sqlite", size, due) for size in sizes}
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for turn in range(rounds):
        for size in sizes if turn % 2 == 0 else reversed(sizes):
            start = time.perf_counter()
            found = await _find(views[size])
            taken[size].append(time.perf_counter() - start)
            if found != due:
                raise ValueError(f"{found} were found, {due} are due")
    for view in views.values():
        await view.close()
    ratio = quotient(taken[big], taken[small])
    here, there = (1000 * median(taken[size]) for size in (big, small))
    note = f"{due:,} due, pages of {BATCH}, {rounds} rounds"
    return [Figure(NAME, here, f"ms among {big:,}", f"among {small:,}", there, ratio, *at_most(ratio, AIM), note)]


async def _filled(path: Path, size: int, due: int) -> SqliteReadModels:
    views = SqliteReadModels(path)
    views.declare(DUE)
    await views.start()
    rows = _rows(size, due)
    for start in range(0, size, ROWS_AT_ONCE):
        await views.write({DUE.name: rows[start : start + ROWS_AT_ONCE]})
    return views


def _rows(size: int, due: int) -> list[Row]:
    """`due` of them lie before NOW, spread over all keys; the others over the year after it."""

    def made() -> Iterator[Row]:
        for each in range(size):
            after = timedelta(seconds=-1 - each) if each < due else timedelta(seconds=1 + each * 31)
            yield Row(sha256(str(each).encode()).hexdigest()[:32], 1, {"next_at": to_text(NOW + after)})

    return sorted(made())


async def _find(views: SqliteReadModels) -> int:
    until = [Condition("next_at", "<=", to_text(NOW))]
    after: tuple[Value, ...] | None = None
    found = 0
    while True:
        page = await views.find(DUE.name, until, order=["next_at"], after=after, limit=BATCH)
        found += len(page)
        if len(page) < BATCH:
            return found
        after = ((page[-1].values or {}).get("next_at"), page[-1].key)
