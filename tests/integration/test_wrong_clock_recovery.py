"""What a wrong clock recorded is voided beside the originals, and what is true is recorded again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.commands.authorization import Principal
from shared.kernel.refusals import Invalid
from shared.operations.misdated import MisdatedStream, misdated
from tests.support.county import SUPERVISOR, County, clerk, county

AHEAD = timedelta(days=20)
ABOVE = Principal("supervisor", "sxfj", "k-above")
"""Of the level above the petition office: on the way, deadlines of the office seem missed that were not."""


@pytest.fixture
async def here() -> AsyncIterator[County]:
    async with county() as made:
        yield made


async def found(here: County) -> dict[str, MisdatedStream]:
    return {one.stream: one async for one in misdated(here.ports.log, here.clock.now())}


async def ticked_ahead(here: County, by: timedelta) -> None:
    """A release without the comparison ran with a clock that was ahead, and its machine was put right."""
    here.clock.jump(by)
    here.clock.trust.accept()
    await here.tick()
    here.clock.jump(-by)
    here.clock.trust.accept()


async def void(here: County, one: MisdatedStream) -> None:
    case = one.stream.removeprefix("case/")
    await here.act(case, "void_rungs", SUPERVISOR, rungs=one.rungs, text="服务器时钟错误")


async def kinds(here: County, case: str, kind: str) -> list[str]:
    return [event.event_id for event in await here.events(f"case/{case}") if event.type == kind]


async def test_voided_rungs_are_recorded_again_at_the_right_time(here: County) -> None:
    cases = [(await here.file(str(number), place="dh", subject="01")).case for number in range(5)]
    await ticked_ahead(here, AHEAD)
    wrong = {case: await kinds(here, case, "DeadlineBreached") for case in cases}
    assert all(wrong.values())
    listed = await found(here)
    assert listed.keys() >= {f"case/{case}" for case in cases}
    for one in listed.values():
        if one.rungs:
            await void(here, one)
    assert not any(one.rungs for one in (await found(here)).values())
    await here.tick()
    for case in cases:
        assert await kinds(here, case, "DeadlineBreached") == wrong[case], "nothing is due yet"
        assert (await here.case(case)).supervision.stage == "none"
    for _ in range(20):
        here.clock.advance(timedelta(days=1))
        await here.tick()
    for case in cases:
        again = await kinds(here, case, "DeadlineBreached")
        assert len(again) == 2 * len(wrong[case]), "what is due by the right time is recorded"
        assert len(set(again)) == len(again)
    assert [problem async for problem in here.ports.log.verify()] == []


async def test_voiding_removes_no_deadline_that_was_really_missed(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    here.clock.advance(timedelta(days=40))
    await here.tick()
    before = await kinds(here, filed.case, "DeadlineBreached")
    rungs = [
        {"clock": one.clock, "episode": one.episode, "rung": one.rung} for one in (await here.case(filed.case)).rungs
    ]
    await here.act(filed.case, "void_rungs", SUPERVISOR, rungs=rungs, text="服务器时钟错误")
    await here.tick()
    assert len(await kinds(here, filed.case, "DeadlineBreached")) == len(before) + 1
    assert any(one.rung == "breach" for one in (await here.case(filed.case)).rungs)


async def test_case_that_the_wrong_clock_touched_takes_commands(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    await ticked_ahead(here, AHEAD)
    case = await here.case(filed.case)
    assert case.last_recorded is not None
    assert case.last_recorded > here.clock.now() + timedelta(days=19)
    await here.act(filed.case, "sign_off", clerk(case.assignment.org or ""))
    assert (await here.case(filed.case)).state == "signed"


async def test_rung_that_is_not_recorded_cannot_be_voided(here: County) -> None:
    filed = await here.file(place="dh", subject="01")
    rungs = [{"clock": "C3", "episode": 1, "rung": "breach"}]
    with pytest.raises(Invalid, match="rung_not_recorded"):
        await here.act(filed.case, "void_rungs", SUPERVISOR, rungs=rungs, text="服务器时钟错误")


async def test_steps_of_people_are_listed_until_their_date_is_corrected(here: County) -> None:
    here.clock.jump(AHEAD)
    here.clock.trust.accept()
    filed = await here.file(place="dh", subject="01")
    here.clock.jump(-AHEAD)
    here.clock.trust.accept()
    steps = (await found(here))[f"case/{filed.case}"].steps
    assert "CaseRegistered" in [one["type"] for one in steps]
    for one in steps:
        facts = (await here.case(filed.case)).facts
        if any(fact.version == one["version"] for fact in facts):
            await here.act(
                filed.case, "correct", ABOVE, field="effective_at", of=one["version"],
                new=here.clock.now().isoformat(), reason_code="wrong_clock",
            )  # fmt: skip
    case = await here.case(filed.case)
    assert [(fact.name, fact.effective_at) for fact in case.facts if fact.effective_at != here.clock.now()] == []
