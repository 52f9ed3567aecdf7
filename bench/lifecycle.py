"""The lifecycle of many cases, durable, with every reaction and view, compared with the peer that appends the same events."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median

from bench.cases import folder, lifecycles
from bench.figures import Figure, at_least, beside, quotient
from bench.peer import Peer, commands_of
from bench.world import COMMANDS, world

NAME = "lifecycle"
AIM = 3


def measure(*, quick: bool) -> list[Figure]:
    number = 30 if quick else 400
    commands = commands_of(lifecycles(number))

    def ours() -> float:
        with folder() as path:
            return asyncio.run(_run(path, number))

    def theirs() -> float:
        with folder() as path:
            peer = Peer(path / "peer.sqlite")
            start = time.perf_counter()
            peer.carry_out(commands)
            taken = time.perf_counter() - start
            peer.close()
            return taken

    taken = beside({"ours": ours, "theirs": theirs}, 1 if quick else 5)
    ratio = quotient(taken["theirs"], taken["ours"])
    here, there = (number * COMMANDS / median(taken[name]) for name in ("ours", "theirs"))
    note = (
        f"{number} cases of {COMMANDS} commands; with what reactions append {len(commands) / number:.0f} commits each"
    )
    beside_what = "eventsourcing 9.5.6, same commits"
    return [Figure(NAME, here, "commands/s", beside_what, there, ratio, *at_least(ratio, AIM), note)]


async def _run(path: Path, number: int) -> float:
    async with world(path) as made:
        start = time.perf_counter()
        await made.lifecycles(f"case-{item}" for item in range(number))
        return time.perf_counter() - start
