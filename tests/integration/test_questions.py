"""Asking the petitioner for more: answered with number and code, no clock stops, and no answer has no consequence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.commands.command import RULES
from tests.support.serving import Served, served

QUESTIONS = ["漏水何时开始？", "是否有照片？"]


async def asked(here: Served, receipt: dict[str, Any]) -> int:
    assert (await here.act("organisation", receipt["case"], "sign_off")).is_success
    answer = await here.act("organisation", receipt["case"], "ask_petitioner", questions=QUESTIONS)
    assert answer.is_success, answer.text
    return int(answer.json()["events"][-1]["version"])


async def status(here: Served, receipt: dict[str, Any]) -> dict[str, Any]:
    async with here.client() as client:
        answer = await client.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})
    found: dict[str, Any] = answer.json()
    return found


async def says(here: Served, receipt: dict[str, Any], command_id: str, **fields: Any) -> Any:
    body = {
        "command": "add_material",
        "command_id": command_id,
        "number": receipt["number"],
        "code": receipt["code"],
        **fields,
    }
    async with here.client() as client:
        return await client.post("/v1/citizens/commands", json=body)


async def shown(here: Served, receipt: dict[str, Any]) -> dict[str, Any]:
    async with here.client("organisation") as client:
        found: dict[str, Any] = (await client.get(f"/v1/cases/{receipt['case']}")).json()
    return found


async def test_the_petitioner_sees_the_questions_and_answers_them() -> None:
    async with served() as here:
        receipt = await here.filed(channel="province")
        before = {one["clock"]: one["due"] for one in (await shown(here, receipt))["deadlines"]}
        version = await asked(here, receipt)
        assert (await status(here, receipt))["questions"] == [
            {"asked": version, "day": "2026-03-02", "questions": QUESTIONS}
        ]
        here.clock.advance(timedelta(days=2))
        waiting = await shown(here, receipt)
        assert (waiting["asked"][0]["questions"], waiting["asked"][0]["answered_at"]) == (2, None)
        after = {one["clock"]: one["due"] for one in waiting["deadlines"]}
        assert {clock: after[clock] for clock in before} == before, "no clock stops"
        assert all(one["excluded_days"] == 0 for one in waiting["deadlines"])
        answered = await says(here, receipt, "a1", asked=version, answers=["三月一日", ""])
        assert answered.is_success, answered.text
        assert (await status(here, receipt))["questions"] == []
        found = await shown(here, receipt)
        assert found["asked"][0]["answered_at"] is not None
        texts = [one["fields"] for one in found["content"]["texts"] if one["type"] == "MaterialAdded"]
        assert texts == [{"answers": ["三月一日", ""]}]


async def test_wrong_answers_are_refused_with_code_and_field() -> None:
    async with served() as here:
        receipt = await here.filed(channel="province")
        version = await asked(here, receipt)
        for fields, code, field in (
            ({}, "nothing_added", "text"),
            ({"answers": ["  "], "asked": version}, "nothing_added", "text"),
            ({"answers": ["是"]}, "asked_needed", "asked"),
            ({"answers": ["是"], "asked": version + 7}, "unknown_questions", "asked"),
            ({"answers": ["一", "二", "三"], "asked": version}, "unknown_questions", "answers"),
        ):
            refused = await says(here, receipt, f"w-{code}-{field}", **fields)
            assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, code, field)
        empty = await here.act("organisation", receipt["case"], "ask_petitioner", questions=["\u200b"])
        assert (empty.status_code, empty.json()["code"]) == (422, "empty_question")


async def test_no_answer_changes_nothing_of_what_may_follow() -> None:
    async with served() as here:
        quiet, told = await here.filed(channel="province"), await here.filed(channel="province")
        assert (await here.act("organisation", quiet["case"], "sign_off")).is_success
        await asked(here, told)
        for receipt in (quiet, told):
            here.clock.advance(timedelta(days=1))
            refused = await here.act("registrar", receipt["case"], "close", kind="explained")
            assert refused.status_code == 409
        one, other = await shown(here, quiet), await shown(here, told)
        assert one["allowed"] == other["allowed"]
        assert one["state"] == other["state"] == "signed"
    words = {str(one.model.model_json_schema()) for name, one in RULES.items() if name in ("close", "not_accept")}
    assert not any("no_answer" in text or "unanswered" in text for text in words), "it is no ground"
