"""Linked filings over HTTP: candidates, links, what each reader sees, and how a matter ends for all its petitioners."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.deciding import GUIDANCE, PROOF
from tests.support.serving import Served, served

LAMP = "东湖小区三号楼路灯坏了半个月没有人修，晚上老人出门看不清路，请尽快派人维修。"
SAME = "东湖小区3号楼下的路灯坏了很久没人修理，晚上出门看不清路，很不安全。"
OTHER = "楼上餐馆每天排放油烟，窗户都不敢打开，希望环保部门查处。"


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def get(here: Served, path: str, role: str | None = "registrar", key: str | None = None) -> Any:
    async with here.client(role, key=key) as client:
        return await client.get(path)


async def queued(here: Served, **more: Any) -> dict[str, Any]:
    """A filing recalled by the registrar, waiting at the petition office."""
    here.clock.advance(60)
    receipt = await here.filed(**more)
    assert (await here.act("registrar", receipt["case"], "recall")).is_success
    return receipt


async def linked(here: Served, lead: dict[str, Any], **more: Any) -> dict[str, Any]:
    here.clock.advance(60)
    receipt = await here.filed(**more)
    answer = await here.act("registrar", receipt["case"], "link", lead=lead["number"], reason="同一楼道")
    assert answer.is_success, answer.text
    return receipt


async def status(here: Served, receipt: dict[str, Any]) -> dict[str, Any]:
    async with here.client() as citizen:
        answer = await citizen.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_candidates_are_offered_best_first_with_their_reasons(here: Served) -> None:
    lead, far = await here.filed(text=LAMP), await here.filed(text=OTHER)
    elsewhere = await here.filed(text=LAMP, place="dh-hg", subject="0101")
    follower = await linked(here, lead, text=SAME)
    new = await queued(here, text=SAME)
    answer = await get(here, f"/v1/cases/{new['number']}/candidates")
    assert answer.status_code == 200, answer.text
    found = answer.json()["candidates"]
    assert [one["id"] for one in found] == [lead["case"], elsewhere["case"]], (
        "the lead once, although its follower is alike"
    )
    assert found[0]["through"] == follower["number"] and found[0]["similarity"] > found[1]["similarity"]
    assert found[1]["shared"] == [] and answer.json()["cut"] is False
    assert found[0]["shared"] == ["place", "subject"] and 0.05 <= found[0]["similarity"] <= 1
    assert far["case"] not in answer.text and LAMP[:6] not in answer.text
    reads = [
        event
        for commit in await here.runtime.ports.log.load(f"reads/{new['case']}")
        for event in commit.recorded
        if event.body.compared  # type: ignore[union-attr]
    ]
    offered = {lead["case"], elsewhere["case"], follower["case"]}
    assert len(reads) == 1 and set(reads[0].body.compared) == offered  # type: ignore[union-attr]


async def test_candidates_are_shown_to_intake_registrar_only(here: Served) -> None:
    new = await queued(here, text=LAMP)
    path = f"/v1/cases/{new['case']}/candidates"
    for role in ("supervisor", "clerk", "organisation", "platform", "analyst", "operations"):
        answer = await get(here, path, role)
        assert answer.status_code in (403, 404), role
    assert (await here.act("registrar", new["case"], "dispatch", org="zj")).is_success
    late = await get(here, path)
    assert (late.status_code, late.json()["code"]) == (409, "not_at_intake")
    assert (await get(here, "/v1/cases/web:nothing/candidates")).status_code == 404


async def test_accusations_and_open_cases_are_never_candidates_for_each_other(here: Served) -> None:
    sealed = await here.filed(text=LAMP, **{"class": "accusation"}, respondent={"name": "某局", "org": "jy"})
    new = await queued(here, text=LAMP)
    assert (await get(here, f"/v1/cases/{new['case']}/candidates")).json() == {"candidates": [], "cut": False}
    refused = await here.act("registrar", new["case"], "link", lead=sealed["case"], reason="x")
    assert (refused.status_code, refused.json()["code"]) == (409, "accusation_apart")


async def test_matter_has_one_organisation_and_its_inbox_gets_entry(here: Served) -> None:
    lead = await here.filed()
    follower = await linked(here, lead)
    shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert (shown["org"], shown["lead"], shown["matter"]["number"]) == (None, lead["case"], lead["number"])
    assert shown["matter"]["org"]["code"] == "zj"
    assert [one["type"] for one in shown["timeline"]][-2:] == ["AssignmentWithdrawn", "CaseLinked"]
    inbox = (await get(here, "/v1/organisations/zj/assignments", "organisation")).json()["entries"]
    assert [(one["kind"], one["case"], one["detail"]) for one in inbox[-2:]] in (
        [("withdrawn", follower["case"], "follows_lead"), ("joined", lead["case"], follower["number"])],
        [("joined", lead["case"], follower["number"]), ("withdrawn", follower["case"], "follows_lead")],
    )
    refused = await here.act("registrar", follower["case"], "dispatch", org="jy")
    assert (refused.status_code, refused.json()["code"]) == (409, "follow_the_lead")
    assert lead["number"] in refused.json()["detail"] and "dispatch" not in refused.json()["allowed"]
    assert (await here.act("registrar", follower["case"], "add_material", text="补充照片说明")).is_success
    inbox = (await get(here, "/v1/organisations/zj/assignments", "organisation")).json()["entries"]
    assert (inbox[-1]["kind"], inbox[-1]["case"]) == ("material_added", follower["case"])


async def test_unlinked_case_is_routed_again(here: Served) -> None:
    lead = await here.filed()
    follower = await linked(here, lead)
    assert (await here.act("registrar", follower["case"], "unlink", reason="另一楼道")).is_success
    shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert (shown["state"], shown["org"]["code"], shown["lead"]) == ("dispatched", "zj", None)


async def test_handling_organisation_reads_filings_without_petitioner_identity(here: Served) -> None:
    lead = await here.filed()
    follower = await linked(here, lead, text=SAME, petitioner={"name": "李四", "phone": "13900000000"})
    answer = await get(here, f"/v1/cases/{follower['case']}", "clerk")
    assert answer.status_code == 200
    assert SAME in answer.text and "李四" not in answer.text and "13900000000" not in answer.text
    foreign = await here.key_of("clerk", "jt")
    assert (await get(here, f"/v1/cases/{follower['case']}", key=foreign)).status_code == 404
    assert (await get(here, f"/v1/matters/{follower['case']}", key=foreign)).status_code == 404
    refused = await here.act("clerk", follower["case"], "accept", path=6)
    assert (refused.status_code, refused.json()["code"]) == (409, "follow_the_lead")


async def test_matter_lists_filings_page_by_page(here: Served) -> None:
    lead = await here.filed()
    followers = [await linked(here, lead) for _ in range(3)]
    wanted = [lead["number"], *(one["number"] for one in followers)]
    for reference in (lead["case"], followers[1]["number"]):
        for role in ("registrar", "clerk"):
            page = (await get(here, f"/v1/matters/{reference}", role)).json()
            assert [one["number"] for one in page["filings"]] == wanted
            assert [one["leads"] for one in page["filings"]] == [True, False, False, False]
            assert page["after"] is None
    first = (await get(here, f"/v1/matters/{lead['case']}?limit=3")).json()
    rest = (await get(here, f"/v1/matters/{lead['case']}?limit=3&after={first['after']}")).json()
    assert [one["number"] for one in first["filings"] + rest["filings"]] == wanted
    assert (await get(here, f"/v1/matters/{lead['case']}", "analyst")).status_code == 403
    alone = (await get(here, f"/v1/matters/{(await here.filed())['case']}")).json()
    assert len(alone["filings"]) == 1


async def test_petitioner_of_follower_sees_matter_but_no_other_petitioner(here: Served) -> None:
    lead = await here.filed(petitioner={"name": "王五", "phone": "13700000000"})
    follower = await linked(here, lead)
    for role, command, fields in (
        ("clerk", "sign_off", {}),
        ("clerk", "accept", {"path": 6}),
    ):
        assert (await here.act(role, lead["case"], command, **fields)).is_success
    told = await status(here, follower)
    assert "已受理" in told["zh"] and "Housing and Construction" in told["en"] and "Next: " in told["en"]
    assert lead["number"] not in str(told) and lead["case"] not in str(told) and "王五" not in str(told)
    assert any("joined to an older case" in one["en"] for one in told["events"])
    assert (await here.act("registrar", follower["case"], "serve_notice", kind="joined")).is_success
    for role, command, fields in (
        ("clerk", "serve_notice", {"kind": "acceptance"}),
        ("clerk", "decide", {"result": "explained", "basis": ["条例"], "text": "已维修"}),
        ("clerk", "deliver_reply", {"mode": "in_person"}),
        ("registrar", "follow_up", {"reached": True, "satisfied": True}),
        ("registrar", "close", {"kind": "explained"}),
    ):
        answer = await here.act(role, lead["case"], command, **fields)
        assert answer.is_success, answer.text
    told = await status(here, follower)
    assert told["state"] == "closed"
    assert "Outcome: explained" in told["en"] and "处理结果：解释说明" in told["zh"]
    shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert (shown["closure"], shown["matter"]["state"]) == ("merged", "closed")


async def test_follower_petitioner_evaluates_handling_organisation(here: Served) -> None:
    lead = await here.filed()
    follower = await linked(here, lead)
    early = await here.act("registrar", follower["case"], "evaluate", object="organisation", grade="satisfied", **PROOF)
    assert (early.status_code, early.json()["code"]) == (409, "not_invited")
    assert (await here.act("registrar", follower["case"], "serve_notice", kind="joined")).is_success
    for role, command, fields in (
        ("clerk", "sign_off", {}),
        ("clerk", "accept", {"path": 6}),
        ("clerk", "serve_notice", {"kind": "acceptance"}),
        ("clerk", "decide", {"result": "explained", "basis": ["条例"], "text": "已维修"}),
        ("clerk", "deliver_reply", {}),
        ("supervisor", "close", {"kind": "explained"}),
    ):
        assert (await here.act(role, lead["case"], command, **fields)).is_success
    told = await status(here, follower)
    assert "您可以评价" in told["zh"] and "you may evaluate" in told["en"]
    shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert [one["type"] for one in shown["timeline"]][-3:] == ["CaseClosed", "EvaluationInvited", "EvaluationInvited"]
    judged = await here.act(
        "registrar", follower["case"], "evaluate", object="organisation", grade="dissatisfied", **PROOF
    )
    assert judged.is_success, judged.text
    entries = (await get(here, "/v1/organisations/zj/assignments?limit=200", "clerk")).json()["entries"]
    assert (entries[-1]["kind"], entries[-1]["detail"], entries[-1]["number"]) == (
        "evaluated",
        "dissatisfied",
        follower["number"],
    )
    figures = (await get(here, "/v1/stats?by=organisation&measures=satisfaction", "analyst")).json()["figures"]
    of_zj = [one for one in figures if one["group"] == {"organisation": "zj"} and one["of"] == "organisation"]
    assert {one["measure"]: one["denominator"] for one in of_zj} == {"satisfaction": 1, "participation": 2}


async def test_follower_is_not_closed_before_petitioner_notice(here: Served) -> None:
    lead = await here.filed()
    follower = await linked(here, lead)
    for role, command, fields in (
        ("clerk", "sign_off", {}),
        ("registrar", "guide", {"path": 4, **GUIDANCE}),
        ("registrar", "close", {"kind": "guided"}),
    ):
        answer = await here.act(role, lead["case"], command, **fields)
        assert answer.is_success, answer.text
    shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert (shown["state"], [one["clock"] for one in shown["deadlines"] if one["status"] == "running"]) == (
        "registered",
        ["C12"],
    )
    assert (await here.act("registrar", follower["case"], "serve_notice", kind="joined")).is_success
    shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert shown["closure"] == "merged"
    assert "EvaluationInvited" not in str(shown["timeline"]), "nobody was answered"


async def test_voided_or_withdrawn_lead_releases_followers(here: Served) -> None:
    for command, fields in (("void", {"reason_code": "test"}),):
        lead = await here.filed()
        follower = await linked(here, lead)
        assert (await here.act("registrar", lead["case"], command, **fields)).is_success
        shown = (await get(here, f"/v1/cases/{follower['case']}")).json()
        assert (shown["lead"], shown["org"]["code"]) == (None, "zj")


async def test_lead_reclassified_as_accusation_is_not_disclosed(here: Served) -> None:
    lead = await here.filed()
    follower = await linked(here, lead)
    assert (await here.act("registrar", lead["case"], "correct", field="class", new="accusation")).is_success
    registrar = (await get(here, f"/v1/cases/{follower['case']}")).json()
    assert (registrar["lead"], registrar["org"]["code"]) == (None, "zj")
    clerk = await get(here, f"/v1/cases/{follower['case']}", "clerk")
    jy = await here.key_of("clerk", "jy")
    assert clerk.status_code == 200 and (await get(here, f"/v1/cases/{lead['case']}", key=jy)).status_code == 404


async def test_unknown_and_hidden_lead_get_same_refusal(here: Served) -> None:
    hidden = await here.filed(
        **{"class": "accusation"}, respondent={"name": "某办", "org": "xfj"}
    )  # complained of: the petition office itself
    new = await here.filed()
    answers = [
        await here.act("registrar", new["case"], "link", lead=lead, reason="x")
        for lead in (hidden["case"], hidden["number"], "0" * 32, "no such thing", "web:nothing")
    ]
    problems = [{**one.json(), "allowed": None} for one in answers]
    assert {one.status_code for one in answers} == {422}
    assert problems[0]["code"] == "unknown_lead" and all(one == problems[0] for one in problems)
