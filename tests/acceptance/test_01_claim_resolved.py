"""An ordinary claim from filing to a resolution that the petitioner confirms (Art. 21 to 23, 31, 32, 34)."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_ordinary_claim_is_resolved_and_confirmed_by_petitioner() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("楼道漏水", on="2026-03-02")
        assert await county.housing.is_notified() == [(case.id, "assigned")]
        await county.refused("unknown_case", county.transport.signs_off(case, on="2026-03-03"))
        await county.refused("role_not_allowed", county.desk.signs_off(case, on="2026-03-03"))

        await county.housing.signs_off(case, on="2026-03-03")
        await county.housing.accepts(case, on="2026-03-05")
        await county.housing.serves_the_notice(case, on="2026-03-06")
        assert await county.due(case, "C5") == "2026-05-06", "60 days end on 4 May, a holiday until the 5th"
        await county.housing.visits_the_site(case, on="2026-03-10")
        await county.housing.decides(case, "supported", on="2026-03-20")
        await county.housing.replies(case, on="2026-03-23")
        await county.refused("not_executed", county.desk.closes(case, "resolved_confirmed", on="2026-03-24"))
        await county.housing.confirms_execution(case, on="2026-04-01")
        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-04-02"))

        await county.desk.notes_the_petitioners_grade(case, "satisfied", on="2026-04-03")
        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-04-03"))
        await county.follow_up_centre.calls_back(case, satisfied=True, on="2026-04-04")
        await county.refused("role_not_allowed", county.housing.closes(case, "resolved_confirmed", on="2026-04-07"))
        await county.supervisor.closes(case, "resolved_confirmed", on="2026-04-07")

        assert (await county.citizen_asks(case))["state"] == "closed"
        assert (await county.desk.reads(case))["closure"] == "resolved_confirmed"
        assert [event.type for event in await county.events(case, "DeadlineBreached")] == []
        await county.refused("not_in_this_state", county.housing.replies(case, on="2026-04-08"))
