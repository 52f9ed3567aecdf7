"""A petitioner asks for the erasure of their data; a supervisor sees the request, declines it with a reason or erases."""

from __future__ import annotations

from typing import Any

from tests.support.serving import Served, served

NAMED = {"petitioner": {"name": "张三", "phone": "13800000000"}}


async def asked(here: Served, receipt: dict[str, Any], path: str, **more: Any) -> dict[str, Any]:
    async with here.client() as client:
        answer = await client.post(path, json={"number": receipt["number"], "code": receipt["code"], **more})
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ask(here: Served, receipt: dict[str, Any], command_id: str) -> dict[str, Any]:
    return await asked(
        here, receipt, "/v1/citizens/commands", command="request_erasure", command_id=command_id, text="已经解决"
    )


async def waiting(here: Served) -> list[str]:
    await here.runtime.drain()
    here.clock.advance(3)
    async with here.client("supervisor") as client:
        listed = (await client.get("/v1/cases", params={"queue": "to_decide_erasure"})).json()["cases"]
        counts = (await client.get("/v1/cases/counts")).json()["queues"]
    assert counts["to_decide_erasure"] == len(listed)
    return [one["id"] for one in listed]


async def test_request_is_a_queue_of_supervisors_until_it_is_decided() -> None:
    async with served() as here:
        receipt = await here.filed(**NAMED)
        case = receipt["case"]
        told = await asked(here, receipt, "/v1/status")
        assert told["erasure"] is None and "request_erasure" in told["allowed"]
        assert [one["type"] for one in (await ask(here, receipt, "e-1"))["events"]] == ["ErasureRequested"]
        assert (await ask(here, receipt, "e-2"))["events"] == [], "it waits already"
        assert await waiting(here) == [case]
        assert (await asked(here, receipt, "/v1/status"))["erasure"] == told["today"]
        early = await here.act("supervisor", case, "erase_party", ground="requested", number=receipt["number"])
        assert early.json()["code"] == "case_open"
        declined = await here.act("supervisor", case, "decline_erasure", text="办理期间须保存")
        assert declined.is_success, declined.text
        after = await asked(here, receipt, "/v1/status")
        assert after["erasure"] is None and any("未予删除" in one["zh"] for one in after["events"])
        read = await asked(here, receipt, "/v1/status/documents")
        assert [one["fields"] for one in read["documents"]] == [{"text": "办理期间须保存"}]


async def test_erasure_request_on_sealed_case_looks_like_any_other() -> None:
    async with served() as here:
        usual, sealed = await here.filed(**NAMED), await here.filed(**NAMED, **{"class": "accusation"})
        told = []
        for receipt in (usual, sealed):
            answer = await ask(here, receipt, f"e-{receipt['number']}")
            told.append([one["type"] for one in answer["events"]])
            assert (await asked(here, receipt, "/v1/status"))["erasure"] is not None
        assert told == [["ErasureRequested"]] * 2
        assert (await here.act("supervisor", sealed["case"], "decline_erasure", text="须保存")).is_success
        assert "未予" not in str(await asked(here, sealed, "/v1/status"))


async def test_office_is_named_with_telephone_and_hours() -> None:
    async with served() as here:
        receipt = await here.filed(**NAMED)
        contact = (await asked(here, receipt, "/v1/status"))["contact"]
        assert contact["name"] == "示例市住房和城乡建设局" and contact["telephone"] == "000-5550-0111"
        assert contact["hours"].startswith("工作日") and contact["hours_en"].startswith("working days")
        unclear = await here.filed(**NAMED, place="外地", subject="不明")
        sealed = await here.filed(**NAMED, **{"class": "accusation"})
        office, other = [(await asked(here, one, "/v1/status"))["contact"] for one in (unclear, sealed)]
        assert office == other and office["name"] == "示例市信访局", "no organ of the sealed track is named"
