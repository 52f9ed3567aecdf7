"""Review, forwarding and parties over HTTP: the citizen uses the query code, and each actor may only do its own part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx
import orjson
import pytest

from shared.eventstore.commit import Commit
from tests.support.deciding import PROOF
from tests.support.serving import Served, served, submission

DAY = 86400
_ids = count(1)


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def asked(here: Served, receipt: dict[str, Any]) -> dict[str, Any]:
    async with here.client() as citizen:
        answer = await citizen.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})
    told: dict[str, Any] = answer.json()
    return told


async def by(here: Served, key: str, case: str, command: str, **fields: Any) -> httpx.Response:
    body = {"command": command, "command_id": f"{command}-{next(_ids)}", **fields}
    async with here.client(key=key) as client:
        answer = await client.post(f"/v1/cases/{case}/commands", json=body)
    await here.runtime.drain()
    return answer


async def replied(here: Served, **fields: Any) -> dict[str, Any]:
    receipt = await here.filed(**fields)
    if "respondent" in fields:  # it is a suspected accusation until a person has read it
        assert (await here.act("registrar", receipt["case"], "clear_suspicion")).status_code == 200
    for command, more in (
        ("accept", {"path": 6}),
        ("serve_notice", {"kind": "acceptance"}),
        ("decide", {"result": "not_supported", "basis": ["条例"], "text": "不予支持"}),
        ("deliver_reply", {"mode": "in_person"}),
    ):
        answer = await here.act("clerk", receipt["case"], command, **more)
        assert answer.status_code == 200, answer.text
    return receipt


async def stream(here: Served, receipt: dict[str, Any]) -> list[Commit]:
    return list(await here.runtime.ports.log.load(f"case/{receipt['case']}"))


async def test_citizen_reaches_conclusion_after_review_and_re_review(here: Served) -> None:
    receipt = await replied(here)
    case = receipt["case"]
    told = await asked(here, receipt)
    assert told["may_ask"] == {
        "command": "request_review",
        "until": "2026-04-01",
        "zh": "对处理意见不服的，您可以申请复查，期限至2026年4月1日（《信访工作条例》第三十五条第一款）。",
        "en": "If you do not agree with the reply you may ask for a review, until 2026-04-01 (Regulation Art. 35 ¶1).",
        "article": "《信访工作条例》第三十五条第一款 (Regulation Art. 35 ¶1)",
        "bodies": [],
        "provisional": False,
    }
    assert told["zh"].endswith(told["may_ask"]["zh"])
    assert told["en"].endswith(told["may_ask"]["en"])
    here.clock.advance(10 * DAY)
    answer = await here.as_citizen(receipt, "request_review", text="不服")
    assert (answer.status_code, answer.json()["state"]) == (200, "in_review")
    told = await asked(here, receipt)
    assert "示例市复查复核委员会" in told["zh"]
    assert told["may_ask"] is None
    assert told["due_because"].startswith("《信访工作条例》第三十五条第二款")
    body, above = await here.key_of("clerk", "fc"), await here.key_of("organisation", "sfc")
    async with here.client(key=body) as reviewer:
        whole = (await reviewer.get(f"/v1/cases/{case}")).json()
        listed = (await reviewer.get("/v1/cases?queue=to_review")).json()["cases"]
        (entry,) = (await reviewer.get("/v1/organisations/fc/assignments")).json()["entries"]
    assert whole["content"]["parties"]["p1"]["name"] == "张三"
    assert "不服" in orjson.dumps(whole).decode()
    assert [one["id"] for one in listed] == [case]
    assert (entry["kind"], [one["clock"] for one in entry["due"]]) == ("review_requested", ["C7"])
    assert (await by(here, body, case, "accept_review")).status_code == 200
    assert (await by(here, body, case, "issue_review_opinion", result="upheld", text="维持")).json()[
        "state"
    ] == "reviewed"
    here.clock.advance(40 * DAY)  # receipt by the petitioner is not recorded, so the period has not started
    open_ended = (await asked(here, receipt))["may_ask"]
    assert (open_ended["command"], open_ended["until"]) == ("request_re_review", None)
    assert "within 30 days of receiving it" in open_ended["en"] and "自收到之日起30日" in open_ended["zh"]
    assert (await by(here, body, case, "deliver_opinion")).status_code == 200
    dated = (await asked(here, receipt))["may_ask"]
    assert (dated["command"], dated["until"]) == ("request_re_review", "2026-05-21")
    assert (await here.as_citizen(receipt, "request_re_review")).json()["state"] == "in_re_review"
    async with here.client(key=body) as reviewer:
        assert (await reviewer.get(f"/v1/cases/{case}")).status_code == 404
    done = await by(here, above, case, "issue_re_review_opinion", result="changed", decision="supported", text="变更")
    assert done.json()["state"] == "concluded"
    refused = await here.act("supervisor", case, "close", kind="resolved_unconfirmed")
    assert refused.json()["code"] == "not_executed"
    assert (await here.act("clerk", case, "confirm_execution")).status_code == 200
    assert (await here.act("supervisor", case, "close", kind="resolved_unconfirmed")).json()["state"] == "closed"


async def test_wrong_actors_are_refused_without_changes(here: Served) -> None:
    receipt = await replied(here)
    case = receipt["case"]
    assert (await here.act("clerk", case, "request_review")).status_code == 403
    other = await here.filed()
    swapped = await here.as_citizen({**receipt, "code": other["code"]}, "request_review")
    assert (swapped.status_code, swapped.json()["code"]) == (404, "wrong_number_or_code")
    backdated = await here.as_citizen(receipt, "request_review", effective_at="2026-03-02")
    assert backdated.status_code == 422
    assert (await here.as_citizen(receipt, "sign_off")).json()["code"] == "unknown_command"
    assert (await here.as_citizen(receipt, "request_review")).status_code == 200
    before = await stream(here, receipt)
    own = await here.act("clerk", case, "issue_review_opinion", result="upheld", text="维持")
    assert (own.status_code, own.json()["code"]) == (403, "not_your_review")
    stranger = await here.key_of("clerk", "jt")
    assert (await by(here, stranger, case, "accept_review")).status_code == 404
    assert (await here.act("registrar", case, "issue_review_opinion", result="upheld", text="x")).status_code == 403
    assert (await here.act("clerk", case, "name_review_body", body="zj")).status_code == 403
    assert await stream(here, receipt) == before


async def test_refusal_after_review_window_lists_possible_commands(here: Served) -> None:
    receipt = await replied(here)
    here.clock.advance(31 * DAY)
    assert (await asked(here, receipt))["may_ask"] is None
    refused = (await here.as_citizen(receipt, "request_review")).json()
    assert refused["code"] == "review_window_lapsed"
    assert "2026-04-01" in refused["detail"]
    assert "new matter" in refused["detail"]
    assert "另行提出" in refused["detail_zh"]
    in_time = await here.act("registrar", receipt["case"], "request_review", effective_at="2026-04-01", **PROOF)
    assert in_time.status_code == 200, in_time.text


async def test_review_request_without_review_body_waits_in_queue(here: Served) -> None:
    receipt = await replied(here, respondent={"name": "某委", "org": "fc"})
    assert (await here.as_citizen(receipt, "request_review")).json()["state"] == "in_review"
    async with here.client("registrar") as desk:
        listed = (await desk.get("/v1/cases?queue=to_name_reviewer")).json()["cases"]
    assert [one["id"] for one in listed] == [receipt["case"]]
    assert (await here.act("registrar", receipt["case"], "name_review_body", body="sfc")).status_code == 200
    async with here.client(key=await here.key_of("clerk", "fc")) as accused:
        assert (await accused.get(f"/v1/cases/{receipt['case']}")).status_code == 404
        assert (await accused.get("/v1/organisations/fc/assignments")).json()["entries"] == []


async def test_citizen_uses_citizen_commands(here: Served) -> None:
    receipt = await replied(here)
    for command, fields in (
        ("nudge", {"text": "进展如何"}),
        ("add_material", {"text": "补充"}),
        ("evaluate", {"object": "organisation", "grade": "dissatisfied"}),
        ("request_confidentiality", {}),
    ):
        answer = await here.as_citizen(receipt, command, **fields)
        assert answer.status_code == 200, answer.text
        again = await here.as_citizen(receipt, command, **fields)
        assert again.json() == {**answer.json(), "repeated": True}
    async with here.client("clerk") as clerk:
        shown = (await clerk.get(f"/v1/cases/{receipt['case']}")).text
    assert "张三" not in shown
    async with here.client() as guesser:
        for _ in range(10):
            wrong = {"number": receipt["number"], "code": "0" * 26, "command": "nudge", "command_id": "x"}
            assert (await guesser.post("/v1/citizens/commands", json=wrong)).status_code == 404
        assert (await guesser.post("/v1/citizens/commands", json=wrong)).status_code == 429


async def test_forwarded_case_returns_to_forwarder(here: Served) -> None:
    receipt = await here.filed()
    case = receipt["case"]
    await here.act("registrar", case, "recall")
    assert (await here.act("registrar", case, "dispatch", org="dhq")).status_code == 200
    district, street = await here.key_of("clerk", "dhq"), await here.key_of("clerk", "dhyl")
    assert (await by(here, street, case, "sign_off")).status_code == 404
    assert (await by(here, district, case, "forward_down", to="zj")).json()["code"] == "not_a_subordinate"
    assert (await by(here, district, case, "forward_down", to="dhyl")).status_code == 200
    async with here.client(key=street) as clerk:
        listed = (await clerk.get("/v1/cases?queue=forwarded&org=dhyl")).json()["cases"]
        assert [(one["id"], one["org"], one["holder"]) for one in listed] == [(case, "dhq", "dhyl")]
        (entry,) = (await clerk.get("/v1/organisations/dhyl/assignments")).json()["entries"]
        assert (entry["kind"], entry["detail"]) == ("forwarded", "dhq")
    async with here.client(key=district) as clerk:
        assert [one["id"] for one in (await clerk.get("/v1/cases")).json()["cases"]] == [case]
    assert (await by(here, street, case, "sign_off")).status_code == 200
    assert (await by(here, street, case, "hand_back", reason_code="not_our_place")).status_code == 200
    assert (await by(here, street, case, "accept", path=6)).status_code == 404
    assert (await by(here, district, case, "accept", path=6)).json()["state"] == "accepted"


def joint(representatives: tuple[int, ...] = (1, 2, 5)) -> dict[str, Any]:
    people = [{"name": f"联名人{place}", "phone": f"1380000{place:04}"} for place in range(1, 13)]
    return submission(channel="hall", co_petitioners=people, representatives=representatives, confidential=True)


async def test_names_of_twelve_co_petitioners_are_hidden_from_organisation(here: Served) -> None:
    line, single = joint(), joint()
    async with here.client("registrar") as desk:
        one = await desk.post("/v1/submissions", json=single)
        many = await desk.post(
            "/v1/submissions:batch", content=orjson.dumps(line), headers={"content-type": "application/x-ndjson"}
        )
        assert one.status_code == 201, one.text
        cases = [one.json()["case"], orjson.loads(many.content)["receipt"]["case"]]
        await here.runtime.drain()
        for case in cases:
            parties = (await desk.get(f"/v1/cases/{case}")).json()["content"]["parties"]
            assert [parties[f"p{place}"]["name"] for place in range(2, 14)] == [
                f"联名人{place}" for place in range(1, 13)
            ]
        too_many = await desk.post("/v1/submissions", json=joint((1, 2, 3, 4, 5, 6)))
    assert (too_many.status_code, too_many.json()["code"]) == (422, "too_many_representatives")
    assert too_many.json()["field"] == "representatives"
    events = [event for commit in await here.runtime.ports.log.load(f"case/{cases[0]}") for event in commit.recorded]
    kids = {(part["party"], part["purpose"]): part["kid"] for event in events for part in event.sealed}
    identities = [kid for (_party, purpose), kid in kids.items() if purpose == "identity"]
    assert len(identities) == len(set(identities)) == 13
    for key in (here.keys["clerk"], here.keys["organisation"], here.keys["platform"]):
        async with here.client(key=key) as onlooker:
            for answer in (await onlooker.get(f"/v1/cases/{cases[0]}"), await onlooker.get("/v1/cases")):
                assert "联名人" not in answer.text
                assert "1380000" not in answer.text
    assert "楼道漏水" in (await _shown(here, "clerk", cases[0]))


async def _shown(here: Served, role: str, case: str) -> str:
    async with here.client(role) as client:
        return (await client.get(f"/v1/cases/{case}")).text
