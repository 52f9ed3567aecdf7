"""An objection on the fifth working day returns the case after verification; on the sixth it is refused (Art. 23 ¶3)."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_return_on_fifth_working_day_takes_effect_after_sender_agrees() -> None:
    async with story("2025-09-26") as county:
        case = await county.desk.files("施工噪声", on="2025-09-26")
        assert await county.due(case, "C4") == "2025-10-10", (
            "28 September and 11 October are worked, 1 to 8 October not"
        )
        await county.refused("unknown_case", county.transport.returns(case, on="2025-10-10"))
        await county.housing.returns(case, on="2025-10-10")
        assert await county.state(case) == "return_requested"

        await county.refused("role_not_allowed", county.housing.agrees_to_the_return(case, on="2025-10-11"))
        await county.refused("has_an_organisation", county.desk.dispatches(case, to="jt", on="2025-10-11"))
        await county.desk.agrees_to_the_return(case, on="2025-10-11")
        assert await county.state(case) == "returned"
        assert (await county.housing.is_notified())[-1] == (case.id, "returned")
        await county.refused("unknown_case", county.housing.reads(case))

        await county.desk.dispatches(case, to="jt", on="2025-10-13")
        assert await county.transport.is_notified() == [(case.id, "assigned")]


async def test_return_on_sixth_working_day_is_refused() -> None:
    async with story("2025-09-26") as county:
        case = await county.desk.files("施工噪声", on="2025-09-26")
        problem = await county.refused("objection_window_lapsed", county.housing.returns(case, on="2025-10-11"))
        assert "Accept the case, or refuse it" in problem["detail"]
        assert "accept" in problem["allowed"]
        await county.housing.accepts(case, on="2025-10-11")
