"""Real-name accusers are told by the discipline organ under its own rule, and only they read the answer (Art. 23 ¶4, 30)."""

from __future__ import annotations

from tests.acceptance.test_13_answers_are_read import on_paper, reads
from tests.acceptance.vocabulary import Actor, County, Filing, story

RESULT = "反映问题部分属实，已给予有关人员相应处理。"


async def accusation(county: County, *, channel: str = "province", named: bool = True) -> tuple[Filing, Actor]:
    filer = county.platform if channel == "province" else county.desk
    fields = {"petitioner": {"name": "举报人甲", "phone": "13800000000"}} if named else {"anonymous": True}
    case = await filer.files(
        "反映某局干部吃拿卡要", on="2026-03-02", channel=channel, **{"class": "accusation"}, **fields
    )
    organ = await county.actor("clerk", "jjw")
    await county.desk.dispatches(case, to="jjw", on="2026-03-03")
    return case, organ


async def clocks(desk: Actor, case: Filing) -> dict[str, str]:
    shown = await desk.reads(case)
    return {one["clock"]: one["due_day"] for one in shown["deadlines"]}


async def test_real_name_accuser_is_told_within_fifteen_working_days_and_reads_result() -> None:
    async with story("2026-03-02") as county:
        case, organ = await accusation(county)
        found = await clocks(county.desk, case)
        assert found["J1"] == "2026-03-24", "15 working days after 3 March"
        assert not {"C2", "C3", "C5"} & set(found), "the ordinary notices do not apply"
        await organ.does("accept", case, on="2026-03-05")
        await organ.serves_the_notice(case, on="2026-03-06")
        await county.refused("other_outcome", organ.decides(case, "explained", on="2026-03-09"))
        await organ.does("finish_accusation", case, on="2026-04-01", text=RESULT)
        assert (await clocks(county.desk, case))["J3"] == "2026-04-23", "15 working days after 1 April, with Qingming"
        assert await on_paper(county.desk) == []
        assert (await reads(county, case, on="2026-04-02"))["documents"] == [], "not before the organ tells it"
        await organ.replies(case, on="2026-04-08")

        (told,) = (await reads(county, case, on="2026-04-09"))["documents"]
        assert told["fields"] == {"text": RESULT}
        for reader in (county.desk, county.supervisor):
            assert RESULT not in str(await reader.reads(case)), "neither registrar nor supervisor reads it"
        assert RESULT in str(await organ.reads(case)), "the organ reads what it wrote"
        for stranger in (county.housing, county.transport):
            await county.refused("unknown_case", stranger.reads(case))
        texts = await county.platform.asks("GET", f"/v1/platforms/province/answers/{case.id}")
        assert texts["texts"] == []
        assert await county.events(case, "DeadlineBreached") == []


async def test_organ_that_tells_nothing_is_late() -> None:
    async with story("2026-03-02") as county:
        case, organ = await accusation(county)
        await organ.does("accept", case, on="2026-03-05")
        await organ.does("finish_accusation", case, on="2026-03-20", text=RESULT)
        await county.day("2026-04-20")
        late = [event.body.clock for event in await county.events(case, "DeadlineBreached")]
        assert sorted(late) == ["J1", "J3"]


async def test_nobody_is_owed_an_answer_who_gave_no_name() -> None:
    async with story("2026-03-02") as county:
        case, organ = await accusation(county, named=False)
        await organ.does("accept", case, on="2026-03-05")
        assert not {"J1", "J3", "C3"} & set(await clocks(county.desk, case))


async def test_answer_is_not_shown_with_code_that_desk_has_had_in_hand() -> None:
    async with story("2026-03-02") as county:
        case, organ = await accusation(county, channel="letter")
        await organ.does("accept", case, on="2026-03-05")
        await organ.does("finish_accusation", case, on="2026-03-20", text=RESULT)
        await organ.replies(case, on="2026-03-23")
        await county.refused("code_known_to_staff", reads(county, case, on="2026-03-24"))
