"""Breaches are not wiped: a late record that is dated back counts as late until somebody outside confirms the date."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_notice_dated_back_by_organisation_waits_for_petition_office() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("楼道漏水", on="2026-03-02")
        await county.housing.signs_off(case, on="2026-03-03")
        await county.housing.accepts(case, on="2026-03-04")
        await county.housing.serves_the_notice(case, on="2026-04-01", effective_at="2026-03-09")
        assert [one.body.clock for one in await county.events(case, "DeadlineBreached")] == ["C3"]  # type: ignore[union-attr]
        assert await county.events(case, "BreachLifted") == []
        (notice,) = await county.events(case, "NoticeServed")
        await county.desk.confirms_the_date(case, of=notice.version, on="2026-04-02")
        await county.day("2026-04-03")
        assert len(await county.events(case, "BreachLifted")) == 1


async def test_transfer_dated_back_by_petition_office_waits_for_level_above() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("说不清的问题", on="2026-03-02", place="nowhere")
        await county.desk.dispatches(case, to="zj", on="2026-04-01", effective_at="2026-03-10")
        assert [one.body.clock for one in await county.events(case, "DeadlineBreached")] == ["C1"]  # type: ignore[union-attr]
        (sent,) = await county.events(case, "CaseTransferred")
        for insider in (county.desk, county.second_desk, county.supervisor):
            await county.refused(
                "outside_unit_needed", insider.confirms_the_date(case, of=sent.version, on="2026-04-02")
            )
        await county.province.confirms_the_date(case, of=sent.version, on="2026-04-02")
        await county.day("2026-04-03")
        assert len(await county.events(case, "BreachLifted")) == 1
