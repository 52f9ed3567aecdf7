"""Messages over HTTP: what a person brings by letter or call, and signed delivery reports of a gateway."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.intake.messages.sender import MessageSender
from shared.messaging.gateway import GatewayResult, OutgoingMessage
from shared.messaging.webhooks.signatures import KeyPair, signed_v1
from tests.support.serving import Served, served

SECRET = KeyPair.made(b"0" * 32, b"1" * 32).secret


def sender(here: Served) -> MessageSender:
    (found,) = next(part for part in here.runtime.parts if part.name == "intake").senders
    assert isinstance(found, MessageSender)
    return found


async def sent(here: Served) -> None:
    for _ in range(2):
        await here.runtime.drain()
        await sender(here).round()
        await sender(here).idle()


async def listed(here: Served, path: str = "/v1/messages", role: str = "registrar") -> list[dict[str, Any]]:
    async with here.client(role) as client:
        answer = await client.get(path)
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


async def report(here: Served, secret: str = SECRET, **body: Any) -> Any:
    data = orjson.dumps(body)
    headers = signed_v1(secret, "report-1", int(here.clock.now().timestamp()), data)
    async with here.client() as client:
        return await client.post("/v1/gateways/reports", content=data, headers=headers)


async def test_a_message_without_an_address_is_brought_by_a_person(tmp_path: Path) -> None:
    async with served(gateway_sms=f"spool:{tmp_path}") as here:
        receipt = await here.filed(petitioner={"name": "张三", "phone": "0571-87654321"})
        await here.act("registrar", receipt["case"], "ask_petitioner", questions=["何时开始？"])
        await sent(here)
        (task,) = await listed(here)
        assert (task["case"], task["kind"], task["state"], task["reason"]) == (
            receipt["case"],
            "asked",
            "call",
            "landline",
        )
        assert "8765" not in orjson.dumps(task).decode()
        for _ in range(2):
            async with here.client("registrar") as client:
                done = await client.post(f"/v1/messages/{task['id']}:done", json={"by": "call"})
            assert done.json()["state"] == "done", done.text
        assert await listed(here) == []
        history = await listed(here, f"/v1/messages/of/{receipt['case']}")
        assert {one["kind"]: one["state"] for one in history} == {"registered": "given_up", "asked": "done"}
        assert not any(Path(tmp_path).glob("*"))  # noqa: ASYNC240 - a test


async def test_only_a_signed_report_counts_and_a_failed_message_with_a_question_becomes_a_call(tmp_path: Path) -> None:
    async with served(gateway_sms=f"spool:{tmp_path}", gateway_secret=SECRET) as here:
        receipt = await here.filed()
        await here.act("registrar", receipt["case"], "ask_petitioner", questions=["何时开始？"])
        await sent(here)
        by_kind = {one["kind"]: one for one in await listed(here, f"/v1/messages/of/{receipt['case']}")}
        assert {one["state"] for one in by_kind.values()} == {"sent"}
        forged = await report(here, KeyPair.new().secret, effect_id=by_kind["asked"]["id"], status="failed")
        assert (forged.status_code, forged.json()["code"]) == (401, "signature_wrong")
        for _ in range(2):
            good = await report(here, effect_id=by_kind["registered"]["id"], status="delivered")
            assert good.status_code == 204, good.text
            bad = await report(here, effect_id=by_kind["asked"]["id"], status="failed", code="absent")
            assert bad.status_code == 204, bad.text
        assert (await report(here, effect_id="msg_nothing", status="delivered")).status_code == 404
        after = {one["kind"]: one for one in await listed(here, f"/v1/messages/of/{receipt['case']}")}
        assert (after["registered"]["state"], after["asked"]["state"]) == ("delivered", "call")
        assert after["asked"]["reason"] == "absent"


class _Hasty:
    """A gateway that reports on a message before it answers the call, or instead of answering it."""

    name, deduplicates = "hasty", True

    def __init__(self, here: Served, status: str, result: GatewayResult) -> None:
        self._here, self._status, self._result = here, status, result
        self.calls: list[str] = []

    async def send(self, message: OutgoingMessage) -> GatewayResult:
        self.calls.append(message.effect_id)
        reported = await report(self._here, effect_id=message.effect_id, status=self._status, code=None)
        assert reported.status_code == 204, reported.text
        return self._result


@pytest.mark.parametrize("status", ["delivered", "failed"])
@pytest.mark.parametrize("result", [GatewayResult("sent", "taken"), GatewayResult("unknown", "timeout", down=True)])
async def test_a_report_before_the_answer_is_not_lost(tmp_path: Path, status: str, result: GatewayResult) -> None:
    async with served(gateway_sms=f"spool:{tmp_path}", gateway_secret=SECRET) as here:
        receipt = await here.filed()
        await here.act("registrar", receipt["case"], "ask_petitioner", questions=["何时开始？"])
        hasty = _Hasty(here, status, result)
        sender(here)._lines["sms"].gateway = hasty
        for minutes in (0, 5, 600):
            here.clock.advance(timedelta(minutes=minutes))
            await sent(here)
        states = {one["kind"]: one["state"] for one in await listed(here, f"/v1/messages/of/{receipt['case']}")}
        wanted = ("delivered", "delivered") if status == "delivered" else ("given_up", "call")
        assert (states["registered"], states["asked"]) == wanted
        assert sorted(hasty.calls) == sorted(set(hasty.calls)), "what was reported is not sent again"


async def test_nothing_is_reported_about_a_message_that_was_not_sent(tmp_path: Path) -> None:
    async with served(gateway_sms=f"spool:{tmp_path}", gateway_secret=SECRET) as here:
        receipt = await here.filed()
        await here.runtime.drain()
        (message,) = await listed(here, f"/v1/messages/of/{receipt['case']}")
        for status in ("delivered", "failed"):
            refused = await report(here, effect_id=message["id"], status=status)
            assert (refused.status_code, refused.json()["code"]) == (409, "message_not_sent")
        await sent(here)
        (message,) = await listed(here, f"/v1/messages/of/{receipt['case']}")
        assert message["state"] == "sent"
        for status, state in (("failed", "given_up"), ("delivered", "given_up"), ("failed", "given_up")):
            assert (await report(here, effect_id=message["id"], status=status)).status_code == 204
            (now,) = await listed(here, f"/v1/messages/of/{receipt['case']}")
            assert now["state"] == state, "the first end stays"
