"""Replicas share the due index by leases: two tickers on one store, a killed ticker, and a stolen lease."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.supervision.deadline_scheduler import DeadlineScheduler
from services.supervision.leases import LEASE, SLOTS, LeasedSlots
from services.supervision.read_models import slot_of
from shared.kernel.identifiers import derived_id
from tests.support.county import County, county

CASES = 40


@pytest.fixture(params=["memory", "sqlite"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[County]:
    async with county(tmp_path if request.param == "sqlite" else None) as made:
        yield made


def slots(here: County, name: str) -> LeasedSlots:
    return LeasedSlots(here.ports.views, name)


def ticker(here: County) -> DeadlineScheduler:
    return DeadlineScheduler(here.ports.handling("supervision"), here.ports.views)


async def rungs(here: County, cases: list[str]) -> Counter[tuple[str, str]]:
    """(case, clock, rung) -> number of occurrences in the log."""
    found: Counter[tuple[str, str]] = Counter()
    for case in cases:
        for event in await here.events(f"case/{case}"):
            if event.type in ("Reminded", "DeadlineBreached", "Urged"):
                told = event.body.model_dump()
                found[case, f"{told['clock']} {told.get('rung', 'breach')}"] += 1
    return found


def test_every_slot_contains_cases() -> None:
    assert {slot_of(f"{number:032x}") for number in range(1000)} == set(range(SLOTS))


async def test_single_ticker_holds_and_renews_all_slots(here: County) -> None:
    one = slots(here, "one")
    everything = frozenset(range(SLOTS))
    for _ in range(20):
        assert await one.held(here.clock.now()) == everything
        here.clock.advance(LEASE / 4)


async def test_second_ticker_gets_its_share_and_all_slots_after_first_stops(here: County) -> None:
    one, two = slots(here, "one"), slots(here, "two")
    assert len(await one.held(here.clock.now())) == SLOTS
    assert await two.held(here.clock.now()) == frozenset(), "nothing is free yet"
    seen: list[tuple[frozenset[int], frozenset[int]]] = []
    for _ in range(12):
        here.clock.advance(LEASE / 3)
        now = here.clock.now()
        seen.append((await one.held(now), await two.held(now)))
    assert all(not first & second for first, second in seen), "no slot has two holders"
    assert [len(share) for share in seen[-1]] == [SLOTS // 2, SLOTS // 2]
    here.clock.advance(LEASE)  # the first was killed and renews nothing
    assert await two.held(here.clock.now()) == frozenset(range(SLOTS))


async def test_released_slot_is_free_immediately(here: County) -> None:
    one, two = slots(here, "one"), slots(here, "two")
    await one.held(here.clock.now())
    await one.release()
    assert len(await two.held(here.clock.now())) == SLOTS
    assert await one.held(here.clock.now()) == frozenset()


async def test_contested_slot_has_one_owner(here: County) -> None:
    everyone = [slots(here, f"t{number}") for number in range(5)]
    for _ in range(8):
        held = await asyncio.gather(*(one.held(here.clock.now()) for one in everyone))
        taken = Counter(slot for own in held for slot in own)
        assert max(taken.values(), default=0) <= 1
        here.clock.advance(LEASE / 3)
    assert set(taken) == set(range(SLOTS)), "and none is left alone"


async def test_two_tickers_share_work_and_fire_each_rung_once(here: County) -> None:
    cases = []
    for number in range(
        CASES
    ):  # over three days: what falls due at midnight or in office hours does so in odd and even turns
        cases.append((await here.file(str(number), place="dh", subject="01")).case)
        if number % 5 == 4:
            here.clock.advance(timedelta(hours=8))
    one, two = ticker(here), ticker(here)
    for turn in range(60):  # twenty more days, and a lease is renewed every ten seconds
        here.clock.advance(timedelta(hours=8) - LEASE)  # the leases have expired: the first ticker takes its share
        for _step in range(4):
            here.clock.advance(LEASE / 4)
            await asyncio.gather(*(each.look() for each in ((one, two) if turn % 2 else (two, one))))
            await here.settle()
    found = await rungs(here, cases)
    assert set(found.values()) == {1}
    assert len({case for case, rung in found if rung == "C3 breach"}) == CASES
    assert one.fired and two.fired


async def test_cases_of_killed_ticker_are_taken_over(here: County) -> None:
    cases = [(await here.file(str(number), place="dh", subject="01")).case for number in range(CASES)]
    one, two = ticker(here), ticker(here)
    await one.look()
    assert not await two.look()
    here.clock.advance(timedelta(days=40))  # one is dead: it neither looks nor gives back
    while await two.look():
        await here.settle()
    found = await rungs(here, cases)
    assert len({case for case, rung in found if rung == "C3 breach"}) == CASES
    assert set(found.values()) == {1}


async def test_stolen_lease_causes_no_repeated_rungs(here: County) -> None:
    """Both believe that they hold everything: the log decides."""
    cases = [(await here.file(str(number), place="dh", subject="01")).case for number in range(CASES)]
    one, two = ticker(here), ticker(here)
    for thief in (one, two):

        async def everything(_now: object) -> frozenset[int]:
            return frozenset(range(SLOTS))

        thief.slots.held = everything  # type: ignore[method-assign, assignment]
    for _ in range(25):
        here.clock.advance(timedelta(days=1))
        await asyncio.gather(one.look(), two.look(), one.look(), two.look())
        await here.settle()
    found = await rungs(here, cases)
    assert set(found.values()) == {1}
    assert len({case for case, rung in found if rung == "C3 breach"}) == CASES


async def test_rung_event_id_does_not_depend_on_ticker() -> None:
    ids: list[str] = []
    for _ in range(2):
        async with county() as here:
            filed = await here.file(place="dh", subject="01")
            here.clock.advance(timedelta(days=40))
            await here.tick()
            events = [
                one for one in await here.events(f"case/{filed.case}") if one.cause.startswith("supervision.tick")
            ]
            assert events[0].cause == "supervision.tick:C3.1.at_75"
            assert len({one.event_id for one in events}) == len(events)
            assert events[0].event_id == derived_id(filed.case, "C3", "1", "at_75")
            ids.append(events[0].event_id)
    assert len(ids) == 2


async def test_ticker_does_no_work_at_night(here: County) -> None:
    """A reminder waiting for office hours is evaluated once, not every second until the morning."""
    await here.file(place="dh", subject="01")
    looks = 0
    own = here.parts["supervision"].ticker
    here.clock.advance(
        timedelta(days=14, hours=12)
    )  # it was due this morning, the ticker was stopped, and it is night now
    handle = own._handling.cases.get

    async def counted(*args: object, **more: object) -> object:
        nonlocal looks
        looks += 1
        return await handle(*args, **more)

    own._handling.cases.get = counted
    for _ in range(200):
        here.clock.advance(60)
        await own.look()
    assert looks == 1
