"""The clock that tests set."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from shared.adapters.memory import SetClock
from shared.adapters.memory.clock import START
from shared.adapters.system_clock import SystemClock
from shared.kernel.clock import Clock


async def test_sleepers_wake_in_order_as_time_advances() -> None:
    clock = SetClock()
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (30, 10, 20, 0)]
    await asyncio.sleep(0)
    clock.advance(9.9)
    await asyncio.sleep(0)
    assert woken == [0]
    clock.set(START + timedelta(seconds=25))
    await asyncio.sleep(0)
    assert woken == [0, 10, 20]
    tasks[0].cancel()
    clock.advance(timedelta(days=1))
    await asyncio.gather(*tasks, return_exceptions=True)
    assert woken == [0, 10, 20]
    with pytest.raises(ValueError, match="jump"):
        clock.advance(-1)


async def test_jump_moves_wall_clock_only() -> None:
    clock = SetClock()
    clock.jump(timedelta(hours=-1))
    assert clock.now() == START - timedelta(hours=1)
    assert clock.monotonic() == 0
    clock.advance(5)
    assert clock.monotonic() == 5


@pytest.mark.parametrize("clock", [SetClock(seed=4), SystemClock()])
async def test_ids_are_increasing_uuid7(clock: Clock) -> None:
    ids = [clock.new_id() for _ in range(5000)]
    assert len(set(ids)) == 5000
    assert all(UUID(each).version == 7 for each in ids)
    await clock.sleep(0)
    assert clock.now().tzinfo is not None
    assert clock.monotonic() >= 0


def test_seed_determines_ids() -> None:
    assert [SetClock(seed=1).new_id() for _ in range(3)] == [SetClock(seed=1).new_id() for _ in range(3)]
    clock = SetClock()
    ids = [clock.new_id() for _ in range(9000)]
    assert ids == sorted(ids)
