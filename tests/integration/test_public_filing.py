"""People file without an access key."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest

from services.intake.filing_turns import zero_bits
from shared.http.client_network import PORTAL_HEADER
from tests.support.serving import Served, served

_ids = count(1)


def filing(**more: Any) -> dict[str, Any]:
    return {
        "command_id": f"00000000-0000-4000-{next(_ids):08d}",
        "text": "楼道漏水",
        "place": "dh-yl",
        "subject": "0102",
        "identity": "named",
        "petitioner": {"name": "张三", "phone": "13800000000"},
        **more,
    }


async def send(here: Served, body: dict[str, Any], **headers: str) -> httpx.Response:
    async with here.client() as client:
        answer = await client.post("/v1/public/submissions", json=body, headers=headers)
    await here.runtime.drain()
    return answer


async def test_form_has_what_a_filing_needs() -> None:
    async with served() as here, here.client() as client:
        found = (await client.get("/v1/public/form")).json()
        assert found["jurisdiction"] == "cn-demo" and found["petition_office"]["code"] == "xfj"
        assert [one["code"] for one in found["channels"]] == ["web", "app", "mini", "qr-dh"]
        assert {"code": "dh-yl", "parent": "dh"}.items() <= next(
            one for one in found["places"] if one["code"] == "dh-yl"
        ).items()
        notices = {one["code"]: one for one in found["notices"]}
        assert {"emergency", "privacy", "children", *found["identities"]} <= notices.keys()
        assert all(one["zh"] and one["en"] and one["source"] for one in notices.values())
        assert (await client.get("/v1/public/form", params={"jurisdiction": "nowhere"})).status_code == 409


async def test_form_sent_twice_is_one_case_with_one_receipt() -> None:
    async with served() as here:
        body = filing()
        first, second = await send(here, body), await send(here, body)
        assert (first.status_code, second.status_code) == (201, 200), first.text
        assert first.json() | {"repeated": True} == second.json()
        case, _head = await here.runtime.ports.cases.get(first.json()["case"])
        assert (case.assignment.org, case.filing.channel) == ("zj", "web")
        other = await send(here, {**body, "text": "另一件事"})
        assert (other.status_code, other.json()["code"]) == (409, "same_id_other_content")
        assert first.json()["code"] not in other.text


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"petitioner": None}, "petitioner.name", "name_needed"),
        ({"petitioner": {"name": " "}}, "petitioner.name", "name_needed"),
        ({"identity": "confidential", "petitioner": {"phone": "1"}}, "petitioner.name", "name_needed"),
        ({"identity": "anonymous"}, "petitioner", "anonymous_with_name"),
        ({"channel": "letter"}, "channel", "channel_not_public"),
        ({"channel": "province"}, "channel", "channel_not_public"),
        ({"channel": "zj-window"}, "channel", "channel_not_public"),
        ({"command_id": "short"}, "command_id", "invalid_body"),
        ({"command_id": "13800000000-13800000000"}, "command_id", "invalid_body"),
        ({"received_at": "2020-01-01"}, "received_at", "invalid_body"),
        ({"urgency": "urgent"}, "urgency", "invalid_body"),
        ({"text": "\u200b"}, "text", "invalid_body"),
    ],
)
async def test_wrong_filing_names_its_field(fields: dict[str, Any], field: str, code: str) -> None:
    async with served() as here:
        answer = await send(here, filing(**fields))
        assert answer.status_code == 422, answer.text
        assert field in answer.text and answer.json()["detail_zh"]
        if code != "invalid_body":
            assert answer.json()["code"] == code


async def test_identity_is_kept_as_chosen() -> None:
    async with served() as here:
        confidential = await send(here, filing(identity="confidential"))
        anonymous = await send(here, filing(identity="anonymous", petitioner=None))
        joint = await send(here, filing(co_petitioners=[{"name": "李四"}], representatives=[1], agent={"name": "王五"}))
        for answer in (confidential, anonymous, joint):
            assert answer.status_code == 201, answer.text
        cases = [
            (await here.runtime.ports.cases.get(one.json()["case"]))[0] for one in (confidential, anonymous, joint)
        ]
        assert [one.filing.confidential for one in cases] == [True, False, False]
        assert {role for _party, role in cases[2].filing.parties} == {"petitioner", "co_petitioner", "agent"}
        async with here.client("clerk") as clerk:
            shown = await clerk.get(f"/v1/cases/{cases[0].id}")
            assert "张三" not in shown.text and "楼道漏水" in shown.text


async def test_network_that_files_too_often_waits_and_others_do_not() -> None:
    async with served(public_filings=3) as here:

        def one(last: int) -> dict[str, str]:
            return {PORTAL_HEADER: here.keys["portal"], "forwarded": f"for=203.0.113.{last}"}

        body = filing()
        statuses = [(await send(here, body, **one(1))).status_code for _ in range(5)]
        assert statuses == [201, 200, 200, 200, 200], "a repeat is not counted"
        statuses = [(await send(here, filing(), **one(1))).status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        waiting = await send(here, filing(), **one(1))
        assert (waiting.json()["code"], int(waiting.headers["retry-after"]) > 0) == ("too_many_filings", True)
        assert (await send(here, filing(), **one(2))).status_code == 201
        here.clock.advance(61)
        assert (await send(here, filing(), **one(1))).status_code == 201


async def test_filing_over_the_limit_has_a_turn_and_is_never_refused() -> None:
    async with served(public_filings=2) as here:
        for _ in range(2):
            assert (await send(here, filing())).status_code == 201
        late, hurried = filing(), filing()
        queued, other = await send(here, late), await send(here, hurried)
        assert queued.status_code == other.status_code == 429
        turn, bits, wait = queued.json()["turn"], queued.json()["bits"], int(queued.headers["retry-after"])
        assert (await send(here, {**late, "turn": turn})).json()["turn"] == turn, "it keeps its place"
        stolen = await send(here, {**filing(), "turn": turn})
        assert stolen.status_code == 429 and stolen.json()["turn"] != turn
        answer = next(str(one) for one in count() if zero_bits(other.json()["turn"], str(one)) >= other.json()["bits"])
        assert bits >= 16
        at_once = await send(here, {**hurried, "turn": other.json()["turn"], "work": answer})
        assert at_once.status_code == 201, at_once.text
        again = await send(here, {**hurried, "turn": other.json()["turn"], "work": answer})
        assert again.json() == at_once.json() | {"repeated": True}
        here.clock.advance(wait)
        assert (await send(here, {**late, "turn": turn})).status_code == 201


async def test_sign_names_its_place_and_an_unknown_one_is_queued() -> None:
    async with served() as here:
        async with here.client() as client:
            known = (await client.get("/v1/public/form", params={"qr": "LD-0417"})).json()["scanned"]
            unknown = (await client.get("/v1/public/form", params={"qr": "LD-9"})).json()["scanned"]
            none = (await client.get("/v1/public/form")).json()["scanned"]
        assert known == {"qr": "LD-0417", "channel": "qr-dh", "place": "dh-yl"}
        assert unknown == {"qr": "LD-9", "channel": None, "place": None} and none is None
        wanted = {"place": None, "subject": None}
        cases = []
        for more in ({"qr": "LD-0417"}, {"qr": "LD-9"}, {"place": "LAMP-7"}):
            body = {name: value for name, value in filing(**{**wanted, **more}).items() if value is not None}
            answer = await send(here, body)
            assert answer.status_code == 201, answer.text
            cases.append((await here.runtime.ports.cases.get(answer.json()["case"]))[0].filing)
        assert [(one.channel, one.place, one.unclear) for one in cases] == [
            ("qr-dh", "dh-yl", ()), ("web", None, ("qr",)), ("web", None, ("place",)),
        ]  # fmt: skip


async def test_at_most_three_subjects_are_guessed_and_too_many_questions_wait() -> None:
    async with served() as here, here.client() as client:

        async def guessed(text: str) -> list[str]:
            answer = await client.post("/v1/public/subjects", json={"text": text})
            assert answer.status_code == 200, answer.text
            return [one["code"] for one in answer.json()["subjects"]]

        assert (await guessed("楼道漏水，墙面渗水，物业不管"))[0] == "0102"
        assert await guessed("天气很好") == []
        assert len(await guessed("漏水 欠薪 公交 油烟 医保 学区")) == 3
        assert "0102" in await guessed("房屋漏水，城乡建设规划"), "the one below, not the one above"
        empty = await client.post("/v1/public/subjects", json={"text": " "})
        assert empty.status_code == 422
        statuses = [(await client.post("/v1/public/subjects", json={"text": "漏水"})).status_code for _ in range(120)]
        assert statuses[0] == 200 and statuses[-1] == 429
        here.clock.advance(61)
        assert await guessed("漏水") == ["0102"]


async def test_guardian_files_for_a_child_under_their_own_name() -> None:
    async with served() as here:
        nameless = await send(here, filing(agent_relation="guardian"))
        assert (nameless.status_code, nameless.json()["code"]) == (422, "agent_needed")
        assert nameless.json()["field"] == "agent.name"
        done = await send(here, filing(agent={"name": "李四"}, agent_relation="guardian"))
        assert done.status_code == 201, done.text
        pair = {"number": done.json()["number"], "code": done.json()["code"]}
        async with here.client() as client:
            assert (await client.post("/v1/receipt/details", json=pair)).json()["for_another"] is True
        async with here.client("registrar") as desk:
            shown = (await desk.get(f"/v1/cases/{done.json()['case']}")).json()
        assert "guardian" in str(shown), "who consented is recorded"
