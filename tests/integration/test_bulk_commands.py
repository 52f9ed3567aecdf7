"""Many commands in one request: a result per line, in order; a bad line does not affect other lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from shared.http.command_batches import MOST
from tests.support.serving import Served, served

NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def sent(here: Served, role: str, *lines: Any) -> list[dict[str, Any]]:
    body = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
    async with here.client(role) as client:
        answer = await client.post("/v1/commands:batch", content=body, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    await here.runtime.drain()
    return [orjson.loads(line) for line in answer.content.splitlines()]


def line(case: str, command: str, id_: str, **fields: Any) -> dict[str, Any]:
    return {"case": case, "command": command, "command_id": id_, **fields}


async def test_commands_for_one_case_run_in_order_under_any_identifier(here: Served) -> None:
    receipts = [await here.filed() for _ in range(3)]
    lines = [line(one["case"], "sign_off", "s") for one in receipts]
    lines += [line(one["number"], "accept", "a", path=6) for one in receipts]
    results = await sent(here, "clerk", *lines)
    assert [one["line"] for one in results] == [1, 2, 3, 4, 5, 6]
    assert {one["status"] for one in results} == {200}
    assert [one["answer"]["state"] for one in results] == ["signed"] * 3 + ["accepted"] * 3


async def test_each_bad_line_gets_own_problem_and_other_lines_are_kept(here: Served) -> None:
    one, other = await here.filed(), await here.filed()
    before = len(await here.runtime.ports.log.load(f"case/{other['case']}"))
    results = await sent(
        here,
        "clerk",
        b"{oops",
        {"command": "sign_off", "command_id": "x"},
        line("2026-XXXX", "sign_off", "x"),
        line(other["case"], "fly", "x"),
        line(other["case"], "close", "x", kind="guided"),
        line(other["case"], "request_return", "x"),
        [1, 2],
        line(one["case"], "sign_off", "y"),
    )
    codes = [one["problem"]["code"] for one in results[:-1]]
    assert codes == [
        "not_json",
        "case_missing",
        "unknown_case",
        "unknown_command",
        "role_not_allowed",
        "invalid_request",
        "case_missing",
    ]
    assert all(one["problem"]["detail"] for one in results[:-1])
    assert results[-1]["answer"]["state"] == "signed"
    assert len(await here.runtime.ports.log.load(f"case/{other['case']}")) == before


async def test_repeated_batch_gives_same_answers_and_adds_nothing(here: Served) -> None:
    case = (await here.filed())["case"]
    lines = [line(case, "sign_off", "s"), line(case, "accept", "a", path=6)]
    first = await sent(here, "clerk", *lines)
    head = len(await here.runtime.ports.log.load(f"case/{case}"))
    again = await sent(here, "clerk", *lines)
    assert [one["answer"]["events"] for one in again] == [one["answer"]["events"] for one in first]
    assert all(one["answer"]["repeated"] for one in again)
    assert len(await here.runtime.ports.log.load(f"case/{case}")) == head


async def test_foreign_case_in_batch_is_reported_as_unknown(here: Served) -> None:
    case = (await here.filed())["case"]
    async with here.client(key=await here.key_of("clerk", "jt")) as other:
        answer = await other.post(
            "/v1/commands:batch", content=orjson.dumps(line(case, "sign_off", "s")), headers=NDJSON
        )
    assert orjson.loads(answer.content)["problem"]["code"] == "unknown_case"


async def test_batch_requires_content_type_and_size_limit(here: Served) -> None:
    body = b"\n".join(b"{}" for _ in range(MOST + 1))
    async with here.client("clerk") as client:
        long = await client.post("/v1/commands:batch", content=body, headers=NDJSON)
        wrong = await client.post("/v1/commands:batch", content=b"{}", headers={"content-type": "application/json"})
    assert (long.status_code, long.json()["code"]) == (413, "batch_too_long")
    assert (wrong.status_code, wrong.json()["code"]) == (415, "wrong_content_type")
