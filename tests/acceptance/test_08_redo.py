"""A dissatisfied petitioner gets a redo with a clock of its own, and both replies are kept (Art. 21, 32)."""

from __future__ import annotations

from tests.acceptance.vocabulary import story


async def test_dissatisfied_petitioner_gets_redo() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("楼道漏水", on="2026-03-02")
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.decides(case, "explained", on="2026-03-10", text="第一次意见")
        await county.housing.replies(case, on="2026-03-11", text="第一次答复")
        await county.desk.notes_the_petitioners_grade(case, "dissatisfied", on="2026-03-12")

        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-03-12"))
        await county.refused("role_not_allowed", county.housing.orders_redo(case, on="2026-03-13"))
        await county.desk.orders_redo(case, on="2026-03-13")
        assert await county.state(case) == "redo_ordered"
        assert (await county.housing.is_notified())[-1] == (case.id, "redo_ordered")
        assert await county.due(case, "C5") == "2026-05-12", "60 days of its own"

        await county.refused("not_in_this_state", county.housing.replies(case, on="2026-03-14"))
        await county.housing.visits_the_site(case, on="2026-03-16")
        await county.housing.decides(case, "explained", on="2026-03-20", text="第二次意见")
        await county.housing.replies(case, on="2026-03-23", text="第二次答复")
        await county.refused("not_confirmed", county.desk.closes(case, "resolved_confirmed", on="2026-03-24"))
        await county.desk.notes_the_petitioners_grade(case, "satisfied", on="2026-03-24")

        replies = await county.events(case, "ReplyDelivered")
        assert len(replies) == 2
        texts = [
            one["fields"]["text"]
            for one in (await county.desk.reads(case))["content"]["texts"]
            if "text" in one["fields"]
        ]
        for wording in ("第一次意见", "第一次答复", "第二次意见", "第二次答复"):
            assert wording in texts
        await county.desk.closes(case, "explained", on="2026-03-25")
