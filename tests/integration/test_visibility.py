"""Cases excluded from some lists, counts of some cases, and the details that each reader sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.hosting.metrics import Metrics
from shared.http.health import health
from tests.support.serving import Served, served


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def listed(here: Served, role: str = "registrar", key: str | None = None, **wanted: str) -> list[str]:
    async with here.client(role, key=key) as client:
        answer = await client.get("/v1/cases", params=wanted)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["cases"]]


async def status(here: Served, receipt: dict[str, Any]) -> dict[str, Any]:
    async with here.client() as citizen:
        answer = await citizen.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_number_of_voided_case_still_resolves(here: Served) -> None:
    receipt = await here.filed()
    assert (await here.act("registrar", receipt["case"], "void", reason_code="test")).is_success
    told = await status(here, receipt)
    assert told["state"] == "voided"
    assert "registered by mistake" in told["en"]
    assert "作废" in told["zh"]
    async with here.client("registrar") as desk:
        assert (await desk.get(f"/v1/cases/{receipt['number']}")).json()["state"] == "voided"


async def test_voided_case_is_listed_on_request_only(here: Served) -> None:
    kept, voided = (await here.filed())["case"], (await here.filed())["case"]
    await here.act("registrar", voided, "void", reason_code="test")
    for wanted in ({}, {"place": "dh-yl"}, {"subject": "0102"}, {"due_before": "2030-01-01"}):
        assert await listed(here, **wanted) == [kept]
    assert await listed(here, state="voided") == [voided]
    assert await listed(here, "clerk", state="voided") == []


async def test_open_count_contains_open_cases_only(here: Served) -> None:
    await here.filed()
    for receipt in (await here.filed(), await here.filed()):
        await here.act("registrar", receipt["case"], "void", reason_code="test")
    case = (await here.filed())["case"]
    assert (await here.act("registrar", case, "void", reason_code="test")).is_success
    text = (await Metrics().render(here.runtime, await health(here.runtime))).decode()
    assert [line for line in text.splitlines() if line.startswith("petition_open_cases{")] == [
        'petition_open_cases{state="dispatched"} 1.0'
    ]


async def test_organ_for_accusations_lists_its_own_cases(here: Served) -> None:
    sealed = (await here.filed(**{"class": "accusation"}, respondent={"name": "某局", "org": "zj"}))["case"]
    organ, accused = await here.key_of("clerk", "jjw"), await here.key_of("organisation", "zj")
    assert await listed(here, key=organ) == []
    assert (await here.act("registrar", sealed, "dispatch", org="jjw")).is_success
    assert await listed(here, key=organ) == [sealed]
    assert await listed(here, key=await here.key_of("organisation", "jjw"), org="jjw") == [sealed]
    for key in (here.keys["clerk"], accused):
        assert await listed(here, key=key) == await listed(here, key=key, org="jjw") == []
        async with here.client(key=key) as client:
            assert (await client.get(f"/v1/cases/{sealed}")).status_code == 404
            assert (await client.get("/v1/organisations/zj/assignments")).json()["entries"] == []


async def test_accused_organ_for_accusations_lists_nothing(here: Served) -> None:
    sealed = (await here.filed(**{"class": "accusation"}, respondent={"name": "某室", "org": "jjw"}))["case"]
    assert await listed(here, key=await here.key_of("clerk", "jjw")) == []
    assert await listed(here) == [sealed]


async def test_live_or_closed_case_cannot_go_live(here: Served) -> None:
    case = (await here.filed())["case"]
    async with here.client("registrar") as desk:
        offered = (await desk.get(f"/v1/cases/{case}")).json()["allowed"]
    assert "void" in offered
    assert "go_live" not in offered


async def test_citizen_sees_steps_that_concern_them(here: Served) -> None:
    here.keys["head"] = await here.key_of("clerk", "zj", head=True)
    receipt = await here.filed()
    case = receipt["case"]
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("clerk", "sign_off", {}),
        ("clerk", "accept", {"path": 6}),
        ("clerk", "serve_notice", {"kind": "acceptance"}),
        ("clerk", "record_step", {"step": "site_visit"}),
        ("clerk", "ask_extension", {"days": 20, "reason": "案情复杂"}),
        ("head", "grant_extension", {"days": 20, "approver": "局长", "reason": "案情复杂"}),
    ]
    for role, command, fields in steps:
        answer = await here.act(role, case, command, **fields)
        assert answer.is_success, answer.text
    told = await status(here, receipt)
    assert "Housing and Construction" in told["en"]
    assert "示例市住房和城乡建设局" in told["zh"]
    assert "Regulation" not in told["zh"]
    said = [one["en"] for one in told["events"]]
    assert [one for one in said if "classified" in one or "inbox" in one or "signed" in one or "step" in one] == []
    assert "registered" in said[0]
    assert any("Housing and Construction" in one for one in said)
    assert any("示例市住房和城乡建设局" in one["zh"] for one in told["events"])
    assert (
        "The period was extended by 20 days, until 2026-05-21 (Regulation Art. 34); see the notice for the reason."
        in said
    )
    steps = [
        ("clerk", "decide", {"result": "explained", "basis": ["条例"], "text": "已维修"}),
        ("clerk", "deliver_reply", {"mode": "in_person"}),
        ("registrar", "follow_up", {"reached": True, "satisfied": True}),
        ("registrar", "close", {"kind": "explained"}),
    ]
    for role, command, fields in steps:
        assert (await here.act(role, case, command, **fields)).is_success
    closed = (await status(here, receipt))["events"][-1]
    assert any("You are invited to evaluate the" in one["en"] for one in (await status(here, receipt))["events"])
    assert "解释说明" in closed["zh"]
    assert "explained" in closed["en"]
