"""Repeatedly refused returns lead to a ruling; a case under a ruling cannot be returned (Art. 23 ¶3, 24)."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_third_objection_opens_dispute_and_ruling_ends_it() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("路面坑洼", on="2026-03-02")

        await county.housing.returns(case, on="2026-03-03")
        await county.refused("role_not_allowed", county.housing.refuses_the_return(case, on="2026-03-03"))
        await county.desk.refuses_the_return(case, on="2026-03-03")
        assert await county.state(case) == "dispatched"

        await county.housing.signs_off(case, on="2026-03-04")
        await county.housing.returns(case, on="2026-03-04")
        await county.desk.refuses_the_return(case, on="2026-03-05")
        assert await county.state(case) == "signed", "a refused return leaves it where it was"

        await county.housing.returns(case, on="2026-03-06")
        await county.desk.refuses_the_return(case, on="2026-03-06")
        assert await county.state(case) == "disputed", "the third objection waits for a ruling"

        await county.refused("role_not_allowed", county.desk.rules(case, responsible="zj", on="2026-03-09"))
        await county.refused("unknown_case", county.housing.accepts(case, on="2026-03-09"))
        await county.supervisor.rules(case, responsible="zj", on="2026-03-09")
        assert (await county.housing.is_notified())[-1] == (case.id, "ruled")

        problem = await county.refused("ruled", county.housing.returns(case, on="2026-03-10"))
        assert "request_return" not in problem["allowed"], "what is refused in any case is not offered"
        await county.housing.accepts(case, on="2026-03-10")
