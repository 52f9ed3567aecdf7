"""The HTTP interface from a filing to closing: the response of each call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from shared.eventstore.read_models import Parked
from tests.support.serving import Served, served, submission


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def test_complaint_runs_from_filing_to_closing(here: Served) -> None:
    receipt = await here.filed()
    case = receipt["number"]
    for role, command, fields, state in (
        ("clerk", "sign_off", {}, "signed"),
        ("clerk", "accept", {"path": 6}, "accepted"),
        ("clerk", "serve_notice", {"kind": "acceptance"}, "accepted"),
        ("clerk", "decide", {"result": "explained", "basis": ["条例"], "text": "已维修"}, "decided"),
        ("clerk", "deliver_reply", {"mode": "in_person"}, "replied"),
        ("registrar", "follow_up", {"reached": True, "satisfied": True}, "replied"),
        ("registrar", "close", {"kind": "explained"}, "closed"),
    ):
        answer = await here.act(role, case, command, **fields)
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == state
    async with here.client() as citizen:
        told = (await citizen.post("/v1/status", json={"number": case, "code": receipt["code"]})).json()
    assert told["state"] == "closed"
    assert "办结" in told["zh"]
    async with here.client("registrar") as desk:
        shown = (await desk.get(f"/v1/cases/web:{receipt['case']}")).status_code
        assert shown == 404
        whole = (await desk.get(f"/v1/cases/{receipt['case']}")).json()
    assert whole["content"]["parties"]["p1"]["name"] == "张三"
    assert [one["type"] for one in whole["timeline"]][-1] == "CaseClosed"


async def test_same_item_gets_same_receipt_and_different_content_is_refused(here: Served) -> None:
    first = submission(item="same")
    async with here.client("registrar") as desk:
        one, two = [await desk.post("/v1/submissions", json=first) for _ in range(2)]
        other = await desk.post("/v1/submissions", json={**first, "text": "别的内容"})
    assert (one.status_code, two.status_code, other.status_code) == (201, 200, 409)
    assert one.json()["code"] == two.json()["code"]
    assert other.json()["code"] == "same_id_other_content"


async def test_repeated_command_gets_first_answer(here: Served) -> None:
    case = (await here.filed())["case"]
    first = await here.act("clerk", case, "sign_off", command_id="mine")
    await here.act("clerk", case, "accept", path=6)
    again = await here.act("clerk", case, "sign_off", command_id="mine")
    assert again.json() == {**first.json(), "repeated": True}
    other = await here.act("clerk", case, "accept", command_id="mine", path=5)
    assert (other.status_code, other.json()["code"]) == (409, "same_id_other_content")


async def test_refused_command_lists_possible_commands(here: Served) -> None:
    case = (await here.filed())["case"]
    answer = await here.act("clerk", case, "deliver_reply")
    problem = answer.json()
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["state"]) == ("not_in_this_state", "dispatched")
    assert "sign_off" in problem["allowed"]


async def test_batch_answers_each_line(here: Served) -> None:
    lines = [
        orjson.dumps(submission(item="b1")),
        b"{broken",
        orjson.dumps(submission(item="b1")),
        orjson.dumps({**submission(), "extra": 1}),
    ]
    async with here.client("registrar") as desk:
        answer = await desk.post(
            "/v1/submissions:batch", content=b"\n".join(lines), headers={"content-type": "application/x-ndjson"}
        )
    results = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [one["line"] for one in results] == [1, 2, 3, 4]
    assert sorted(results[place]["status"] for place in (0, 2)) == [200, 201]
    assert [results[place]["problem"]["code"] for place in (1, 3)] == ["not_json", "invalid_request"]


async def test_inbox_request_waits_for_new_entries(here: Served) -> None:
    async with here.client("organisation") as department:
        waiting = asyncio.create_task(department.get("/v1/organisations/zj/assignments?wait=10"))
        await asyncio.sleep(0.05)
        receipt = await here.filed()
        page = (await asyncio.wait_for(waiting, 5)).json()
        assert [one["case"] for one in page["entries"]] == [receipt["case"]]
        again = (await department.get(f"/v1/organisations/zj/assignments?after={page['after']}")).json()
    assert again["entries"] == []


async def test_foreign_case_is_reported_as_unknown(here: Served) -> None:
    case = (await here.filed())["case"]
    foreign = await here.key_of("clerk", "jt")
    async with here.client(key=foreign) as other:
        for answer in (
            await other.get(f"/v1/cases/{case}"),
            await other.get(f"/v1/cases/{case}/deadlines/C3/explain"),
            await other.post(f"/v1/cases/{case}/commands", json={"command": "sign_off", "command_id": "x"}),
            await other.get("/v1/organisations/zj/assignments"),
        ):
            assert answer.status_code == 404, answer.text
            assert "state" not in answer.json()
        assert (await other.get("/v1/cases")).json()["cases"] == []
        assert (await other.get("/v1/cases?org=zj")).json()["cases"] == []


async def test_content_access_is_recorded_before_content_is_returned(here: Served) -> None:
    case = (await here.filed())["case"]
    async with here.client("clerk") as clerk:
        await clerk.get(f"/v1/cases/{case}?content=false")
        assert await here.runtime.ports.log.load(f"reads/{case}") == []
        shown = (await clerk.get(f"/v1/cases/{case}")).json()
    assert shown["content"]["parties"]["p1"]["phone"] == "13800000000"
    (read,) = (event for commit in await here.runtime.ports.log.load(f"reads/{case}") for event in commit.recorded)
    assert read.actor.org == "zj"


async def test_confidential_petitioner_is_hidden_from_organisation(here: Served) -> None:
    case = (await here.filed(confidential=True))["case"]
    async with here.client("clerk") as clerk:
        shown = (await clerk.get(f"/v1/cases/{case}")).text
    assert "漏水" in shown
    assert "张三" not in shown
    assert "13800000000" not in shown


async def test_case_is_shown_as_of_and_as_known_at_a_time(here: Served) -> None:
    case = (await here.filed())["case"]
    here.clock.advance(3 * 86400)
    await here.act("clerk", case, "sign_off")
    async with here.client("registrar") as desk:
        past = (await desk.get(f"/v1/cases/{case}?as_of=2026-03-02&content=false")).json()
        now = (await desk.get(f"/v1/cases/{case}?content=false")).json()
        before = await desk.get(f"/v1/cases/{case}?as_of=2026-03-01&content=false")
    assert (past["state"], now["state"], before.status_code) == ("dispatched", "signed", 404)
    assert past["allowed"] == []


async def test_pages_contain_every_case_once(here: Served) -> None:
    numbers = {(await here.filed())["number"] for _ in range(7)}
    found: list[str] = []
    after: str | None = None
    async with here.client("registrar") as desk:
        while True:
            parameters = {"limit": "3", "queue": "to_sign", **({"after": after} if after else {})}
            page = (await desk.get("/v1/cases", params=parameters)).json()
            found += [one["number"] for one in page["cases"]]
            after = page["after"]
            if after is None:
                break
    assert sorted(found) == sorted(numbers)


async def test_revoked_key_is_rejected(here: Served) -> None:
    async with here.owner() as owner:
        issued = (await owner.post("/local/keys", json={"role": "clerk", "org": "zj"})).json()
        async with here.client(key=issued["key"]) as clerk:
            assert (await clerk.get("/v1/cases")).status_code == 200
            await owner.post(f"/local/keys/{issued['id']}:revoke")
            assert (await clerk.get("/v1/cases")).status_code == 401
        listed = (await owner.get("/local/keys")).text
    assert issued["key"] not in listed


@pytest.mark.parametrize(
    ("role", "org", "nowhere"),
    [
        ("organisation", "zj", False),
        ("organisation", "zhujian", True),
        ("platform", "wlzj", True),
        ("analyst", None, False),
    ],
)
async def test_key_for_unknown_organisation_code_is_refused(
    here: Served, role: str, org: str | None, nowhere: bool
) -> None:
    async with here.owner() as owner:
        answer = await owner.post("/local/keys", json={"role": role, "org": org})
    assert (answer.status_code, answer.json()["named_nowhere"]) == (201, nowhere)


async def test_query_code_guessing_is_rate_limited(here: Served) -> None:
    receipt = await here.filed()
    async with here.client() as guesser:
        for _ in range(10):
            wrong = await guesser.post("/v1/status", json={"number": receipt["number"], "code": "0" * 26})
            assert wrong.status_code == 404
        limited = await guesser.post("/v1/status", json={"number": receipt["number"], "code": "1" * 26})
        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) > 0
        here.clock.advance(61)
        right = await guesser.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})
        assert right.status_code == 200


async def test_rebuild_gives_same_read_models(here: Served) -> None:
    for _ in range(5):
        await here.filed()
    async with here.owner() as owner:
        before = (await owner.get("/local/digest")).json()
        for workers in (1, 2):
            await owner.post("/local/rebuild", json={"workers": workers})
            assert (await owner.get("/local/digest")).json() == before
        assert (await owner.post("/local/verify")).json()["findings"] == []


async def test_logs_and_metrics_contain_no_personal_data(here: Served, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = await here.filed()
    async with here.on_operations_port() as operations:
        figures = (await operations.get("/metrics")).text
    assert 'petition_cases_registered_total{channel_class="web"} 1.0' in figures
    assert receipt["number"] not in figures
    seen = figures + "".join(capsys.readouterr())
    for canary in ("张三", "13800000000", "漏水", receipt["code"]):
        assert canary not in seen


async def test_parked_case_is_listed_and_retried(here: Served) -> None:
    case = (await here.filed())["case"]
    mark = Parked("supervision", f"case/{case}", 1, "ValueError", "2026-03-02T01:00:00.000000Z", b"{}")
    await here.runtime.ports.views.park(mark)
    async with here.owner() as owner:
        (listed,) = (await owner.get("/local/parked")).json()["parked"]
        assert (listed["group"], listed["reason"], listed["bytes"]) == ("supervision", "ValueError", None)
        (shown,) = (await owner.get(f"/local/parked?stream={case}")).json()["parked"]
        assert shown["bytes"] == "{}"
        assert (await owner.post("/local/parked:redrive", json={})).json() == {"redriven": 1, "parked": 0, "waiting": 0}


async def test_sealed_case_is_hidden_from_lists_of_other_organisations(here: Served) -> None:
    await here.filed(**{"class": "accusation"}, respondent={"name": "某局", "org": "zj"})
    sealed = await here.key_of("clerk", "jjw")
    async with here.client("clerk") as accused, here.client(key=sealed) as organ, here.client("registrar") as desk:
        assert (await accused.get("/v1/cases")).json()["cases"] == []
        assert (await accused.get("/v1/organisations/zj/assignments")).json()["entries"] == []
        assert (await organ.get("/v1/cases")).json()["cases"] == []
        assert len((await desk.get("/v1/cases")).json()["cases"]) == 1


async def test_code_of_a_filter_that_nothing_has_is_told(here: Served) -> None:
    await here.filed()
    async with here.client("registrar") as desk:
        (wrong,) = (await desk.get("/v1/cases?place=dh-ly")).json()["unknown"]
        assert (wrong["field"], wrong["code"]) == ("place", "unknown_place")
        assert "dh-yl" in {one["code"] for one in wrong["near"]}
        assert "dh-yl" in wrong["detail_zh"]
        assert "dh-ly" not in wrong["detail"], "what somebody typed into a filter may be a person"
        fields = [
            one["field"] for one in (await desk.get("/v1/cases?org=zjj&subject=zz&channel=wep")).json()["unknown"]
        ]
        assert fields == ["org", "subject", "channel"]
        for known in ("org=zj", "place=dh-yl", "state=closed"):
            assert (await desk.get(f"/v1/cases?{known}")).json()["unknown"] == []
