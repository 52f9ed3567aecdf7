"""Calls and cases that need a skill go to those who have it: to the list of missed calls, and to the clerk of a case."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.integration.test_portal_desk import at_desk, hidden
from tests.support.persons import Staff, invited, staff
from tests.support.serving import Served, served


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def missed(office: httpx.AsyncClient, here: Served, id_: str, **more: Any) -> str:
    body = {"command_id": id_, "number": "13912345678", "missed_at": "2026-01-05T09:00:00+08:00", **more}
    answer = await office.post("/v1/calls", json=body)
    assert answer.status_code == 201, answer.text
    await here.runtime.drain()
    call: str = answer.json()["call"]
    return call


async def registrar(here: Served, code: str, *skills: str) -> Staff:
    return await staff(here, code, "registrar", "xfj", **({"skills": list(skills)} if skills else {}))


async def listed(person: Staff, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await person.get("/v1/calls", **asked)).json()
    return found


async def test_call_waits_for_the_colleague_who_has_the_skill_of_its_line(here: Served) -> None:
    speaks, plain = await registrar(here, "r-1", "dialect"), await registrar(here, "r-2")
    async with here.client("registrar") as office:
        dialect = await missed(office, here, "m-1", line="12345-3")
        anybody = await missed(office, here, "m-2", line="12345")
        firms = await missed(office, here, "m-3", skill="enterprises")
        wrong = await office.post(
            "/v1/calls", json={"command_id": "m-4", "number": "139", "missed_at": "2026-01-05", "skill": "singing"}
        )
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["field"]) == (422, "unknown_skill", "skill")
    own, others = await listed(speaks, mine=True), await listed(plain, mine=True)
    assert {one["call"] for one in own["calls"]} == {dialect, anybody, firms} and own["elsewhere"] == 0
    assert {one["call"] for one in others["calls"]} == {anybody, firms}, (
        "nobody knows enterprises, so it is everybody's"
    )
    assert (others["total"], others["elsewhere"]) == (2, 1)
    assert (await listed(plain))["total"] == 3, "the whole list stays open"
    assert {one["call"]: one["skill"] for one in own["calls"]}[dialect] == "dialect"


async def test_case_is_handed_to_a_present_colleague_with_the_skill_and_twice_to_the_same(here: Served) -> None:
    asking = await registrar(here, "r-0")
    for code in ("r-1", "r-2"):
        await invited(here, code, "registrar", "xfj", skills=["dialect"])
    shares: dict[str, int] = {}
    for place in range(12):
        number = (await here.filed(item=f"s-{place}"))["number"]
        body = {"command_id": f"c-{place}", "clerk": None, "skill": "dialect"}
        first, again = [await asking.post(f"/v1/cases/{number}/clerk", body) for _ in range(2)]
        assert first.json()["clerk"] == again.json()["clerk"] and first.json()["version"] == again.json()["version"]
        shares[first.json()["clerk"]] = shares.get(first.json()["clerk"], 0) + 1
    assert shares.keys() == {"r-1", "r-2"}, "each has a share"
    refusals = {
        "nobody_with_skill": {"clerk": None, "skill": "enterprises"},
        "clerk_and_skill": {"clerk": "r-1", "skill": "dialect"},
        "unknown_skill": {"clerk": None, "skill": "singing"},
    }
    for code, body in refusals.items():
        answer = await asking.post(f"/v1/cases/{number}/clerk", {"command_id": code, **body})
        assert (answer.json()["code"], answer.json()["field"]) == (code, "skill")


async def test_skills_of_a_post_change_and_unknown_ones_are_refused(here: Served) -> None:
    person = await registrar(here, "r-1", "dialect")
    async with here.owner() as owner:

        async def given(**skills: Any) -> httpx.Response:
            return await owner.post("/local/persons/r-1/posts", json={"role": "registrar", "org": "xfj", **skills})

        kept = (await given()).json()["posts"]
        assert [post["skills"] for post in kept] == [["dialect"]], "who says nothing changes nothing"
        changed = (await given(skills=["enterprises", "enterprises"])).json()["posts"]
        assert [(post["id"], post["skills"]) for post in changed] == [(kept[0]["id"], ["enterprises"])]
        assert changed[0]["given_at"] == kept[0]["given_at"]
        refused = await given(skills=["singing"])
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_skill")
        assert "dialect" in refused.json()["detail"] and "方言" not in refused.json()["detail"]
        assert [post["skills"] for post in (await given(skills=[])).json()["posts"]] == [[]]
    here.clock.advance(10)
    me = (await person.get("/v1/me")).json()
    assert [(one["code"], one["own"], one["present"]) for one in me["skills"]] == [
        ("dialect", False, False),
        ("enterprises", False, False),
    ]


async def test_operator_lets_a_colleague_call_back_from_the_call_page(here: Served) -> None:
    await invited(here, "r-1", "registrar", "xfj", skills=["dialect"])
    async with at_desk(here, "operator") as desk:
        page = await desk.get("/desk/call")
        assert "方言（职员r-1）" in page.text and "企业诉求（目前无人在岗）" in page.text
        assert 'name="skill"' not in page.text, "operators hand no case on"
        fields = {"command_id": hidden(page, "command_id"), "do": "ask_colleague"}
        missing = await desk.post("/desk/call", data={**fields, "text": "听不懂"})
        assert missing.status_code == 422 and "请填写回拨号码" in missing.text and "听不懂" in missing.text
        for _ in range(2):
            page = await desk.post("/desk/call", data={**fields, "phone": "13912345678", "needs": "dialect"})
            assert "等待具备该专长的同事回电" in page.text
            await here.runtime.drain()
        assert "另有1个来电等待具备其他专长的同事" in (await desk.get("/desk/call")).text
        assert "<strong>方言</strong>" in (await desk.get("/desk/call?calls=all")).text


async def test_letter_is_registered_for_a_colleague_with_the_skill(here: Served) -> None:
    await invited(here, "r-1", "registrar", "xfj", skills=["enterprises"])
    async with at_desk(here, "registrar") as desk:
        page = await desk.get("/desk/register")
        fields = {
            "command_id": hidden(page, "command_id"),
            "channel": "letter",
            "text": "企业来信",
            "skill": "enterprises",
        }
        page = await desk.post("/desk/register", data=fields)
        number = page.text.partition('href="/desk/case/')[2].partition('"')[0]
        assert number and (await desk.get(f"/desk/case/{number}")).status_code == 200
        page = await desk.post(
            "/desk/register", data={**fields, "command_id": fields["command_id"][::-1], "skill": "dialect"}
        )
        assert 'class="done"' in page.text and "没有具备该专长的在岗人员" in page.text, (
            "registered, and why nobody has it"
        )
    async with here.client("registrar") as office:
        timeline = (await office.get(f"/v1/cases/{number}")).json()["timeline"]
    assert [one["details"]["clerk"] for one in timeline if one["type"] == "ClerkAssigned"] == ["r-1"]
