"""kill -9 while one command answers a whole matter: each petitioner gets one answer, one number and one notice.

HUIYIN_FOLLOWERS sets how many; `make nightly` asks for 1,000.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.faults.server import Server

FOLLOWERS = int(os.environ.get("HUIYIN_FOLLOWERS", "40"))
LINES = {"content-type": "application/x-ndjson"}
PLACE = {"channel": "web", "place": "dh", "subject": "01", "text": "请求修复育才路。"}


async def lines(client: httpx.AsyncClient, path: str, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of a batch."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(values), 500):
        body = b"\n".join(map(orjson.dumps, values[start : start + 500]))
        answer = await client.post(path, content=body, headers=LINES, timeout=300)
        assert answer.is_success, answer.text
        results = [orjson.loads(line) for line in answer.text.splitlines()]
        assert all(one["status"] < 300 for one in results), [one for one in results if one["status"] >= 300][:1]
        found += results
    return found


async def pages(client: httpx.AsyncClient, office: str) -> list[dict[str, Any]]:
    """The whole register of decisions."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        params = {"office": office, "kind": "decision", "limit": 200} | ({"after": after} if after else {})
        page = (await client.get("/v1/notices", params=params)).json()
        found += page["notices"]
        after = page["after"]
        if after is None:
            return found


@pytest.mark.timeout(1800)
async def test_one_answer_for_many_is_given_once_although_the_process_is_killed(tmp_path: Path) -> None:
    part = min(1.0, 3 / FOLLOWERS)
    armed = f"matter.answered=kill:{part},notice.stored=kill:{part},notice.recorded=kill:{part}"
    server = Server(tmp_path / "data")
    await asyncio.to_thread(server.prepare)
    await server.start()
    try:
        async with server.client() as desk:
            filed = (
                await desk.post("/v1/submissions", json={**PLACE, "item": "lead", "petitioner": {"name": "李明"}})
            ).json()
            lead, items = filed["case"], [f"f{number}" for number in range(FOLLOWERS)]
            many = [{**PLACE, "item": one, "petitioner": {"name": f"王{one}"}} for one in items]
            await lines(desk, "/v1/submissions:batch", many)
            cases = [f"web:{one}" for one in items]
            joined = [
                {"case": one, "command": "link", "command_id": f"l-{one}", "lead": lead, "reason": "同一事项"}
                for one in cases
            ]
            await lines(desk, "/v1/commands:batch", joined)
        decision = {"result": "explained", "facts": "属实。", "text": "已列入计划。", "basis": ["条例第三十二条"]}
        steps: list[tuple[str, dict[str, Any]]] = [("sign_off", {}), ("accept", {"path": 6}), ("decide", decision)]
        async with server.client("clerk:zj") as clerk:
            for command, fields in steps:
                body = {"command": command, "command_id": f"lead-{command}", **fields}
                answer = await clerk.post(f"/v1/cases/{lead}/commands", json=body)
                assert answer.is_success, answer.text
        assert server.stop() == 0
        deadly = Server(tmp_path / "data", HUIYIN_TEST_FAILPOINTS=armed)
        deaths = 0
        body = {"command": "answer_followers", "command_id": "answer-all"}
        for _attempt in range(2 * FOLLOWERS):
            await deadly.start()
            try:
                async with deadly.client("clerk:zj") as clerk:
                    await clerk.post(f"/v1/cases/{lead}/commands", json=body)
            except httpx.TransportError:
                pass
            try:
                await deadly.ended(max(8, FOLLOWERS / 5))
            except Exception:  # it lives: nothing is left to do, or the rest is done without failures
                break
            deaths += 1
            if deaths == 2:
                break
        deadly.kill()
        await server.start()
        async with server.client("clerk:zj") as clerk:
            for _ in range(1200):
                notices = await pages(clerk, "zj")
                if len(notices) == FOLLOWERS and all(one["status"] == "issued" for one in notices):
                    break
                await asyncio.sleep(max(0.25, FOLLOWERS / 500))  # looking does not slow down what it waits for
            assert deaths == 2, "it was killed twice on the way"
            assert [int(one["id"].rpartition("/")[2]) for one in notices] == list(range(1, FOLLOWERS + 1)), "no gap"
            assert {one["status"] for one in notices} == {"issued"}
            assert len({one["case"] for one in notices}) == FOLLOWERS, "one for each petitioner"
            for one in notices[:: max(1, FOLLOWERS // 20)]:
                case = (await clerk.get(f"/v1/cases/{one['case']}", params={"content": "false"})).json()
                types = [event["type"] for event in case["timeline"]]
                assert (
                    types.count("DecisionIssued") == types.count("NoticeIssued") == types.count("MatterAnswered") == 1
                )
                document = await clerk.get(f"/v1/notices/{one['id']}/document", params={"format": "html"})
                assert document.is_success and one["document_number"] in document.text, "its blob is there"
        assert server.stop() == 0
    finally:
        server.kill()
