"""What the petitioner says after the filing seals the case like the filing itself, whatever the command and the channel (Art. 30):
the organisation that has the case reads nothing of it, and is told nothing, until a person has decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from shared.case import STREAM
from shared.commands.later_texts import HEARD, suspicion
from shared.events import REGISTRY
from shared.events import intake as i
from shared.events import routing as r
from tests.support.deciding import REGISTERED, given
from tests.support.platform import Topic
from tests.support.policies import demo
from tests.support.serving import Served, served, submission

SAID = "住建局的王局长收了开发商五万块钱，所以一直拖着不办"
NDJSON = {"content-type": "application/x-ndjson"}
PLAIN = "楼道还在漏水，请尽快处理"
TEXTS = [
    (kind, name)
    for kind in REGISTRY.values()
    if kind.author == "p1" or kind in HEARD
    for name, purpose in kind.personal.items()
    if purpose == "text" and name not in ("reference", "place_text", "qr_text", "level_text")
]


@pytest.mark.parametrize(("kind", "name"), TEXTS, ids=[f"{kind.__name__}.{name}" for kind, name in TEXTS])
def test_every_text_of_the_petitioner_is_searched(kind: Any, name: str) -> None:
    case = given(REGISTERED).case

    def found(said: str) -> list[Any]:
        several = kind.model_fields[name].annotation == tuple[str, ...]
        return suspicion(case, [kind.trusted({name: (said,) if several else said})], demo())

    filing = kind is i.CaseRegistered  # which is searched when it is routed
    assert [type(one) for one in found(SAID)] == ([] if filing else [r.AccusationSuspected])
    assert found(PLAIN) == []


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def seen_by_the_unit(here: Served, case: str) -> tuple[int, int, list[str]]:
    """(status of the case, its rows in the list, kinds of the entries about it) for the unit that handles it."""
    async with here.client("organisation") as client:
        status = (await client.get(f"/v1/cases/{case}")).status_code
        rows = (await client.get("/v1/cases")).json()["cases"]
        entries = (await client.get("/v1/organisations/zj/assignments?limit=200")).json()["entries"]
    return status, len(rows), [one["kind"] for one in entries if one["case"] == case]


async def replied(here: Served) -> dict[str, Any]:
    receipt = await here.filed()
    for command, more in (
        ("accept", {"path": 6}),
        ("serve_notice", {"kind": "acceptance"}),
        ("decide", {"result": "not_supported", "basis": ["条例"], "text": "不予支持"}),
        ("deliver_reply", {"mode": "in_person"}),
    ):
        answer = await here.act("clerk", receipt["case"], command, **more)
        assert answer.status_code == 200, answer.text
    return receipt


CITIZEN = [
    ("add_material", {"text": SAID}, False),
    ("nudge", {"text": SAID}, False),
    ("withdraw", {"text": SAID}, False),
    ("evaluate", {"object": "organisation", "grade": "dissatisfied", "text": SAID}, True),
    ("request_review", {"text": SAID}, True),
]


@pytest.mark.parametrize(("command", "fields", "late"), CITIZEN, ids=[one[0] for one in CITIZEN])
async def test_unit_sees_nothing_of_what_the_petitioner_adds(
    here: Served, command: str, fields: dict[str, Any], late: bool
) -> None:
    receipt = await (replied(here) if late else here.filed())
    case = receipt["case"]
    before = await seen_by_the_unit(here, case)
    assert before[:2] == (200, 1)
    answer = await here.as_citizen(receipt, command, **fields)
    assert answer.status_code == 200 and "uspic" not in answer.text and "uspect" not in answer.text
    assert (await seen_by_the_unit(here, case))[:2] == (404, 0)
    written = [
        event.type for commit in await here.runtime.ports.log.load("inbox/cn-demo/zj") for event in commit.recorded
    ]
    assert len(written) == len(before[2]), "no entry tells that something happened"
    (commit,) = [
        one
        for one in await here.runtime.ports.log.load(STREAM + case)
        if any(event.type == "AccusationSuspected" for event in one.recorded)
    ]
    assert len(commit.recorded) == 2, "the text and its sealing are one commit: nobody reads between them"
    async with here.client() as citizen:
        told = (await citizen.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})).text
    assert "uspic" not in told and "疑似" not in told
    async with here.client("registrar") as client:
        assert [one["id"] for one in (await client.get("/v1/cases?queue=to_confirm")).json()["cases"]] == [case]


async def test_cleared_case_goes_on_where_it_was(here: Served) -> None:
    receipt = await here.filed()
    case = receipt["case"]
    assert (await here.act("clerk", case, "accept", path=6)).status_code == 200
    state = (await here.runtime.ports.cases.get(case))[0]
    assert (await here.as_citizen(receipt, "add_material", text=SAID)).status_code == 200
    assert (await here.act("clerk", case, "record_step", step="inquiry", text="走访")).status_code == 404
    assert (await here.act("registrar", case, "clear_suspicion", reason="只是传言")).status_code == 200
    after = (await here.runtime.ports.cases.get(case))[0]
    assert (after.state, after.assignment, after.handling) == (state.state, state.assignment, state.handling)
    status, rows, entries = await seen_by_the_unit(here, case)
    assert (status, rows, entries[-1]) == (200, 1, "material_added")
    assert (await here.act("clerk", case, "record_step", step="inquiry", text="走访")).status_code == 200
    again = {"number": receipt["number"], "code": receipt["code"], "command": "nudge", "command_id": "n2", "text": SAID}
    async with here.client() as citizen:
        assert (await citizen.post("/v1/citizens/commands", json=again)).status_code == 200
    assert (await seen_by_the_unit(here, case))[0] == 404, "what is said later is searched again"


async def test_review_that_was_asked_for_is_named_a_body_once_it_is_cleared(here: Served) -> None:
    receipt = await replied(here)
    case = receipt["case"]
    assert (await here.as_citizen(receipt, "request_review", text=SAID)).status_code == 200
    assert (await here.runtime.ports.cases.get(case))[0].review.reviewer is None
    assert (await here.act("registrar", case, "clear_suspicion", reason="属对答复不服")).status_code == 200
    assert (await here.runtime.ports.cases.get(case))[0].review.reviewer is not None


async def test_confirmed_case_is_taken_from_the_unit_and_dispatched_to_the_discipline_organ(here: Served) -> None:
    receipt = await here.filed()
    case = receipt["case"]
    assert (await here.as_citizen(receipt, "add_material", text=SAID)).status_code == 200
    named = {"name": "王局长", "org": "zj"}
    assert (await here.act("registrar", case, "confirm_accusation", respondent=named)).status_code == 200
    status, rows, entries = await seen_by_the_unit(here, case)
    assert (status, rows) == (404, 0) and "material_added" not in entries
    assert (await here.act("registrar", case, "dispatch", org="jjw")).status_code == 200
    async with here.client(key=await here.key_of("clerk", "jjw")) as client:
        assert (await client.get(f"/v1/cases/{case}")).status_code == 200
    async with here.client(key=await here.key_of("supervisor", "zj")) as client:
        assert (await client.get(f"/v1/cases/{case}")).status_code == 404


@pytest.mark.parametrize("channel", ["registrar", "platform", "topic", "import", "answers"])
async def test_channel_makes_no_difference(here: Served, channel: str) -> None:
    receipt = await here.filed(**({"channel": "province"} if channel in ("platform", "topic") else {}))
    case = receipt["case"]
    if channel == "registrar":
        keyed = {"evidence": "letter", "reference": "信件 3 号"}
        assert (await here.act("registrar", case, "add_material", text=SAID, **keyed)).status_code == 200
    elif channel == "platform":
        async with here.client(key=await here.key_of("platform", "province")) as client:
            body = {"command": "add_material", "command_id": "m1", "text": SAID}
            assert (await client.post(f"/v1/cases/{case}/commands", json=body)).status_code == 200
    elif channel == "topic":
        body = {"case": case, "command": "nudge", "command_id": "m1", "text": SAID}
        told = await Topic(here.runtime).sends(body)
        assert [one["kind"] for one in told] == ["done"] and "uspic" not in str(told) and "uspect" not in str(told)
    elif channel == "answers":
        asked = await here.act("clerk", case, "ask_petitioner", questions=["何时开始漏水？", "还有什么要说明的？"])
        assert asked.status_code == 200, asked.text
        version = (await here.runtime.ports.cases.get(case))[0].service.asked[0].version
        answer = await here.as_citizen(receipt, "add_material", asked=version, answers=["去年", SAID])
        assert answer.status_code == 200, answer.text
    else:
        case = await imported(here)
    await here.runtime.drain()
    assert (await here.runtime.ports.cases.get(case))[0].accusation.suspected is not None
    assert (await seen_by_the_unit(here, case))[0] == 404


async def imported(here: Served) -> str:
    """A case that an import brings with material that accuses, beside one without."""
    filed = submission()
    row: dict[str, Any] = {
        "line": 1, "channel": "web", "org": "zj", "go_live": True,
        "filing": {"received_at": "2026-02-02T09:00:00+08:00", "text": PLAIN, "place": filed["place"], "class": "claim"},
        "steps": [{"type": "CaseTransferred", "effective_at": "2026-02-03T09:00:00+08:00", "body": {"org": "zj"}}],
    }  # fmt: skip
    more = {"type": "MaterialAdded", "effective_at": "2026-02-10T09:00:00+08:00", "body": {"text": SAID}}
    for steps in ([], [more]):
        line = orjson.dumps({**row, "item": f"H-{len(steps)}", "steps": [*row["steps"], *steps]})
        async with here.client("operations") as client:
            answer = await client.post("/v1/history:batch?jurisdiction=cn-demo", content=line, headers=NDJSON)
        assert answer.status_code == 200 and orjson.loads(answer.text)["result"] == "added", answer.text
        await here.runtime.drain()
    async with here.client("registrar") as client:
        rows = (await client.get("/v1/cases?queue=to_confirm")).json()["cases"]
    (case,) = (one["id"] for one in rows)
    return str(case)
