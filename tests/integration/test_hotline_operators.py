"""Contracted operators of the hotline: they answer, register and dispatch by the catalogue, and see no accusation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.commands.command import RULES
from tests.integration.test_portal_desk import at_desk
from tests.support.serving import Served, served


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def waiting(here: Served, **more: Any) -> dict[str, Any]:
    """A filing that waits for dispatch."""
    receipt = await here.filed(**more)
    assert (await here.act("registrar", receipt["case"], "recall")).is_success
    await here.runtime.drain()
    return receipt


REFUSED: dict[str, dict[str, Any]] = {
    "close": {"kind": "resolved_confirmed"},
    "evaluate": {"object": "organisation", "grade": "satisfied"},
    "follow_up": {"reached": True, "satisfied": True},
    "recall": {},
    "withdraw": {},
}


async def test_operator_answers_and_dispatches_and_does_nothing_else(here: Served) -> None:
    assert {name for name, rule in RULES.items() if "operator" in rule.roles} == {"answer_at_once", "dispatch"}
    receipt = await waiting(here)
    for command, fields in REFUSED.items():
        answer = await here.act("operator", receipt["case"], command, **fields)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed"), answer.text


async def test_operator_dispatches_where_the_catalogue_says(here: Served) -> None:
    receipt = await waiting(here, place="dh-yl", subject="0102")
    for fields in (
        {"org": "jt"},
        {"org": "zj", "kind": "assignment", "due": "2026-12-01"},
        {"org": "zj", "class": "litigation"},
    ):
        refused = await here.act("operator", receipt["case"], "dispatch", **fields)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_in_catalogue"), refused.text
    unknown = await here.act("operator", receipt["case"], "dispatch", org="zj", subject="nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_subject")
    done = await here.act("operator", receipt["case"], "dispatch", org="zj")
    assert done.status_code == 200, done.text


async def test_operator_determines_the_subject_with_the_dispatch(here: Served) -> None:
    receipt = await waiting(here, place="dh-yl", subject=None, text="情况说明")
    done = await here.act("operator", receipt["case"], "dispatch", org="zj", subject="0102")
    assert done.status_code == 200, done.text
    async with here.client("registrar") as client:
        shown = (await client.get(f"/v1/cases/{receipt['number']}")).json()
    assert shown["subject"]["code"] == "0102" and shown["org"]["code"] == "zj"


async def test_operator_sees_no_accusation_and_none_that_may_be_one(here: Served) -> None:
    plain = await waiting(here)
    sealed = await here.filed(**{"class": "accusation"}, respondent={"name": "某局", "org": "jy"})
    suspected = await here.filed(text="举报某局局长贪污受贿，收受红包")
    await here.runtime.drain()
    async with here.client("registrar") as client:
        office = (await client.get("/v1/cases?limit=100")).json()["cases"]
    async with here.client("operator") as client:
        listed = [one["number"] for one in (await client.get("/v1/cases?limit=100")).json()["cases"]]
        counts = (await client.get("/v1/cases/counts")).json()["queues"]
        hidden = [(await client.get(f"/v1/cases/{one['number']}")).status_code for one in (sealed, suspected)]
    assert {sealed["number"], suspected["number"]} <= {one["number"] for one in office}
    assert listed == [plain["number"]] and counts["to_confirm"] == 0 and counts["to_dispatch"] == 1
    assert hidden == [404, 404]


async def test_operator_reads_a_text_only_while_it_waits_for_dispatch(here: Served) -> None:
    receipt = await waiting(here)
    async with here.client("operator") as client:
        before = (await client.get(f"/v1/cases/{receipt['number']}")).json()["content"]
        assert "楼道漏水" in str(before)
        assert (await here.act("registrar", receipt["case"], "dispatch", org="zj")).is_success
        await here.runtime.drain()
        assert not (await client.get(f"/v1/cases/{receipt['number']}")).json()["content"]
        assert (await client.get(f"/v1/cases/{receipt['number']}/notes")).status_code == 403
        assert (await client.get(f"/v1/dossiers/{receipt['number']}")).status_code == 403


async def test_pages_of_an_operator(here: Served) -> None:
    receipt = await waiting(here)
    async with at_desk(here, "operator") as desk:
        listed = await desk.get("/desk?scope=all")
        assert receipt["number"] in listed.text and "/desk/call" in listed.text and "/desk/notices" not in listed.text
        assert (await desk.get("/desk/register")).status_code == 200
        assert "未接来电" in (await desk.get("/desk/call")).text
        case = await desk.get(f"/desk/case/{receipt['number']}")
        assert "/do/dispatch" in case.text and "/do/close" not in case.text and "内部备注" not in case.text
