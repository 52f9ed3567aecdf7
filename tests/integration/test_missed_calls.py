"""Missed calls: recorded once, read by an act, called back or filed; the number is gone afterwards."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.intake import missed_calls
from tests.integration.test_portal_desk import at_desk, hidden
from tests.support.serving import Served, served

NUMBER = "13912345678"


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def missed(client: httpx.AsyncClient, here: Served, id_: str = "m-1", **more: Any) -> str:
    body = {"command_id": id_, "number": NUMBER, "missed_at": "2026-01-05T09:00:00+08:00", "line": "12345", **more}
    answer = await client.post("/v1/calls", json=body)
    assert answer.status_code == 201, answer.text
    await here.runtime.drain()
    call: str = answer.json()["call"]
    return call


async def recorded(here: Served, call: str) -> list[Any]:
    return [e for c in await here.runtime.ports.log.load(f"calls/cn-demo/{call}") for e in c.recorded]


async def test_missed_call_is_called_back_and_its_number_is_destroyed(here: Served) -> None:
    async with here.client("registrar") as client:
        call = await missed(client, here)
        assert await missed(client, here) == call, "sent twice"
        later = await missed(client, here, "m-2", missed_at="2026-01-06T09:00:00+08:00")
        listed = (await client.get("/v1/calls")).json()
        assert [one["call"] for one in listed["calls"]] == [call, later] and listed["total"] == 2
        assert NUMBER not in str(listed)
        first = (await client.get("/v1/calls?limit=1")).json()
        rest = (await client.get(f"/v1/calls?after={first['after']}")).json()
        assert [one["call"] for one in first["calls"] + rest["calls"]] == [call, later]
        opened = (await client.get(f"/v1/calls/{call}")).json()
        assert opened["number"] == NUMBER
        for _ in range(2):
            tried = await client.post(f"/v1/calls/{call}", json={"command_id": "t", "outcome": "not_reached"})
            assert tried.json() == {"call": call, "waiting": True}
        await here.runtime.drain()
        assert (await client.get("/v1/calls")).json()["calls"][0]["tries"] == 1
        for _ in range(2):
            done = await client.post(f"/v1/calls/{call}", json={"command_id": "d", "outcome": "reached"})
            assert done.json() == {"call": call, "waiting": False}, done.text
        assert await missed(client, here) == call, "the telephone system repeats what it sent"
        again = await client.post(f"/v1/calls/{call}", json={"command_id": "e", "outcome": "reached"})
        assert (again.status_code, again.json()["code"]) == (409, "call_done")
        assert (await client.get(f"/v1/calls/{call}")).json()["number"] is None
        await here.runtime.drain()
        assert [one["call"] for one in (await client.get("/v1/calls")).json()["calls"]] == [later]
    events = await recorded(here, call)
    assert [event.type for event in events] == ["CallMissed", "CallNumberRead", "CallReturned", "CallReturned"]
    assert await here.runtime.ports.keys.get([events[0].sealed[0]["kid"]]) == {}
    stored = b"".join(b"".join(c.events) for c in await here.runtime.ports.log.load(f"calls/cn-demo/{call}"))
    assert NUMBER.encode() not in stored


async def test_filed_call_names_a_case_that_its_clerk_sees(here: Served) -> None:
    receipt = await here.filed()
    async with here.client("registrar") as client:
        call = await missed(client, here)
        wrong = [
            ({"outcome": "filed"}, 422, "case_needed"),
            ({"outcome": "reached", "case": receipt["number"]}, 422, "case_needed"),
            ({"outcome": "filed", "case": "2026-NONE"}, 404, "unknown_case"),
        ]
        for number, (body, status, code) in enumerate(wrong):
            answer = await client.post(f"/v1/calls/{call}", json={"command_id": f"w-{number}", **body})
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        future = {"command_id": "f", "number": NUMBER, "missed_at": "2036-01-05"}
        assert (await client.post("/v1/calls", json=future)).json()["code"] == "in_the_future"
        odd = {"command_id": "o", "number": "call me", "missed_at": "2026-01-05"}
        assert (await client.post("/v1/calls", json=odd)).status_code == 422
        filed = await client.post(
            f"/v1/calls/{call}", json={"command_id": "y", "outcome": "filed", "case": receipt["number"]}
        )
        assert filed.json()["waiting"] is False
    assert (await recorded(here, call))[-1].body.case == receipt["case"]


async def test_rows_of_calls_are_made_again_from_the_log(here: Served) -> None:
    async with here.client("registrar") as client:
        call = await missed(client, here)
        await here.runtime.ports.views.clear(missed_calls.VIEW.name)
        assert [one["call"] for one in (await client.get("/v1/calls")).json()["calls"]] == [call]


async def test_call_page_calls_back_and_files(here: Served) -> None:
    async with here.client("registrar") as client:
        call = await missed(client, here)
        lost = await missed(client, here, "m-2")
    async with at_desk(here, "registrar") as desk:
        screen = await desk.get("/desk/call")
        assert "未接来电" in screen.text and NUMBER not in screen.text and "2026年1月5日 09:00" in screen.text
        opened = await desk.post("/desk/call", data={"do": "call_back", "missed": call})
        assert f"tel:{NUMBER}" in opened.text and opened.url.query == b""
        typed = {name: hidden(opened, name) for name in ("command_id", "missed", "missed_at")}
        channel = re.search(r'<option value="([^"]+)" selected>', opened.text)[1]  # type: ignore[index]
        typed |= {"text": "路灯坏了很久，请修一修", "phone": NUMBER, "channel": channel}
        read = await desk.post("/desk/call", data={**typed, "do": "read"})
        assert hidden(read, "missed") == call
        for _ in range(2):
            filed = await desk.post("/desk/call", data={**typed, "do": "file"})
            assert "登记：</strong>" in filed.text and 'name="missed" value="' + call not in filed.text, filed.text
            await here.runtime.drain()
        second = await desk.post("/desk/call", data={"do": "call_back", "missed": lost})
        ended = {"command_id": hidden(second, "command_id"), "missed": lost, "do": "reached"}
        assert "号码已销毁" in (await desk.post("/desk/call", data=ended)).text
        gone = await desk.post("/desk/call", data={"do": "call_back", "missed": lost})
        assert gone.status_code == 409 and "已由同事处理完毕" in gone.text
    events = await recorded(here, call)
    assert events[-1].body.outcome == "filed"
