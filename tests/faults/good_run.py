"""A correct run into which faults are planted: a simulated county with months of random actions and a few fixed ones."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.faults.checker import Log, Op, Run, Stored
from tests.property.driver import CASES, Desk, desk, next_step, start_of


async def good_run(seed: int, steps: int) -> Run:
    """The recorded data of such a county."""
    dice, filing = Random(f"{seed}:steps"), Random(f"{seed}:filing")
    async with desk(start_of(seed)) as made:
        for _ in range(CASES):
            await made.file(filing)
            made.clock.advance(60)
        for _ in range(steps):
            await made.take(next_step(made, dice))
        await made.finish()
        await made.settle()
        return await left_by(made)


async def left_by(made: Desk) -> Run:
    """Log, views and parked marks of the county, and a history of its filings."""
    ports = made.runtime.ports
    commits = [
        Stored(one.stream, one.first, one.cause, one.previous, one.hash, list(one.events))
        async for batch in ports.log.scan()
        for one in batch
    ]
    log = Log(commits)
    rows: list[dict[str, Any]] = []
    for part in made.runtime.parts:
        for consumer in part.consumers:
            for show in consumer.shows:
                async for found in ports.views.rows(show.view.name):
                    rows += [
                        {
                            "view": show.view.name,
                            "group": consumer.group,
                            "key": row.key,
                            "applied": row.applied,
                            "values": row.values and dict(row.values),
                        }
                        for row in found
                    ]
    history = [
        Op("submit", f"item-{case}", "ok", case, events[0].body["number"], proc="c1", t_mono=number)
        for number, (case, events) in enumerate(log.under("case/"))
    ]
    history += [
        Op("read", "", "ok", case, proc="c1", v=version, t_mono=10**12 + version)
        for case, events in log.under("case/")
        for version in (1, events[-1].version)
    ]
    return Run(history, log, rows, [], [])
