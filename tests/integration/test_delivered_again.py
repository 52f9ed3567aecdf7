"""Events that are delivered again long after, or only after the case has moved on, park no case and have no second effect.

A data folder that an older release wrote is such a delivery: the groups whose rows have another form start again.
"""

from __future__ import annotations

from typing import Any

import pytest

from deploy.modes.composition import compose
from deploy.modes.in_memory import memory_ports
from services.intake.history.recorder import record_batch
from shared.adapters.memory import SetClock
from shared.eventstore.commit import Commit
from shared.kernel.settings import Settings
from tests.integration.test_history_recorder import OPERATIONS, item
from tests.integration.test_unordered_delivery import LATER
from tests.support.county import DEMO
from tests.support.serving import Served, served

LIFE: list[tuple[str, str, dict[str, Any]]] = [
    ("clerk", "sign_off", {}),
    ("clerk", "accept", {"path": 6}),
    ("clerk", "decide", {"result": "explained", "basis": ["《某条例》第一条"], "text": "已答复"}),
    ("clerk", "deliver_reply", {"mode": "in_person", "reference": "e"}),
]
"""Stages of a case; at each one it is joined, voided, or handled further."""


async def life(here: Served, stages: int, **more: Any) -> str:
    case: str = (await here.filed(**more))["case"]
    for role, name, fields in LIFE[:stages]:
        done = await here.act(role, case, name, **fields)
        assert done.is_success, done.text
    return case


async def delivered_again(commits: list[Commit], seed: int | None) -> tuple[list[Any], int]:
    """The parked streams and the number of commits after delivery of the whole log to a new process."""
    runtime = compose(Settings(), memory_ports(SetClock(LATER), seed=seed))
    try:
        await runtime.start(feed=False, tasks=False)
        for commit in commits:
            await runtime.ports.log.append(commit)
        await runtime.ports.feed.start()
        runtime.feeding = True
        assert await runtime.drain(30)
        parked = [(mark.group, mark.reason) for mark in await runtime.ports.views.parked()]
        return parked, len([one async for part in runtime.ports.log.scan() for one in part])
    finally:
        await runtime.stop()


@pytest.mark.parametrize("seed", [None, 1, 2])
async def test_whole_log_is_delivered_again(seed: int | None) -> None:
    async with served() as here:
        lead = await life(here, 0)
        here.clock.advance(86400)
        for stages in range(len(LIFE)):
            for last in ("link", "void"):
                case = await life(here, stages)
                fields = {"lead": lead, "reason": "同一事项"} if last == "link" else {"reason_code": "other"}
                await here.act("registrar", case, last, **fields)  # an answered case is neither joined nor voided
        imported = [item(number, go_live=True) for number in range(4)]
        await record_batch(imported, here.runtime.ports, principal=OPERATIONS, jurisdiction=DEMO)
        await here.runtime.drain()
        joined = [
            await here.act("registrar", f"old:{one}", "link", lead="old:0", reason="同一事项") for one in range(1, 4)
        ]
        assert any(one.is_success for one in joined), joined[0].text
        commits = [commit async for part in here.runtime.ports.log.scan() for commit in part]
        assert await here.runtime.ports.views.parked() == []
    commits.sort(key=lambda commit: commit.position)
    assert await delivered_again(commits, seed) == ([], len(commits))
