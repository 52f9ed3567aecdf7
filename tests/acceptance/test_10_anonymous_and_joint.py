"""An anonymous filing and a filing with twelve co-petitioners: both are registered, and no name is disclosed (Art. 19, 20,
23).
"""

from __future__ import annotations

from tests.acceptance.vocabulary import story

TWELVE = [{"name": f"联名人{number}", "phone": f"1390000{number:04d}"} for number in range(1, 13)]


async def test_anonymous_filing_is_handled_with_exempted_notice() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("夜间违法施工", on="2026-03-02", channel="letter", anonymous=True)
        shown = await county.housing.reads(case)
        assert shown["anonymous"] is True
        assert shown["content"]["parties"] == {}

        await county.housing.accepts(case, on="2026-03-03")
        await county.refused("reason_needed", county.housing.serves_the_notice(case, on="2026-03-04", kind="exempt"))
        await county.refused(
            "unknown_case", county.transport.serves_the_notice(case, on="2026-03-04", kind="exempt", reason="匿名")
        )
        await county.housing.serves_the_notice(case, on="2026-03-04", kind="exempt", reason="匿名，无法送达")
        await county.housing.decides(case, "explained", on="2026-03-10")
        await county.housing.replies(case, on="2026-03-11")
        assert (await county.citizen_asks(case))["state"] == "replied", "number and code open it without a name"
        await county.day("2026-04-30")
        assert await county.events(case, "DeadlineBreached") == []


async def test_names_of_twelve_co_petitioners_are_visible_to_handlers_only() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files(
            "小区物业问题", on="2026-03-02", petitioner={"name": "代表人甲"}, co_petitioners=TWELVE
        )
        parties = (await county.housing.reads(case))["content"]["parties"]
        joined = [one["name"] for one in parties.values() if one["role"] == "co_petitioner"]
        assert joined == [person["name"] for person in TWELVE]

        await county.refused("unknown_case", county.transport.reads(case))
        await county.refused("unknown_case", county.analyst.reads(case))
        assert "联名人" not in str(await county.citizen_asks(case))
        commits = await county.here.runtime.ports.log.load(f"case/{case.id}")
        assert not any("联名人".encode() in data for commit in commits for data in commit.events), "sealed in the log"
        listed = await county.desk.asks("GET", "/v1/cases")
        assert [one["id"] for one in listed["cases"]] == [case.id], "one filing is one case, however many join"
        assert "联名人" not in str(listed)
