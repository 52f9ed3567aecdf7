"""History rows of an export, recorded with every view and fact, compared with the peer, which saves once per row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bench.cases import folder
from bench.figures import Figure, beside, quotient
from bench.peer import Command, Peer, commands_of
from bench.world import DEMO, FILING, world
from services.intake.history.items import Filing, HistoryItem, HistoryStep
from services.intake.history.recorder import record_batch
from shared.application.ports import Ports
from shared.commands.authorization import Principal
from shared.eventstore.commit import Commit

NAME = "import"
OPERATIONS = Principal("operations", None, "k-operations")
START = datetime(2025, 1, 2, 1, 0, tzinfo=UTC)
ROWS_AT_ONCE = 500


def measure(*, quick: bool) -> list[Figure]:
    number = 40 if quick else 2000
    rows = [_row(each) for each in range(number)]
    with folder() as path:
        told = asyncio.run(_told(path, rows))

    def ours() -> float:
        with folder() as path:
            return asyncio.run(_run(path, rows))

    def theirs() -> float:
        with folder() as path:
            peer = Peer(path / "peer.sqlite")
            start = time.perf_counter()
            for command in told:
                peer.register(command)
            taken = time.perf_counter() - start
            peer.close()
            return taken

    taken = beside({"ours": ours, "theirs": theirs}, 1 if quick else 3)
    here, there = (number / median(taken[name]) for name in ("ours", "theirs"))
    ratio = quotient(taken["theirs"], taken["ours"])
    note = f"{number} rows of a filing and 3 steps, text sealed"
    return [Figure(NAME, here, "rows/s", "eventsourcing 9.5.6, one save a row", there, ratio, "-", None, note)]


def _row(each: int) -> HistoryItem:
    filed = START + timedelta(minutes=each)
    return HistoryItem(
        line=each + 2,
        channel="web",
        item=f"row-{each}",
        filing=Filing(
            received_at=filed,
            title=FILING["title"],
            text=FILING["text"],
            place=FILING["place"],
            subject=FILING["subject"],
        ),
        org="zj",
        steps=(
            HistoryStep(type="CaseTransferred", effective_at=filed + timedelta(days=1), body={"org": "zj"}),
            HistoryStep(type="Accepted", effective_at=filed + timedelta(days=3), body={"org": "zj", "path": 6}),
            HistoryStep(type="ReplyDelivered", effective_at=filed + timedelta(days=20), body={"org": "zj"}),
        ),
    )


async def _run(path: Path, rows: list[HistoryItem]) -> float:
    async with world(path) as made:
        start = time.perf_counter()
        await _record(made.ports, rows)
        await made.settle()
        return time.perf_counter() - start


async def _record(ports: Ports, rows: list[HistoryItem]) -> None:
    for first in range(0, len(rows), ROWS_AT_ONCE):
        batch = rows[first : first + ROWS_AT_ONCE]
        for result in await record_batch(batch, ports, principal=OPERATIONS, jurisdiction=DEMO):
            if result.result != "added":
                raise ValueError(f"line {result.line}: {result.code}")


async def _told(path: Path, rows: list[HistoryItem]) -> list[Command]:
    """The events of each row as one command of the peer."""
    async with world(path) as made:
        await _record(made.ports, rows)
        found: list[Commit] = []
        async for commits in made.ports.log.scan("case/"):
            found += commits
    return list(_joined(commands_of(found)))


def _joined(commands: Iterable[Command]) -> Iterable[Command]:
    streams: dict[str, Command] = {}
    for command in commands:
        known = streams.get(command.stream)
        streams[command.stream] = known._replace(events=known.events + command.events) if known else command
    return streams.values()
