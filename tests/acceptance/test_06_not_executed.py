"""A supported decision must be executed before the case is closed (Art. 32)."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_supported_decision_without_execution_cannot_be_closed() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("要求修复屋面", on="2026-03-02")
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.decides(case, "supported", on="2026-03-10")
        await county.housing.replies(case, on="2026-03-11")
        await county.follow_up_centre.calls_back(case, satisfied=True, on="2026-03-12")

        for kind in ("resolved_confirmed", "resolved_unconfirmed"):
            problem = await county.refused("not_executed", county.desk.closes(case, kind, on="2026-03-13"))
            assert "confirm_execution" in problem["detail"]
        await county.refused("not_executed", county.desk.closes(case, "explained", on="2026-03-13"))
        await county.refused("role_not_allowed", county.desk.confirms_execution(case, on="2026-03-16"))
        assert await county.state(case) == "replied"

        await county.housing.confirms_execution(case, on="2026-03-30")
        await county.desk.closes(case, "resolved_confirmed", on="2026-03-31")
        assert await county.state(case) == "closed"
