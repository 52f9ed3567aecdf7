"""A period that ends in a year whose days off are not published yet: its day is told as provisional."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.support.serving import Served, served


async def told(here: Served, receipt: dict[str, Any]) -> dict[str, Any]:
    async with here.client() as citizen:
        answer = await citizen.post("/v1/status", json={name: receipt[name] for name in ("number", "code")})
    found: dict[str, Any] = answer.json()
    return found


async def test_a_day_of_next_year_is_told_as_provisional_and_one_of_this_year_is_not() -> None:
    async with served(start=datetime(2026, 12, 2, 2, tzinfo=UTC)) as here:
        receipt = await here.filed()
        first = await told(here, receipt)
        assert (first["due_day"], first["provisional"]) == ("2026-12-17", False)
        assert "暂定" not in first["zh"]
        case = receipt["number"]
        for command, fields in (("sign_off", {}), ("accept", {"path": 6}), ("serve_notice", {"kind": "acceptance"})):
            assert (await here.act("clerk", case, command, **fields)).status_code == 200
        second = await told(here, receipt)
        assert (second["due_day"], second["provisional"]) == ("2027-02-01", True)
        assert "2027年2月1日前完成（暂定，以该年放假安排为准）" in second["zh"]
        for command, fields in (
            ("decide", {"result": "explained", "basis": ["条例"], "text": "已维修"}),
            ("deliver_reply", {"mode": "in_person"}),
        ):
            assert (await here.act("clerk", case, command, **fields)).status_code == 200
        right = (await told(here, receipt))["may_ask"]
        assert (right["until"], right["provisional"]) == ("2027-01-04", True)
        assert "provisional until the days off of that year are published" in right["en"]
