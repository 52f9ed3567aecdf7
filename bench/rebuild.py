"""Rebuild of everything derived, with the chain of every stream checked, from a log on disk."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from functools import partial
from pathlib import Path
from statistics import median

from bench.bare import read_all, reader
from bench.bulk import copies, write_log
from bench.cases import by_case, folder, lifecycles
from bench.figures import Figure, at_least, beside, quotient, timed
from bench.peer import Peer, commands_of
from bench.world import build, close, open_ports
from deploy.storage.rebuild_pool import spread
from shared.operations.rebuild import rebuild
from shared.repositories.policy_repository import STREAM as POLICY

NAME = "rebuild"
AIM_BARE = 0.4
AIM_PEER = 3
WORKERS = len(os.sched_getaffinity(0))


def measure(*, quick: bool) -> list[Figure]:
    told = lifecycles(30 if quick else 1000)
    policy = [commit for commit in told if commit.stream.startswith(POLICY)]
    cases = list(copies(by_case(told)[0], 60 if quick else 5000))
    events = [data for commit in cases for data in commit.events]
    reader()
    with folder() as path:
        write_log(path / "log.sqlite", [*policy, *cases])
        peer = Peer(path / "peer.sqlite")
        peer.carry_out(commands_of(told))
        works = {
            "ours": lambda: asyncio.run(_rebuild(path, len(events), WORKERS)) / len(events),
            "alone": lambda: asyncio.run(_rebuild(path, len(events), 1)) / len(events),
            "bare": lambda: timed(lambda: read_all(events))() / len(events),
            "peer": lambda: _rebuild_peer(peer),
        }
        taken = beside(works, 1 if quick else 7)
        peer.close()
    here, alone, bare, there = (1 / median(taken[name]) for name in ("ours", "alone", "bare", "peer"))
    to_bare, to_peer = quotient(taken["bare"], taken["ours"]), quotient(taken["peer"], taken["ours"])
    note = (
        f"{len(events)} events: chain, all views, DuckDB facts; {WORKERS} worker processes, in one process {alone:,.0f}"
    )
    peers = f"{len(peer.cases)} cases folded, no view"
    return [
        Figure(NAME, here, "events/s", "bare pydantic decode", bare, to_bare, *at_least(to_bare, AIM_BARE), note),
        Figure(NAME, here, "events/s", "eventsourcing 9.5.6", there, to_peer, *at_least(to_peer, AIM_PEER), peers),
    ]


def _rebuild_peer(peer: Peer) -> float:
    """Seconds for each event."""
    start = time.perf_counter()
    events = peer.rebuild()
    return (time.perf_counter() - start) / events


async def _rebuild(path: Path, expected: int, workers: int) -> float:
    """`huiyin rebuild` with so many workers on the log in `path`, from nothing; the seconds it took."""
    log, fresh = path / "log.sqlite", path / "fresh"
    fresh.mkdir()
    (fresh / log.name).hardlink_to(log)
    ports = open_ports(fresh)
    parts = build(ports)
    await ports.views.start()
    start = time.perf_counter()
    found = 0
    spreading = partial(spread, fresh / log.name)
    async for step in rebuild(ports, parts, feeding=False, workers=workers, spread=spreading):
        found = step.events
    taken = time.perf_counter() - start
    await close(ports, parts)
    shutil.rmtree(fresh)
    if found != expected:
        raise ValueError(f"{found} events were rebuilt, not {expected}")
    return taken
