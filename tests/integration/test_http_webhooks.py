"""`/v1/webhooks` over HTTP: an owner manages its webhooks, others find none, and a receiver verifies with what the API returned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from shared.messaging.webhooks.signatures import verified_v1a
from tests.support.receiver import answer, receiving
from tests.support.serving import Served, served


async def ask(found: Served, role: str, method: str, path: str, **more: Any) -> Any:
    async with found.client(role) as client:
        return await client.request(method, path, **more)


async def test_the_life_of_a_webhook() -> None:
    async with served(start=datetime.now(UTC), outbound_networks="127.0.0.0/8") as found, receiving() as receiver:
        body = {"command_id": "w1", "url": receiver.url, "after": 0}
        made = await ask(found, "organisation", "POST", "/v1/webhooks", json=body)
        assert made.status_code == 201, made.text
        webhook, secret, public = (made.json()[name] for name in ("id", "secret", "public_key"))
        assert (await ask(found, "organisation", "POST", "/v1/webhooks", json=body)).json()["code"] == "webhook_exists"

        tried = await ask(found, "organisation", "POST", f"/v1/webhooks/{webhook}:test")
        assert (tried.json()["ok"], tried.json()["status"]) == (True, 204)
        (request,) = receiver.got
        assert Webhook(secret).verify(request.body, request.headers)["data"] == {"webhook": webhook}
        assert verified_v1a(public, request.headers, request.body)

        await found.filed()
        sender = next(part for part in found.runtime.parts if part.name == "routing").webhooks
        assert sender is not None
        await sender.look()
        await sender.round()
        await sender.idle()
        log = (await ask(found, "organisation", "GET", f"/v1/webhooks/{webhook}/log")).json()["deliveries"]
        assert [one["kind"] for one in log] == ["delivered", "tested"]
        assert (log[0]["seq"], log[0]["status"]) == (1, 204)
        assert log[0]["milliseconds"] >= 0

        beyond = await ask(
            found, "organisation", "POST", f"/v1/webhooks/{webhook}:replay", json={"first": 1, "last": 9}
        )
        assert (beyond.status_code, beyond.json()["code"]) == (422, "not_sent_yet")
        again = await ask(found, "organisation", "POST", f"/v1/webhooks/{webhook}:replay", json={"first": 1})
        assert again.status_code == 200
        await sender.look()
        await sender.round()
        await sender.idle()
        assert [one.headers["webhook-id"] for one in receiver.got[1:]] == ["inbox/cn-demo/zj/1"] * 2

        renewed = (await ask(found, "organisation", "POST", f"/v1/webhooks/{webhook}:rotate")).json()
        assert renewed["secret"] not in ("", secret)
        off = await ask(found, "operations", "POST", f"/v1/webhooks/{webhook}:disable")
        assert off.json()["disabled"] == "operations"
        listed = (await ask(found, "organisation", "GET", "/v1/webhooks")).json()["webhooks"]
        assert [(one["id"], one["disabled"], one["after"]) for one in listed] == [(webhook, "operations", 1)]
        refused = await ask(found, "organisation", "POST", f"/v1/webhooks/{webhook}:replay", json={"first": 1})
        assert refused.json()["code"] == "webhook_disabled"
        refused = await ask(found, "organisation", "POST", f"/v1/webhooks/{webhook}:enable")
        assert (refused.status_code, refused.json()["code"]) == (403, "disabled_by_operations")
        on = await ask(found, "operations", "POST", f"/v1/webhooks/{webhook}:enable")
        assert on.json()["disabled"] is None
        await sender.stop()


async def test_a_webhook_of_another_answers_like_none() -> None:
    async with served(outbound_networks="127.0.0.0/8") as found:
        body = {"command_id": "w1", "url": "http://127.0.0.1:9/x"}
        webhook = (await ask(found, "organisation", "POST", "/v1/webhooks", json=body)).json()["id"]
        for path in ("log",):
            there = await ask(found, "platform", "GET", f"/v1/webhooks/{webhook}/{path}")
            nowhere = await ask(found, "platform", "GET", f"/v1/webhooks/wh_nothing/{path}")
            assert (there.status_code, there.content) == (nowhere.status_code, nowhere.content)
            assert there.status_code == 404
        for verb in ("rotate", "test", "enable", "disable"):
            there = await ask(found, "platform", "POST", f"/v1/webhooks/{webhook}:{verb}")
            nowhere = await ask(found, "platform", "POST", f"/v1/webhooks/wh_nothing:{verb}")
            assert (there.status_code, there.content) == (nowhere.status_code, nowhere.content)
            assert there.status_code == 404


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"url": "https://127.0.0.1/"}, "webhook_address_refused", "url"),
        ({"url": "https://0x7f.1/"}, "webhook_url_wrong", "url"),
        ({"url": "http://example.org/"}, "webhook_url_wrong", "url"),
        ({"kinds": ["nonsense"]}, "unknown_kind", "kinds"),
        ({"after": -1}, None, "after"),
        ({"after": 1}, "wrong_cursor", "after"),
        ({"secret": "mine"}, None, "secret"),
    ],
)
async def test_wrong_requests_are_refused_with_code_and_field(
    fields: dict[str, Any], code: str | None, field: str
) -> None:
    async with served() as found:
        body = {"command_id": "w1", "url": "https://hooks.invalid/x", **fields}
        refused = await ask(found, "organisation", "POST", "/v1/webhooks", json=body)
        assert refused.status_code == 422
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["field"] == field
        assert code is None or refused.json()["code"] == code
        assert (await ask(found, "organisation", "GET", "/v1/webhooks")).json()["webhooks"] == []


async def test_a_failed_answer_is_shown_to_the_owner_and_not_to_operations() -> None:
    async with served(start=datetime.now(UTC), outbound_networks="127.0.0.0/8") as found, receiving() as receiver:
        receiver.answers = lambda _request: answer(500, body=b"the reason")
        body = {"command_id": "w1", "url": receiver.url}
        webhook = (await ask(found, "organisation", "POST", "/v1/webhooks", json=body)).json()["id"]
        await ask(found, "organisation", "POST", f"/v1/webhooks/{webhook}:test")
        (own,) = (await ask(found, "organisation", "GET", f"/v1/webhooks/{webhook}/log")).json()["deliveries"]
        (theirs,) = (await ask(found, "operations", "GET", f"/v1/webhooks/{webhook}/log")).json()["deliveries"]
        assert (own["answer"], theirs["answer"], theirs["status"]) == ("the reason", None, 500)
