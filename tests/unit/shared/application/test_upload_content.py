"""Turns of parts that are being received: the one that began first goes first, and no turn is lost."""

from __future__ import annotations

import asyncio

from shared.application.upload_content import Turns


async def test_the_part_that_began_first_goes_first() -> None:
    turns, went = Turns(1), list[int]()

    async def step(order: int) -> None:
        async with turns.turn(order):
            went.append(order)
            await asyncio.sleep(0)

    orders = [turns.order() for _ in range(5)]
    async with turns.turn(turns.order()):
        waiting = [asyncio.create_task(step(order)) for order in reversed(orders)]
        await asyncio.sleep(0)
        assert went == []
    await asyncio.gather(*waiting)
    assert went == orders


async def test_a_part_that_is_given_up_keeps_no_turn() -> None:
    turns = Turns(1)

    async def step() -> None:
        async with turns.turn(turns.order()):
            await asyncio.sleep(0)

    async with turns.turn(turns.order()):
        waiting = [asyncio.create_task(step()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()  # it may have got the turn already
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(1), turns.turn(turns.order()):
        pass
