"""Rebuild of everything derived, with the chain of every stream checked, from a log on disk."""

from __future__ import annotations

import asyncio
import shutil
import time
from itertools import groupby
from pathlib import Path
from statistics import median

from bench.bare import read_all, reader
from bench.bulk import write_log
from bench.cases import folder, lifecycles
from bench.figures import Figure, at_least, beside, quotient, timed
from bench.peer import Peer, commands_of
from services.supervision.views import SHOWS
from shared.adapters.sqlite import SqliteLog, SqliteViews
from shared.case import STREAM, fold
from shared.log import Commit
from shared.policies import Policies
from shared.views import Row

NAME = "rebuild"
AIM_BARE = 0.4
AIM_PEER = 3
ROWS_AT_ONCE = 500


def measure(*, quick: bool) -> list[Figure]:
    commits = lifecycles(30 if quick else 1000)
    events = [data for commit in commits if commit.stream.startswith(STREAM) for data in commit.events]
    reader()
    with folder() as path:
        write_log(path / "log.sqlite", commits)
        peer = Peer(path / "peer.sqlite")
        peer.carry_out(commands_of(commits))
        works = {
            "ours": lambda: asyncio.run(_rebuild(path, len(events))),
            "bare": timed(lambda: read_all(events)),
            "peer": timed(peer.rebuild),
        }
        taken = beside(works, 1 if quick else 7)
        peer.close()
    here, bare, there = (len(events) / median(taken[name]) for name in ("ours", "bare", "peer"))
    to_bare, to_peer = quotient(taken["bare"], taken["ours"]), quotient(taken["peer"], taken["ours"])
    note = f"{len(events)} events: chain, worklist, due index"
    return [
        Figure(NAME, here, "events/s", "bare pydantic decode", bare, to_bare, *at_least(to_bare, AIM_BARE), note),
        Figure(NAME, here, "events/s", "eventsourcing 9.5.6", there, to_peer, *at_least(to_peer, AIM_PEER), "its cases only"),
    ]


async def _rebuild(path: Path, expected: int) -> float:
    views_path = path / "views"
    views_path.mkdir()
    log, views = SqliteLog(path / "log.sqlite"), SqliteViews(views_path / "views.sqlite")
    for show in SHOWS:
        views.declare(show.view)
    await views.start()
    start = time.perf_counter()
    found = await _project(log, views)
    taken = time.perf_counter() - start
    await views.close()
    await log.close()
    shutil.rmtree(views_path)
    if found != expected:
        raise ValueError(f"{found} events were rebuilt, not {expected}")
    return taken


async def _project(log: SqliteLog, views: SqliteViews) -> int:
    policies = Policies(log)
    rows: dict[str, list[Row]] = {show.view.name: [] for show in SHOWS}
    found = 0
    left: list[Commit] = []

    async def project(own: list[Commit]) -> None:
        nonlocal found
        if not all(commit.intact() for commit in own):
            raise ValueError("the bytes do not match their hash")
        case = fold(event for commit in own for event in commit.recorded)
        found += case.version
        book = await policies.book(case.jurisdiction)
        for show in SHOWS:
            rows[show.view.name].append(show.row(case, book))

    async def write() -> None:
        await views.write(rows)
        for own in rows.values():
            own.clear()

    async for batch in log.scan(STREAM):
        groups = [list(own) for _, own in groupby([*left, *batch], key=lambda commit: commit.stream)]
        left = groups.pop()
        for own in groups:
            await project(own)
        if len(rows[SHOWS[0].view.name]) >= ROWS_AT_ONCE:
            await write()
    if left:
        await project(left)
    await write()
    return found
