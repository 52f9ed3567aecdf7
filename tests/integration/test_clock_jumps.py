"""R16, R17: after wall clock jumps and late calendars, rungs fire once, never early, and never by mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.deadlines.derivation import deadlines
from shared.events.policy import PolicyActivated
from shared.policy.loading.loader import hash_of
from shared.repositories.policy_repository import STREAM as POLICY
from tests.support.county import DEMO, SUPERVISOR, County, county
from tests.support.serving import served


@pytest.fixture(params=["memory", "sqlite"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[County]:
    async with county(tmp_path if request.param == "sqlite" else None) as made:
        yield made


async def rungs(here: County, case: str) -> Counter[str]:
    events = await here.events(f"case/{case}")
    return Counter(event.type for event in events if event.type in ("Reminded", "DeadlineAtRisk", "DeadlineBreached"))


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=20)])
async def test_clock_jump_pauses_ticker_and_fires_nothing(here: County, jump: timedelta) -> None:
    filed = await here.file(place="dh", subject="01")
    ticker = here.parts["supervision"].ticker
    await here.tick()
    here.clock.jump(jump)
    await here.tick()
    assert ticker.paused is not None
    assert ticker.jumps == 1
    assert await rungs(here, filed.case) == Counter()
    here.clock.jump(-jump)
    await here.tick()
    assert ticker.paused is None


async def test_corrected_clock_fires_each_deadline_once(here: County) -> None:
    cases = [(await here.file(str(number), place="dh", subject="01")).case for number in range(20)]
    ticker = here.parts["supervision"].ticker
    here.clock.jump(timedelta(days=1))
    await here.tick()
    assert ticker.paused
    here.clock.jump(timedelta(days=-1))
    for _ in range(30):
        here.clock.advance(timedelta(days=1))
        await here.tick()
    for case in cases:
        folded = await here.case(case)
        events = [event for event in await here.events(f"case/{case}") if event.type == "DeadlineBreached"]
        assert len(events) == 1
        clock = next(one for one in deadlines(folded, await here.ports.policies.book(DEMO)) if one.clock == "C3")
        assert events[0].effective_at == clock.due
        assert events[0].recorded_at >= clock.due


async def test_accumulated_small_clock_jumps_are_detected(here: County) -> None:
    await here.file(place="dh", subject="01")
    ticker = here.parts["supervision"].ticker
    for _ in range(30):
        here.clock.jump(timedelta(milliseconds=100))
        await here.tick()
    assert ticker.paused is None, "3 seconds are within tolerance"
    for _ in range(30):
        here.clock.jump(timedelta(seconds=1))
        await here.tick()
    assert ticker.paused is not None


async def test_operations_can_accept_current_clock(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    ticker = here.parts["supervision"].ticker
    here.clock.jump(timedelta(days=20))
    await here.tick()
    assert ticker.paused
    ticker.accept_clock()
    await here.tick()
    assert (await rungs(here, filed.case))["DeadlineBreached"] == 1


async def test_paused_ticker_is_unready_until_operations_accept_clock() -> None:
    async with served() as here:
        case = (await here.filed())["case"]
        ticker = next(part.ticker for part in here.runtime.parts if part.ticker is not None)
        await ticker.look()
        async with here.on_operations_port(None) as anybody, here.owner() as owner:
            assert (await anybody.get("/readyz")).json()["ready"] is True
            assert (await owner.get("/local/clock")).json()["paused"] is None
            here.clock.jump(timedelta(days=30))
            await ticker.look()
            refused = await anybody.get("/readyz")
            assert (refused.status_code, refused.json()["reasons"]) == (503, ["ticker_paused"])
            seen = (await owner.get("/local/clock")).json()
            assert (seen["paused"], seen["jumps"]) == ("wall clock jumped by 2592000 s", 1)
            assert seen["now"].startswith("2026-04-01T01:00")
            async with here.owner("registrar:xfj") as other:
                assert (await other.post("/local/clock:accept")).status_code == 403
            assert ticker.paused
            assert (await owner.post("/local/clock:accept")).json()["paused"] is None
            assert (await anybody.get("/readyz")).json()["ready"] is True
            assert (await anybody.post("/local/clock:accept")).status_code == 401
        await here.runtime.drain()
        while await ticker.look():
            await here.runtime.drain()
        events = [one for commit in await here.runtime.ports.log.load(f"case/{case}") for one in commit.recorded]
        assert [one.type for one in events].count("DeadlineBreached") == 1


async def test_only_highest_rung_is_sent_after_downtime(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    here.clock.advance(timedelta(days=40))
    await here.tick()
    case = await here.case(filed.case)
    assert (await rungs(here, filed.case))["DeadlineBreached"] == 1
    told = [event.body.kind for event in await here.events(f"outbox/{case.assignment.org}")]  # type: ignore[union-attr]
    assert told == ["assigned"], "the reminder was passed, it is recorded and not sent"


async def test_later_calendar_moves_open_clocks_without_repeated_rungs(here: County) -> None:
    """R17: a provisional year is published with another holiday; the due date follows, rungs that fired stay."""
    filed = await here.file(place="dh", subject="01")
    for _ in range(14):  # three quarters fell on a Saturday; it is sent on Monday morning
        here.clock.advance(timedelta(days=1))
        await here.tick()
    before = await rungs(here, filed.case)
    assert before["Reminded"] == 1
    book = await here.ports.policies.book(DEMO)
    clock = next(one for one in deadlines(await here.case(filed.case), book) if one.clock == "C3")
    edition = book.edition("calendar")
    assert edition is not None
    document = edition.document.model_dump(mode="json")
    day = clock.due_day
    document["years"][str(day.year)]["holidays"].append(day.isoformat())
    body = PolicyActivated(section="calendar", hash=hash_of(document), document=document)
    await here.ports.handling("supervision").append(
        POLICY + DEMO,
        EventMetadata(SUPERVISOR, "calendar:2", date(2026, 1, 1), jurisdiction=DEMO),
        lambda _head: [NewEvent(body)],
    )
    await here.settle()
    moved = next(
        one for one in deadlines(await here.case(filed.case), await here.ports.policies.book(DEMO)) if one.clock == "C3"
    )
    assert moved.due > clock.due
    for _ in range(10):
        here.clock.advance(timedelta(days=1))
        await here.tick()
    events = [event for event in await here.events(f"case/{filed.case}") if event.type == "DeadlineBreached"]
    assert [event.effective_at for event in events] == [moved.due]
    reached = [
        (event.body.clock, event.body.episode, event.body.rung)  # type: ignore[union-attr]
        for event in await here.events(f"case/{filed.case}")
        if event.type == "Reminded"
    ]
    assert len(reached) == len(set(reached)) >= before["Reminded"]
