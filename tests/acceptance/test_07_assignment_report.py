"""交办: an assignment with a due date is closed after its report, and never by the organisation that handled it (Art. 22)."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_assignment_is_closed_after_report_by_another_person() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("历史遗留问题", on="2026-03-02", place="sl", subject="1502")
        assert await county.state(case) == "registered", "no rule routes it: a person decides"
        await county.refused("due_needed", county.desk.dispatches(case, to="zj", kind="assignment", on="2026-03-03"))
        await county.refused(
            "due_in_the_past",
            county.desk.dispatches(case, to="zj", kind="assignment", due="2026-03-01", on="2026-03-03"),
        )
        await county.refused(
            "role_not_allowed",
            county.supervisor.dispatches(case, to="zj", kind="assignment", due="2026-04-10", on="2026-03-03"),
        )
        await county.desk.dispatches(case, to="zj", kind="assignment", due="2026-04-10", on="2026-03-03")
        assert await county.due(case, "C10") == "2026-04-10"

        await county.housing.accepts(case, on="2026-03-05")
        await county.housing.decides(case, "explained", on="2026-03-20")
        await county.housing.replies(case, on="2026-03-23")
        await county.refused("report_missing", county.desk.closes(case, "explained", on="2026-03-24"))
        await county.refused("role_not_allowed", county.desk.files_the_report(case, on="2026-03-24"))
        await county.housing.files_the_report(case, on="2026-03-25")

        await county.refused("role_not_allowed", county.housing.closes(case, "explained", on="2026-03-26"))
        inside = await county.actor("supervisor", "zj")
        await county.refused("handling_unit", inside.closes(case, "explained", on="2026-03-26"))
        await county.supervisor.closes(case, "explained", on="2026-03-26")
        assert await county.state(case) == "closed"
