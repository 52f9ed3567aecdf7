"""An unsigned case over National Day: the due date moves past the holiday, and each rung fires once (Art. 23 ¶3, 40)."""

from __future__ import annotations

from collections import Counter
from datetime import date

from tests.acceptance.vocabulary import ZONE, story

LADDER = ("DeadlineAtRisk", "Reminded", "DeadlineBreached")


async def test_unsigned_case_escalates_across_national_day_holiday() -> None:
    async with story("2026-09-18") as county:
        case = await county.desk.files("电梯停运", on="2026-09-18")
        assert await county.due(case, "C3") == "2026-10-08", "15 days end on 3 October, inside the holiday"

        await county.day("2026-10-08 23:00")
        assert await county.events(case, "DeadlineBreached") == [], "the last day is still a day to answer"
        await county.day("2026-11-20")

        rungs = Counter(
            (event.body.clock, event.body.episode, getattr(event.body, "rung", "breach"))
            for event in await county.events(case, *LADDER)
        )
        assert rungs[("C3", 1, "breach")] == 1
        assert {rung for clock, _episode, rung in rungs if clock == "C3"} >= {"at_75", "at_90", "breach"}
        assert set(rungs.values()) == {1}, "each rung once"
        (breach,) = await county.events(case, "DeadlineBreached")
        assert breach.effective_at.astimezone(ZONE).date() == date(2026, 10, 8)
        assert await county.state(case) == "dispatched", "silence accepts nothing and closes nothing"

        await county.refused("unknown_case", county.transport.signs_off(case, on="2026-11-23"))
        await county.housing.signs_off(case, on="2026-11-23")
        await county.housing.serves_the_notice(case, on="2026-11-24")
        await county.day("2026-12-24")
        assert Counter(event.type for event in await county.events(case, *LADDER))["DeadlineBreached"] == 1
