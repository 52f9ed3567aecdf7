"""Withdrawal: a weekend to think about it, nobody's name but one's own, and no clock that stops early."""

from __future__ import annotations

import re

from tests.acceptance.vocabulary import story


async def test_withdrawal_takes_effect_after_weekend_and_clocks_run_until_then() -> None:
    async with story("2026-03-02") as county:
        case = await county.platform.files("楼道漏水", on="2026-03-02", channel="province")
        await county.citizen_does("withdraw", case, on="2026-03-05", text="不想再反映")
        told = await county.citizen_asks(case)
        assert (told["state"], told["withdrawal"]) == ("dispatched", "2026-03-12")
        open_cases = await county.desk.asks("GET", "/v1/cases?state=dispatched")
        assert case.id in [one["id"] for one in open_cases["cases"]]
        await county.housing.signs_off(case, on="2026-03-11")
        assert await county.state(case) == "signed"
        await county.day("2026-03-13")
        assert await county.state(case) == "withdrawn"
        (ended,) = await county.events(case, "CaseWithdrawn")
        assert (ended.actor.role, ended.effective_at.isoformat()) == ("service", "2026-03-12T15:59:59.999999+00:00")
        await county.day("2026-03-20")
        assert len(await county.events(case, "CaseWithdrawn")) == 1
        assert await county.events(case, "DeadlineBreached") == []
        again = await county.platform.files("楼道漏水", on="2026-03-21", channel="province")
        assert await county.state(again) == "dispatched", "a withdrawn matter may be filed again"


async def test_withdrawal_is_taken_back_on_page_without_javascript() -> None:
    async with story("2026-03-02") as county:
        case = await county.platform.files("楼道漏水", on="2026-03-02", channel="province")
        await county.citizen_does("withdraw", case, on="2026-03-05")
        form = {"number": case.number, "code": case.code}
        async with county.here.browser() as browser:
            await browser.post("/track", data=form)
            page = await browser.get("/track")
            assert "/track/do/take_back_withdrawal" in page.text and "2026年3月12日" in page.text
            found = re.search(
                r'name="command_id" value="([^"]+)"', (await browser.get("/track/do/take_back_withdrawal")).text
            )
            assert found
            for _ in range(2):
                done = await browser.post("/track/do/take_back_withdrawal", data={"command_id": found[1]})
                assert done.headers["location"] == "/track?done=take_back_withdrawal"
            assert "/track/do/take_back_withdrawal" not in (await browser.get("/track")).text
        assert len(await county.events(case, "WithdrawalTakenBack")) == 1
        await county.day("2026-03-20")
        assert await county.state(case) == "dispatched"


async def test_withdrawal_recorded_by_office_is_confirmed_by_third_unit() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("楼道漏水", on="2026-03-02")
        await county.refused("evidence_needed", county.desk.does("withdraw", case, on="2026-03-03", present="x"))
        await county.desk.notes_the_withdrawal(case, on="2026-03-03")
        await county.day("2026-03-16")
        assert await county.state(case) == "dispatched", "nobody confirmed it"
        await county.refused("third_unit_needed", county.supervisor.confirms_the_withdrawal(case, on="2026-03-16"))
        await county.follow_up_centre.confirms_the_withdrawal(case, on="2026-03-17")
        await county.day("2026-03-17 12:00")
        assert await county.state(case) == "withdrawn"


async def test_joint_filing_goes_on_while_one_petitioner_remains() -> None:
    async with story("2026-03-02") as county:
        pair = {"petitioner": {"name": "甲"}, "co_petitioners": [{"name": "乙"}]}
        case = await county.platform.files("楼道漏水", on="2026-03-02", channel="province", **pair)
        await county.refused("own_name_only", county.citizen_does("withdraw", case, on="2026-03-03", party="p2"))
        await county.citizen_does("withdraw", case, on="2026-03-03")
        await county.day("2026-03-12")
        assert await county.state(case) == "dispatched"
        assert [one.body.party for one in await county.events(case, "NameWithdrawn")] == ["p1"]  # type: ignore[union-attr]
        await county.desk.notes_the_withdrawal(case, party="p2", on="2026-03-12")
        await county.follow_up_centre.confirms_the_withdrawal(case, party="p2", on="2026-03-13")
        await county.day("2026-03-21")
        assert await county.state(case) == "withdrawn"
