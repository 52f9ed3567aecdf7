"""A letter is registered nine days after its postmark: its clock runs from the postmark, and the delay is visible (Art. 22)."""

from __future__ import annotations

from datetime import date

from tests.acceptance.vocabulary import ZONE, story


async def test_letter_registered_nine_days_after_postmark_counts_from_postmark() -> None:
    async with story("2026-03-02") as county:
        await county.refused(
            "effective_in_future",
            county.desk.files("来信", on="2026-03-11", channel="letter", received_at="2026-03-12"),
        )
        await county.refused(
            "foreign_channel",
            county.platform.files("来信", on="2026-03-11", channel="letter", received_at="2026-03-02"),
        )
        case = await county.desk.files(
            "来信反映房屋开裂", on="2026-03-11", channel="letter", received_at="2026-03-02", subject="1502", place="sl"
        )

        (registered,) = await county.events(case, "CaseRegistered")
        assert registered.effective_at == date(2026, 3, 2)
        assert (registered.recorded_at.astimezone(ZONE).date() - registered.effective_at).days == 9
        assert await county.due(case, "C1") == "2026-03-17", "15 days from the postmark, not from the keying"

        known = f"/v1/cases/{case.id}?content=false&as_of=2026-03-05&known_at="
        await county.refused("not_yet", county.desk.asks("GET", known + "2026-03-05"))
        assert (await county.desk.asks("GET", known + "2026-03-12"))["state"] == "registered"

        await county.refused("role_not_allowed", county.supervisor.dispatches(case, to="zj", on="2026-03-16"))
        await county.desk.dispatches(case, to="zj", on="2026-03-16")
        await county.day("2026-03-20")
        late = [event.body.clock for event in await county.events(case, "DeadlineBreached")]
        assert late == [], "it left on the fourteenth day"


async def test_letter_registered_after_due_date_is_overdue_from_due_date() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files(
            "来信", on="2026-03-20", channel="letter", received_at="2026-03-02", subject="1502", place="sl"
        )
        await county.day("2026-03-20 12:00")
        (breach,) = await county.events(case, "DeadlineBreached")
        assert breach.body.clock == "C1"
        assert breach.effective_at.astimezone(ZONE).date() == date(2026, 3, 17)
        assert breach.recorded_at.astimezone(ZONE).date() == date(2026, 3, 20)
