"""Query codes can be renewed and end, and the holder of a code learns nothing of a sealed case and cannot end it."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from shared.case.withdrawals import waits_for_person
from shared.kernel.identifiers import query_code
from tests.support.serving import Served, served

TELLING = ("accus", "检举", "控告", "纪检", "监察", "jjw", "sealed", "密", "Discipline", "suspect", "疑似")
"""Words that would tell that a case is an accusation."""
COOLING_OFF = timedelta(days=9)
"""More than the seven days after which a withdrawal takes effect."""
_ids = count(1)


async def made(here: Served, **more: Any) -> dict[str, Any]:
    return await here.filed(received_at="2026-03-01T09:00:00+08:00", **more)


async def opens(here: Served, receipt: dict[str, Any], code: str | None = None) -> httpx.Response:
    async with here.client() as citizen:
        return await citizen.post("/v1/status", json={"number": receipt["number"], "code": code or receipt["code"]})


async def citizen(here: Served, receipt: dict[str, Any], command: str, code: str, **fields: Any) -> httpx.Response:
    body = {"number": receipt["number"], "code": code, "command": command, "command_id": f"z-{next(_ids)}", **fields}
    async with here.client() as client:
        answer = await client.post("/v1/citizens/commands", json=body)
    await here.runtime.drain()
    return answer


async def present_code(here: Served, receipt: dict[str, Any]) -> str:
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    return query_code(here.runtime.ports.keys.secret("query-code"), case.id, case.filing.code_generation)


async def state(here: Served, case: str) -> str:
    return (await here.runtime.ports.cases.load_confirmed(case)).case.state


async def passed(here: Served, time: timedelta) -> None:
    """Time passes, and the ticker looks."""
    here.clock.advance(time.total_seconds())
    (ticker,) = (part.ticker for part in here.runtime.parts if part.ticker is not None)
    while await ticker.look():
        await here.runtime.drain()


async def by_correction(here: Served, case: str) -> None:
    assert (await here.act("registrar", case, "correct", field="class", new="accusation")).is_success


async def by_dispatch(here: Served, case: str) -> None:
    await here.act("registrar", case, "recall")
    answer = await here.act("registrar", case, "dispatch", org="jjw", **{"class": "accusation"})
    assert answer.is_success, answer.text


async def by_confirmation(here: Served, case: str) -> None:
    assert (await here.act("registrar", case, "confirm_accusation")).is_success


SEALINGS = {
    "corrected": (by_correction, {}),
    "dispatched": (by_dispatch, {}),
    "confirmed": (by_confirmation, {"text": "举报局长受贿"}),
}


@pytest.mark.parametrize("way", SEALINGS)
async def test_code_fetched_before_sealing_is_dead(way: str) -> None:
    seal, more = SEALINGS[way]
    async with served() as here:
        receipt = await made(here, **more)
        assert (await opens(here, receipt)).is_success
        await seal(here, receipt["case"])
        for path in ("/v1/status", "/v1/receipt"):
            async with here.client() as client:
                refused = await client.post(path, json={"number": receipt["number"], "code": receipt["code"]})
            assert (refused.status_code, refused.json()["code"]) == (404, "wrong_number_or_code")
        withdrawn = await citizen(here, receipt, "withdraw", receipt["code"])
        assert withdrawn.status_code == 404
        assert (await opens(here, receipt, await present_code(here, receipt))).is_success
        case, _head = await here.runtime.ports.cases.get(receipt["case"])
        assert case.filing.code_generation == 1


async def test_accusation_keeps_code_of_its_receipt() -> None:
    async with served() as here:
        receipt = await made(here, **{"class": "accusation"})
        assert (await here.act("registrar", receipt["case"], "dispatch", org="jjw")).is_success
        assert (await opens(here, receipt)).is_success


async def test_petitioner_and_registrar_renew_code() -> None:
    async with served() as here:
        receipt = await made(here)
        codes = [receipt["code"]]
        renewed = await citizen(here, receipt, "renew_query_code", codes[-1])
        assert renewed.is_success, renewed.text
        codes.append(renewed.json()["code"])
        assert (await here.act("registrar", receipt["case"], "renew_query_code")).json()["code"] == "reason_needed"
        given = await here.act("registrar", receipt["case"], "renew_query_code", reason="回执遗失")
        assert given.is_success and given.json()["code"] is None
        codes.append(await present_code(here, receipt))
        assert len(set(codes)) == 3
        assert [(await opens(here, receipt, code)).status_code for code in codes] == [404, 404, 200]
        for role in ("platform", "clerk", "organisation", "supervisor", "analyst", "operations"):
            refused = await here.act(role, receipt["case"], "renew_query_code", reason="x")
            assert refused.status_code in (403, 404), role
        async with here.client("registrar") as desk:
            page = (await desk.get(f"/v1/cases/{receipt['case']}/receipt")).text
        assert codes[-1] in page and codes[0] not in page


@pytest.mark.parametrize("way", ["printed", "renewed", "filed at the desk"])
async def test_code_that_staff_knew_never_becomes_the_petitioners_own_hand(way: str) -> None:
    """Whoever printed or issued a code could renew it in the petitioner's name: the next one proves no own hand either."""
    async with served() as here:
        receipt = await made(here, **({} if way == "filed at the desk" else {"channel": "province"}))
        desk = here.runtime.ports.cases
        assert (await desk.load_confirmed(receipt["case"])).case.service.code_issued_by == (
            "staff" if way == "filed at the desk" else "own"
        )
        if way == "printed":
            async with here.client("registrar") as client:
                assert (await client.get(f"/v1/cases/{receipt['case']}/receipt")).is_success
        elif way == "renewed":
            assert (await here.act("registrar", receipt["case"], "renew_query_code", reason="回执遗失")).is_success
        code = await present_code(here, receipt)
        for _ in range(2):
            renewed = await citizen(here, receipt, "renew_query_code", code)
            assert renewed.is_success, renewed.text
            code = renewed.json()["code"]
        assert (await citizen(here, receipt, "withdraw", code)).is_success
        case = (await desk.load_confirmed(receipt["case"])).case
        assert case.service.code_issued_by == "staff"
        assert waits_for_person(case, case.withdrawals.pending[0]), "a third unit confirms it"


async def neutral_pair(here: Served) -> tuple[dict[str, Any], dict[str, Any]]:
    """An accusation, and an ordinary filing that waits for dispatch like it."""
    return await made(here, place="nowhere", **{"class": "accusation"}), await made(here, place="nowhere")


@pytest.mark.parametrize("far", ["filed", "dispatched", "accepted", "replied"])
async def test_status_of_sealed_case_tells_no_class(far: str) -> None:
    async with served() as here:
        receipt, ordinary = await neutral_pair(here)
        organ = await here.key_of("clerk", "jjw")
        steps: list[tuple[str, dict[str, Any]]] = [("dispatch", {"org": "jjw"})] if far != "filed" else []
        for command, fields in steps:
            assert (await here.act("registrar", receipt["case"], command, **fields)).is_success
        if far in ("accepted", "replied"):
            handled: list[tuple[str, dict[str, Any]]] = [("sign_off", {}), ("accept", {})]
            if far == "replied":
                handled += [
                    ("finish_accusation", {"text": "y"}),
                    ("deliver_reply", {"mode": "in_person"}),
                ]
            async with here.client(key=organ) as client:
                for command, fields in handled:
                    body = {"command": command, "command_id": f"o-{next(_ids)}", **fields}
                    answer = await client.post(f"/v1/cases/{receipt['case']}/commands", json=body)
                    assert answer.is_success, answer.text
            await here.runtime.drain()
        told, usual = (await opens(here, receipt)).json(), (await opens(here, ordinary)).json()
        said = str(told) + (await citizen(here, receipt, "nudge", receipt["code"])).text
        for command, fields in (("evaluate", {"object": "organisation", "grade": "satisfied"}), ("request_review", {})):
            answer = await citizen(here, receipt, command, receipt["code"], **fields)
            alike = await citizen(here, ordinary, command, ordinary["code"], **fields)
            assert (answer.status_code, answer.json()) == (alike.status_code, alike.json())
            said += answer.text
        assert [word for word in TELLING if word in said] == []
        assert {**told, "number": ""} == {**usual, "number": ""}, "as of any case that waits for dispatch"
        async with here.client() as client:
            page = (await client.post("/v1/receipt", json={"number": receipt["number"], "code": receipt["code"]})).text
        assert [word for word in TELLING if word in page] == []


@pytest.mark.parametrize("who", ["citizen", "registrar"])
async def test_withdrawal_of_sealed_case_waits_for_another_person(who: str) -> None:
    async with served() as here:
        receipt = await made(here, **{"class": "accusation"})
        case = receipt["case"]

        async def ask() -> httpx.Response:
            if who == "citizen":
                return await citizen(here, receipt, "withdraw", receipt["code"])
            proof = {"evidence": "signed_form", "reference": "卷1", "present": "家属"}
            return await here.act("registrar", case, "withdraw", **proof)

        assert (await ask()).is_success
        assert (await ask()).json()["events"] == [], "it waits already"
        assert (await here.runtime.ports.cases.get(case))[0].state == "registered"
        async with here.client("registrar") as desk:
            listed = (await desk.get("/v1/cases", params={"queue": "to_confirm"})).json()["cases"]
        assert [one["id"] for one in listed] == [case]
        declined = await here.act("supervisor", case, "decline_sealed_withdrawal", reason="并非本人意愿")
        assert declined.is_success, declined.text
        nothing = await here.act("supervisor", case, "confirm_sealed_withdrawal", reason="已核实")
        assert nothing.json()["code"] == "no_withdrawal_requested"
        assert (await ask()).is_success
        if who == "registrar":
            own = await here.act("registrar", case, "confirm_sealed_withdrawal", reason="已核实")
            assert own.json()["code"] == "own_request"
        await passed(here, COOLING_OFF)
        assert (await state(here, case)) == "registered", "time alone ends no sealed case"
        done = await here.act("supervisor", case, "confirm_sealed_withdrawal", reason="已当面核实")
        assert done.is_success, done.text
        await passed(here, timedelta(hours=1))
        assert (await state(here, case)) == "withdrawn"


async def test_only_organ_that_handles_sealed_case_confirms() -> None:
    async with served() as here:
        receipt = await made(here, **{"class": "accusation"})
        case = receipt["case"]
        assert (await here.act("registrar", case, "dispatch", org="jjw")).is_success
        assert (await citizen(here, receipt, "withdraw", receipt["code"])).is_success
        body = {"command": "confirm_sealed_withdrawal", "command_id": "w-1", "reason": "已核实"}
        answers = {}
        for role, org in (("clerk", "zj"), ("organisation", "rs"), ("platform", "province"), ("clerk", "jjw")):
            async with here.client(key=await here.key_of(role, org)) as client:
                answers[role, org] = (await client.post(f"/v1/cases/{case}/commands", json=body)).status_code
        assert answers == {
            ("clerk", "zj"): 404,
            ("organisation", "rs"): 404,
            ("platform", "province"): 404,
            ("clerk", "jjw"): 200,
        }


async def test_ordinary_case_is_withdrawn_as_before() -> None:
    async with served() as here:
        platform = await here.filed(channel="province", received_at="2026-03-01T09:00:00+08:00")
        assert (await citizen(here, platform, "withdraw", platform["code"])).is_success
        assert (await state(here, platform["case"])) != "withdrawn"
        await passed(here, COOLING_OFF)
        assert (await state(here, platform["case"])) == "withdrawn"
