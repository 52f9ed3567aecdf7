"""An organisation that received a filing but does not handle it (Art. 23 ¶1, ¶2): its access, and its transfer notice to the
petitioner.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy

import orjson
import pytest

from services.supervision.policy_activation import activate
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO
from tests.support.serving import OPERATOR, Served, served, submission


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


async def test_receiving_organisation_lists_case_until_petitioner_notice(here: Served) -> None:
    key = await here.key_of("clerk", "jt")
    filing = submission(received_by="jt")
    async with here.client("registrar") as desk:
        filed = (await desk.post("/v1/submissions", json=filing)).json()
    await here.runtime.drain()
    case = filed["case"]
    assert (await here.runtime.ports.cases.get(case))[0].assignment.org == "zj"
    async with here.client(key=key) as clerk:
        listed = (await clerk.get("/v1/cases?queue=to_notify")).json()["cases"]
        assert [one["id"] for one in listed] == [case]
        whole = (await clerk.get(f"/v1/cases/{case}")).json()
        assert whole["content"] is None, "where it went is all that they have to say"
        assert filing["text"] not in orjson.dumps(whole).decode()
        assert "serve_notice" in whole["allowed"] and "sign_off" not in whole["allowed"]
        assert (await clerk.get("/v1/cases")).json()["cases"] == []
        body = {"command": "serve_notice", "command_id": "n-1", "kind": "transfer"}
        assert (await clerk.post(f"/v1/cases/{case}/commands", json=body)).status_code == 200
        await here.runtime.drain()
        assert (await clerk.get("/v1/cases?queue=to_notify")).json()["cases"] == []
        assert (await clerk.get(f"/v1/cases/{case}")).status_code == 404
    async with here.client("supervisor") as supervisor:
        assert (await supervisor.get("/v1/cases?queue=to_notify")).json()["cases"] == []


async def test_handling_organisation_reads_filings_received_at_its_own_window(here: Served) -> None:
    """The filing is linked to a case of the organisation: it may read the text, whether or not the notice is still due."""
    async with here.client("registrar") as desk:
        lead = (await desk.post("/v1/submissions", json=submission())).json()["case"]
        await here.runtime.drain()
        here.clock.advance(60)
        second = (await desk.post("/v1/submissions", json=submission(item="2", received_by="zj"))).json()["case"]
        await here.runtime.drain()
    assert (await here.act("registrar", second, "link", lead=lead, reason="同一事项")).status_code == 200
    await here.runtime.drain()
    async with here.client(key=await here.key_of("clerk", "zj")) as clerk:
        whole = (await clerk.get(f"/v1/cases/{second}")).json()
    assert (await here.runtime.ports.cases.get(second))[0].matter.lead == lead
    assert whole["content"]["texts"] and not whole["content"]["parties"]
    assert whole["allowed"] == ["record_failed_service", "serve_notice", "prepare_notice"]


async def test_petition_office_gives_notice_under_clocks_ended_by_any_notice(here: Served) -> None:
    """An older policy does not say which notices end C3, so a notice of the receiver would end the handler's period."""
    document = deepcopy(next(one.document for one in bundled("cn-xf-2022") if one.section == "clocks"))
    for one in document["rules"]:
        if one["id"] == "C3":
            one["end"] = [{"event": "NoticeServed"}]
    await activate(here.runtime.handling("supervision"), OPERATOR, DEMO, {"clocks": document})
    here.clock.advance(2)
    async with here.client("registrar") as desk:
        case = (await desk.post("/v1/submissions", json=submission(received_by="jt"))).json()["case"]
    await here.runtime.drain()
    body = {"command": "serve_notice", "command_id": "n-1", "kind": "transfer"}
    async with here.client(key=await here.key_of("clerk", "jt")) as clerk:
        refused = await clerk.post(f"/v1/cases/{case}/commands", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "ends_anothers_period")


async def test_receiver_and_handler_are_late_with_their_own_clocks_only(here: Served) -> None:
    """The receiver bears C2: neither the handler's list nor the petitioner's status says that the handler is late."""
    async with here.client("registrar") as desk:
        filed = (await desk.post("/v1/submissions", json=submission(received_by="jt", received_at="2026-02-01"))).json()
        await here.runtime.drain()
        (row,) = (await desk.get("/v1/cases?queue=to_notify&org=jt")).json()["cases"]
        assert (row["owes"], row["due_clock"], row["overdue"]) == ("jt", "C2", True)
        told = (await desk.post("/v1/status", json={"number": filed["number"], "code": filed["code"]})).json()
    assert "超期" not in told["zh"] and "overdue" not in told["en"]
    async with here.client("clerk") as clerk:
        for queue in ("overdue", "at_risk"):
            assert (await clerk.get(f"/v1/cases?queue={queue}")).json()["cases"] == []
        (own,) = (await clerk.get("/v1/cases")).json()["cases"]
        assert (own["due_clock"], own["overdue"]) == ("C3", False)
    async with here.client(key=await here.key_of("clerk", "jt")) as theirs:
        (owed,) = (await theirs.get("/v1/cases?queue=to_notify")).json()["cases"]
        assert (owed["due_clock"], owed["overdue"]) == ("C2", True)
