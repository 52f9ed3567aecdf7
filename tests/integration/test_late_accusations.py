"""A claim assigned to an organisation becomes an accusation against it: from then on it is completely hidden from that
organisation.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.deciding import PROOF
from tests.support.serving import Served, served

ABOUT = {"name": "某科长", "org": "zj"}


async def inbox(here: Served, after: int = 0) -> list[dict[str, Any]]:
    async with here.client("clerk") as client:
        answer = await client.get("/v1/organisations/zj/assignments", params={"after": after, "limit": 200})
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


async def steps(here: Served, case: str, far: int) -> None:
    way: list[tuple[str, str, dict[str, Any]]] = [
        ("clerk", "sign_off", {}),
        ("clerk", "accept", {"path": 6}),
        ("clerk", "serve_notice", {"kind": "acceptance"}),
        ("clerk", "decide", {"result": "explained", "basis": ["条例第三十二条"], "text": "意见"}),
        ("clerk", "deliver_reply", {}),
        ("supervisor", "close", {"kind": "explained"}),
    ]
    for role, name, fields in way[:far]:
        assert (await here.act(role, case, name, **fields)).is_success, name


@pytest.mark.parametrize("role", ["registrar", "supervisor"])
@pytest.mark.parametrize("far", [0, 1, 3, 5, 6])
async def test_late_accusation_leaves_organisation_with_neutral_entry(role: str, far: int) -> None:
    async with served() as here:
        case = (await here.filed(respondent=None))["case"]
        await steps(here, case, far)
        here.clock.advance(60)
        seen = len(await inbox(here))
        done = await here.act(role, case, "correct", field="class", new="accusation", respondent=ABOUT)
        assert [one["type"] for one in done.json()["events"]] == [
            "AssignmentWithdrawn",
            "CaseCorrected",
            "PartyRecorded",
        ]
        (last,) = await inbox(here, seen)
        assert (last["kind"], last["detail"]) == ("withdrawn", "recalled")
        assert "accus" not in str(last)
        async with here.client("clerk") as client:
            gone = await client.get(f"/v1/cases/{case}")
            never = await client.get(f"/v1/cases/{'0' * 32}")
            assert (
                (gone.status_code, gone.json()["code"])
                == (never.status_code, never.json()["code"])
                == (404, "unknown_case")
            )
            assert (await client.get("/v1/cases")).json()["cases"] == []
        refused = await here.act("clerk", case, "sign_off")
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_case")
        if far < 6:
            assert (await here.act("registrar", case, "nudge")).is_success
            assert (
                await here.act("registrar", case, "dispatch", org="zj", **{"class": "accusation"})
            ).status_code == 409
            assert (await here.act("registrar", case, "dispatch", org="jjw")).is_success
        else:
            assert (
                await here.act("registrar", case, "evaluate", object="organisation", grade="dissatisfied", **PROOF)
            ).is_success
        assert len(await inbox(here)) == seen + 1, "and nothing comes after it"


async def test_late_accusation_waits_in_sealed_queue() -> None:
    async with served() as here:
        case = (await here.filed())["case"]
        assert (await here.act("registrar", case, "correct", field="class", new="accusation")).is_success
        async with here.client("registrar") as client:
            (row,) = (await client.get("/v1/cases", params={"queue": "to_dispatch"})).json()["cases"]
            shown = (await client.get(f"/v1/cases/{case}", params={"content": "false"})).json()
        assert (row["id"], row["org"], row["sealed_track"]) == (case, None, True)
        assert (shown["queue_reason"], shown["state"]) == ("sealed_track", "registered")
