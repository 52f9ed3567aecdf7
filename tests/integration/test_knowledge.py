"""The knowledge of a jurisdiction: versions, owners, validity; answers and drafts filled from it; signing what was checked."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from tests.support.persons import Staff, staff
from tests.support.serving import OPERATOR, Served, served

_ids = count(1)
HALL = {
    "office": "xfj",
    "title": "办事地点",
    "text": "{{ case_number }}：请到政务大厅二楼办理。",
    "review_on": "2027-01-01",
}


def act(**fields: Any) -> dict[str, Any]:
    return {"command_id": f"k-{next(_ids)}", **fields}


async def put(here: Served, who: str, entry: str, **fields: Any) -> Any:
    async with here.client(who) as client:
        return await client.put(f"/v1/knowledge/{entry}", json=act(**{**HALL, **fields}))


async def test_entry_has_versions_an_owner_and_a_review() -> None:
    async with served() as here:
        saved = await put(here, "registrar", "hall", after=0)
        assert (saved.status_code, saved.json()["version"]) == (200, 1), saved.text
        stale = await put(here, "registrar", "hall", after=0)
        assert (stale.status_code, stale.json()["code"]) == (409, "entry_changed")
        assert (await put(here, "registrar", "hall", text="请到三楼办理。", after=1)).json()["version"] == 2
        async with here.client("clerk") as clerk:
            now = (await clerk.get("/v1/knowledge/hall")).json()
            assert (now["text"], now["usable"], now["review_due"], now["withdrawn"]) == (
                "请到三楼办理。",
                True,
                False,
                False,
            )
            assert "政务大厅二楼" in (await clerk.get("/v1/knowledge/hall", params={"version": 1})).json()["text"]
            both = (await clerk.get("/v1/knowledge/hall/versions")).json()["entries"]
            assert [one["version"] for one in both] == [1, 2]
            assert (await clerk.get("/v1/knowledge/none")).json()["code"] == "unknown_entry"
        refused = await put(here, "clerk", "hall", office="zj")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_entry")
        assert (await put(here, "clerk", "own", office="zj")).status_code == 200
        async with here.client("registrar") as desk:
            assert (await desk.delete("/v1/knowledge/hall", params={"command_id": "w-1"})).json()["version"] == 3
            assert (await desk.delete("/v1/knowledge/hall", params={"command_id": "w-2"})).json()["version"] == 3
            usable = (await desk.get("/v1/knowledge", params={"usable": True})).json()["entries"]
            assert [one["entry"] for one in usable] == ["own"]
            first = (await desk.get("/v1/knowledge", params={"limit": 1})).json()
            assert (first["entries"][0]["entry"], first["after"]) == ("hall", "hall")
            rest = (await desk.get("/v1/knowledge", params={"limit": 1, "after": "hall"})).json()
            assert ([one["entry"] for one in rest["entries"]], rest["after"]) == (["own"], None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"subject": "none"}, "unknown_subject"),
        ({"office": "none"}, "unknown_organisation"),
        ({"valid_from": "2026-05-02", "valid_until": "2026-05-01"}, "wrong_period"),
        ({"review_on": "2001-01-01"}, "review_in_the_past"),
        ({"text": "请拨打１３８００１３８０００"}, "personal_number"),
        ({"text": "{{ case_number.__class__ }}"}, "template_not_allowed"),
        ({"text": "{{ phone }}"}, "template_unknown_field"),
        ({"text": "{{ case_number"}, "template_syntax"),
    ],
)
async def test_wrong_entry_is_refused(fields: dict[str, Any], code: str) -> None:
    async with served() as here:
        refused = await put(here, "registrar", "hall", **fields)
        assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
        assert refused.json()["detail_zh"]
        async with here.client("registrar") as desk:
            assert (await desk.get("/v1/knowledge")).json()["entries"] == []


async def answered(here: Served, case: str, **fields: Any) -> Any:
    async with here.client("registrar") as desk:
        return await desk.post(f"/v1/cases/{case}/commands", json=act(command="answer_at_once", **fields))


async def test_answer_is_filled_from_a_valid_entry() -> None:
    async with served() as here:
        await put(here, "registrar", "hall", subject="01")
        await put(here, "registrar", "old", valid_until="2001-01-01")
        await put(here, "registrar", "later", valid_from="2099-01-01")
        await put(here, "registrar", "name", text="{{ addressee }}您好。")
        await put(here, "registrar", "other", subject="02")
        receipt = await here.filed(**{"class": "consultation", "subject": "0102"})
        case = receipt["case"]
        for entry, code, status in (
            ("old", "entry_expired", 409),
            ("later", "entry_not_yet_valid", 409),
            ("name", "needs_a_draft", 409),
            ("other", "other_subject", 409),
            ("none", "unknown_entry", 404),
            ("hall@7", "unknown_entry", 404),
        ):
            refused = await answered(here, case, **{"from": entry})
            assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
        assert (await answered(here, case)).json()["code"] == "text_needed"
        body = act(command="answer_at_once", **{"from": "hall"})
        async with here.client("registrar") as desk:
            done = await desk.post(f"/v1/cases/{case}/commands", json=body)
            assert done.status_code == 200, done.text
            await put(here, "registrar", "hall", text="别的内容")
            again = await desk.post(f"/v1/cases/{case}/commands", json=body)
            assert again.json()["repeated"], "a later version changes nothing"
            found = (await desk.get(f"/v1/cases/{case}")).json()
        texts = [one["fields"]["text"] for one in found["content"]["texts"] if one["type"] == "AnsweredAtOnce"]
        assert texts == [f"{receipt['number']}：请到政务大厅二楼办理。"]
        events = [e for c in await here.runtime.ports.log.load(f"case/{case}") for e in c.recorded]
        (answer,) = [event.body for event in events if event.type == "AnsweredAtOnce"]
        assert (answer.entry, answer.entry_version) == ("hall", 1)


async def test_draft_is_filled_from_entry_and_case() -> None:
    async with served() as here:
        text = "{{ addressee }}：您反映的“{{ matter }}”（{{ case_number }}），{{ office }}答复如下。"
        assert (await put(here, "registrar", "reply", text=text, basis=["条例第三十二条"])).status_code == 200
        receipt = await here.filed(petitioner={"name": "李明"}, title="路灯不亮")
        secret = await here.filed(petitioner={"name": "王芳"}, title="路灯不亮", confidential=True)
        zhang = await staff(here, "z-01")
        for filed, shown in ((receipt, "李明"), (secret, "")):
            path = f"/v1/cases/{filed['case']}/drafts/reply"
            done = await zhang.post(f"{path}/fill", act(**{"from": "reply"}, after=0))
            assert done.status_code == 200, done.text
            draft = (await zhang.get(path)).json()["content"]
            assert draft["text"].startswith(f"{shown}：您反映的“路灯不亮”（{filed['number']}），")
            assert draft["basis"] == ["条例第三十二条"] and "王芳" not in draft["text"]
        stored = b"".join(b"".join(c.events) for c in await here.runtime.ports.log.load(f"drafts/{receipt['case']}"))
        assert "李明".encode() not in stored and b'"entry":"reply"' in stored
        reads = [e for c in await here.runtime.ports.log.load(f"reads/{receipt['case']}") for e in c.recorded]
        assert ("identity", "text") in [e.body.purposes for e in reads]
        stale = await zhang.post(f"/v1/cases/{receipt['case']}/drafts/reply/fill", act(**{"from": "reply"}, after=0))
        assert (stale.status_code, stale.json()["code"]) == (409, "draft_changed")


async def accepted(here: Served, zhang: Staff) -> str:
    case = str((await here.filed())["case"])
    for command, fields in (("sign_off", {}), ("accept", {"path": 6})):
        answer = await zhang.post(f"/v1/cases/{case}/commands", act(command=command, **fields))
        assert answer.status_code == 200, answer.text
    return case


DECISION = {"result": "explained", "facts": "属实。", "text": "已列入计划。", "basis": ["条例第三十二条"]}


@pytest.mark.parametrize("by", ["key", "person"])
async def test_only_a_checked_text_is_signed_where_the_policy_asks(by: str) -> None:
    async with served(clocks={"signing": {"check": ["decision"], "by": by}}) as here:
        zhang, li = await staff(here, "z-01"), await staff(here, "l-01")
        case = await accepted(here, zhang)
        path = f"/v1/cases/{case}"

        async def sign(**fields: Any) -> tuple[int, str | None]:
            answer = await zhang.post(f"{path}/commands", act(command="decide", **{**DECISION, **fields}))
            return answer.status_code, answer.json().get("code")

        assert await sign() == (409, "not_checked")
        async with here.client(key=zhang.token) as client:
            version = (await client.put(f"{path}/drafts/decision", json=act(content=DECISION))).json()["version"]
        assert await sign() == (409, "not_checked"), "saved, not checked"
        assert (await li.post(f"{path}/drafts/decision/check", act(of=version, agreed=False))).status_code == 200
        assert await sign() == (409, "not_checked"), "sent back"
        assert (await li.post(f"{path}/drafts/decision/check", act(of=version, agreed=True))).status_code == 200
        assert await sign(text="另外的内容") == (409, "other_than_checked")
        assert await sign(facts="不属实。") == (409, "other_than_checked")
        assert await sign(result="not_supported") == (409, "other_than_checked")
        assert await sign() == (200, None)


@pytest.mark.parametrize("by", ["key", "person"])
async def test_a_text_that_the_signer_sent_back_is_signed_by_no_command(by: str) -> None:
    async with served(clocks={"signing": {"check": ["decision"], "by": by}}) as here:
        zhang, li, wang = await staff(here, "z-01"), await staff(here, "l-01"), await staff(here, "w-01")
        case = await accepted(here, zhang)
        path = f"/v1/cases/{case}"

        async def sign() -> tuple[int, str | None]:
            answer = await zhang.post(f"{path}/commands", act(command="decide", **DECISION))
            return answer.status_code, answer.json().get("code")

        async def says(who: Staff, step: str, agreed: bool) -> None:
            answer = await who.post(f"{path}/drafts/decision/{step}", act(of=version, agreed=agreed))
            assert answer.status_code == 200, answer.text

        async with here.client(key=zhang.token) as client:
            version = (await client.put(f"{path}/drafts/decision", json=act(content=DECISION))).json()["version"]
        await says(li, "check", True)
        await says(wang, "sign", False)
        assert await sign() == (409, "not_checked"), "the signer sent it back after the check"
        async with here.client(key=zhang.token) as client:
            body = act(content=DECISION, after=version)
            version = (await client.put(f"{path}/drafts/decision", json=body)).json()["version"]
        await says(li, "check", True)
        await says(wang, "sign", True)
        assert await sign() == (200, None)


async def test_two_keys_of_one_person_are_not_two_persons() -> None:
    async with served(clocks={"signing": {"check": ["decision"], "by": "person"}}) as here:
        zhang = await staff(here, "z-01")
        case = await accepted(here, zhang)
        async with here.client(key=zhang.token) as client:
            saved = await client.put(f"/v1/cases/{case}/drafts/decision", json=act(content=DECISION))
        _id, keyed = await here.runtime.principals.issue(here.runtime.handling("intake"), OPERATOR, "clerk", "zj")
        async with here.client(key=keyed) as key:  # an access key without a person
            body = act(of=saved.json()["version"], agreed=True)
            assert (await key.post(f"/v1/cases/{case}/drafts/decision/check", json=body)).status_code == 200
        refused = await zhang.post(f"/v1/cases/{case}/commands", act(command="decide", **DECISION))
        assert (refused.status_code, refused.json()["code"]) == (409, "not_checked")
