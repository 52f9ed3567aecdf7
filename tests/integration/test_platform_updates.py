"""Updates for a platform about its cases, over HTTP: every step, to that platform only, with texts by a recorded GET."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.application.access_keys import PEOPLE
from shared.case.evolve import changed
from shared.kernel.identifiers import query_code
from tests.support.deciding import GUIDANCE, PROOF
from tests.support.platform import PLATFORM, Topic, filing
from tests.support.serving import Served, served


class Platform:
    """A platform with its key."""

    def __init__(self, here: Served, key: str) -> None:
        self.here = here
        self.key = key

    async def get(self, path: str, **query: Any) -> Any:
        async with self.here.client(key=self.key) as client:
            answer = await client.get(f"/v1/platforms/{PLATFORM}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def files(self, item: str, **more: Any) -> str:
        async with self.here.client(key=self.key) as client:
            answer = await client.post("/v1/submissions", json=filing(item, **more))
        assert answer.status_code in (200, 201), answer.text
        await self.here.runtime.drain()
        case: str = answer.json()["case"]
        return case

    async def heard(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("updates", limit=200))["entries"]
        return found


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with served() as here:
        key = await here.key_of("platform", PLATFORM)
        here.clock.advance(2)
        yield Platform(here, key)


async def live(here: Served, case: str, *steps: tuple[str, str, dict[str, Any]]) -> None:
    for role, command, fields in steps:
        here.clock.advance(60)
        answer = await here.act(role, case, command, **fields)
        assert answer.status_code == 200, answer.text


DECISION = "经核查，已修好漏水"
LIFE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("clerk", "sign_off", {}),
    ("clerk", "accept", {"path": 6}),
    ("clerk", "serve_notice", {"kind": "acceptance"}),
    ("clerk", "ask_extension", {"days": 10, "reason": "情况复杂"}),
    ("head", "grant_extension", {"days": 10, "approver": "王局长", "reason": "须鉴定"}),
    ("clerk", "record_step", {"step": "site_visit"}),
    ("clerk", "decide", {"result": "supported", "basis": ["条例第三十二条"], "text": DECISION}),
    ("clerk", "deliver_reply", {"mode": "in_person", "text": "答复如下"}),
    ("clerk", "correct_reply", {"text": "更正日期"}),
    ("clerk", "confirm_execution", {}),
    ("registrar", "correct", {"field": "subject", "new": "0103"}),
    ("registrar", "evaluate", {"object": "organisation", "grade": "satisfied"} | PROOF),
    ("supervisor", "follow_up", {"reached": True, "satisfied": True}),
    ("supervisor", "close", {"kind": "resolved_unconfirmed"}),
)


async def test_platform_receives_every_case_step_in_order(platform: Platform) -> None:
    here = platform.here
    here.keys["head"] = await here.key_of("clerk", "zj", head=True)
    here.clock.advance(2)
    case = await platform.files("P-1")
    await live(here, case, *LIFE)
    heard = await platform.heard()
    assert [(one["kind"], one["detail"]) for one in heard] == [
        ("registered", None),
        ("sent", "transferred"),
        ("accepted", "6"),
        ("notice", "acceptance"),
        ("extended", "10"),
        ("replied", "in_person"),
        ("invited", "petition_office"),
        ("invited", "organisation"),
        ("corrected", "reply"),
        ("corrected", "subject"),
        ("closed", "resolved_unconfirmed"),
    ]
    assert [one["id"] for one in heard] == list(range(1, len(heard) + 1))
    assert {one["item"] for one in heard} == {"P-1"} and {one["case"] for one in heard} == {case}
    versions = [one["version"] for one in heard]
    assert versions == sorted(versions) and len(set(versions)) == len(versions)
    extended = heard[4]
    handling = [clock["due"] for clock in heard[2]["due"] if clock["clock"] == "C5"]
    later = [clock["due"] for clock in extended["due"] if clock["clock"] == "C5"]
    assert handling and later and later[0] > handling[0], "until when"
    assert DECISION not in str(heard) and "须鉴定" not in str(heard)


async def test_texts_are_read_by_recorded_request_after_reply_only(platform: Platform) -> None:
    here = platform.here
    here.keys["head"] = await here.key_of("clerk", "zj", head=True)
    here.clock.advance(2)
    case = await platform.files("P-1")
    await live(here, case, *LIFE[:7])
    before = await platform.get(f"answers/{case}")
    assert [one["type"] for one in before["texts"]] == ["ExtensionGranted"]
    assert before["texts"][0]["fields"] == {"reason": "须鉴定"}
    await live(here, case, *LIFE[7:9])
    after = await platform.get(f"answers/{PLATFORM}:P-1")
    texts = {one["type"]: one["fields"] for one in after["texts"]}
    assert texts["DecisionIssued"] == {"text": DECISION, "basis": ["条例第三十二条"]}
    assert texts["ReplyDelivered"] == {"text": "答复如下"} and texts["ReplyCorrected"] == {"text": "更正日期"}
    assert "王局长" not in str(after) and "楼道漏水" not in str(after)
    reads = [e.body.purposes for c in await here.runtime.ports.log.load(f"reads/{case}") for e in c.recorded]  # type: ignore[union-attr]
    assert reads == [("text",), ("text",)]


async def test_query_code_is_read_by_recorded_request(platform: Platform) -> None:
    here = platform.here
    topic = Topic(here.runtime)
    case = (await topic.sends(filing("P-1")))[0]["case"]
    receipt = await platform.get(f"receipts/{PLATFORM}:P-1")
    assert receipt["code"] == query_code(here.runtime.ports.keys.secret("query-code"), case)
    assert receipt["case"] == case and receipt["number"]
    assert len(await here.runtime.ports.log.load(f"reads/{case}")) == 1


async def test_other_platforms_get_not_found(platform: Platform) -> None:
    here = platform.here
    case = await platform.files("P-1")
    own = await here.filed()
    other = await here.key_of("platform", "h12345")
    here.clock.advance(2)
    paths = ("updates", f"receipts/{case}", f"answers/{case}")
    for key in (other, *(here.keys[role] for role in PEOPLE)):
        async with here.client(key=key) as client:
            for path in paths:
                answer = await client.get(f"/v1/platforms/{PLATFORM}/{path}")
                assert (answer.status_code, answer.json()["code"]) == (404, "unknown_platform"), path
    async with here.client(key=other) as client:
        assert (await client.get("/v1/platforms/h12345/updates")).json()["entries"] == []
        for path in (f"receipts/{case}", f"answers/{case}"):
            answer = await client.get(f"/v1/platforms/h12345/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_case")
        assert (await client.get(f"/v1/platforms/{PLATFORM}/days/2026-03-02")).status_code == 404
    async with here.client(key=platform.key) as client:
        assert (await client.get(f"/v1/platforms/{PLATFORM}/receipts/{own['case']}")).status_code == 404
        assert (await client.get(f"/v1/platforms/{PLATFORM}/days/2026-3-2")).status_code == 422
    async with here.client("operations") as client:
        assert (await client.get("/v1/platforms/nobody/days/2026-03-02")).status_code == 404


async def test_updates_are_read_from_zero_in_pages_and_with_waiting(platform: Platform) -> None:
    here = platform.here
    for number in range(7):
        await platform.files(f"P-{number}")
    whole = await platform.heard()
    found: list[dict[str, Any]] = []
    after, more = 0, True
    while more:
        page = await platform.get("updates", after=after, limit=3)
        found, after, more = found + page["entries"], page["after"], page["more"]
    assert found == whole and len(whole) == 14
    waiting = asyncio.create_task(platform.get("updates", after=after, wait=20))
    await asyncio.sleep(0.05)
    await platform.files("P-new")
    assert [one["item"] for one in (await waiting)["entries"]][:1] == ["P-new"]
    assert (await platform.get("updates", after=1000))["entries"] == []
    assert here.runtime.broken is None


async def test_platform_receives_other_case_endings(platform: Platform) -> None:
    here = platform.here
    refused = await platform.files("N-1")
    await live(
        here, refused, ("clerk", "sign_off", {}),
        ("clerk", "not_accept", {"reason_code": "outside_mandate", "reason": "不属于职权", "remedy": "可向上级反映"}),
    )  # fmt: skip
    assert [(one["kind"], one["detail"]) for one in await platform.heard()][-1] == ("not_accepted", "outside_mandate")
    texts = (await platform.get(f"answers/{refused}"))["texts"]
    assert texts[0]["fields"] == {"reason": "不属于职权", "remedy": "可向上级反映"}
    lead = await platform.files("L-1")
    follower = await platform.files("L-2")
    await live(here, follower, ("registrar", "link", {"lead": lead, "reason": "同一事项"}))
    await live(here, follower, ("registrar", "unlink", {"reason": "不是"}))
    guided = await platform.files("G-1", place=None, subject=None, text="请问")
    await live(here, guided, ("registrar", "guide", {"path": 4, **GUIDANCE}))
    void = await platform.files("V-1")
    await live(here, void, ("registrar", "void", {"reason_code": "test"}))
    told = [(one["item"], one["kind"], one["detail"]) for one in await platform.heard()]
    for expected in (
        ("L-2", "linked", "same_matter"),
        ("L-2", "unlinked", "same_matter"),
        ("G-1", "guided", "4"),
        ("V-1", "closed", "voided"),
    ):
        assert expected in told
    assert not any("L-1" in str(one) for one in await platform.heard() if one["item"] == "L-2")


async def test_erasure_removes_item_from_update_entries(platform: Platform) -> None:
    here = platform.here
    case = await platform.files("P-1")
    await here.runtime.ports.keys.erase(case, "p1")
    heard = await platform.heard()
    assert [(one["kind"], one["item"], one["case"]) for one in heard] == [
        ("registered", None, case),
        ("sent", None, case),
    ]


async def test_accused_platform_receives_no_further_updates(platform: Platform) -> None:
    """Art. 30: the platform filed the accusation and keeps the number, but receives no updates about it."""
    here = platform.here
    async with here.client(key=await here.key_of("platform", PLATFORM)) as client:
        body = filing("A-1", **{"class": "accusation", "respondent": {"name": "某人", "org": "zj"}})
        assert (await client.post("/v1/submissions", json=body)).status_code == 201
    await here.runtime.drain()
    case = (await platform.heard())[0]["case"]
    found = (await here.runtime.ports.cases.get(case))[0]
    assert found.accusation.accused == ("zj",)

    from services.intake.platform_notifications import told_of
    from shared.consumers.reaction import Trigger

    event = (await here.runtime.ports.log.load(found.stream))[0].recorded[0]
    assert told_of(Trigger(found, event), event.body)
    assert not told_of(Trigger(changed(found, {"accusation": {"accused": (PLATFORM,)}}), event), event.body)
    assert not told_of(Trigger(changed(found, {"filing": {"platform": None}}), event), event.body)
