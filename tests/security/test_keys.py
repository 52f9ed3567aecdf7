"""Access keys: each belongs to one jurisdiction and ends by itself; none opens more than it says."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from deploy.modes.in_memory import memory_ports
from shared.adapters.memory import SetClock
from shared.application.access_keys import ALL, EVERYWHERE, PEOPLE, STREAM, AccessKey, AccessKeys, digest_of
from shared.application.problem import NotAuthenticated
from shared.commands.authorization import NEEDS_ORG
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.intake import KeyIssued
from shared.kernel.legal_time import from_text
from shared.kernel.refusals import Invalid
from tests.support.county import DEMO, MORNING
from tests.support.serving import OPERATOR, ORGS, Served, served

FIRST_POLLS = {"organisation": "/v1/organisations/zj/assignments", "platform": "/v1/platforms/wlzj/updates"}


def org_of(role: str) -> str | None:
    return "x" if role in NEEDS_ORG else None


async def issued_as_before(here: Served, role: str, jurisdiction: str | None) -> str:
    """A key as releases before the rule issued it, or as somebody forged it in the log."""
    text = f"hy_{role}_old-{role}-{jurisdiction}"
    event = KeyIssued(
        key=f"old-{role}-{jurisdiction}",
        digest=digest_of(text),
        role=role,
        org=ORGS.get(role),
        jurisdiction=jurisdiction,
    )
    handling = here.runtime.handling("intake")
    await handling.append(STREAM, EventMetadata(OPERATOR, cause=f"old:{event.key}"), lambda _head: [NewEvent(event)])
    here.clock.advance(2)
    return text


@pytest.mark.parametrize("role", PEOPLE)
async def test_before_a_policy_every_key_names_its_jurisdiction(role: str) -> None:
    ports = memory_ports(SetClock(MORNING))
    keys, handling = AccessKeys(ports.log, ports.clock), ports.handling("intake")
    with pytest.raises(Invalid) as refused:
        await keys.issue(handling, OPERATOR, role, org_of(role))
    assert (refused.value.code, refused.value.field) == ("jurisdiction_needed", "jurisdiction")
    assert "--jurisdiction" in refused.value.detail and "辖区" in str(refused.value.detail_zh)
    assert await keys.all() == [], "nothing was appended"
    key, text = await keys.issue(handling, OPERATOR, role, org_of(role), jurisdiction="CN-NEW")
    assert key.jurisdiction == "CN-NEW"
    found = await keys.authenticate(text)
    assert found is not None and found.principal.jurisdiction == "CN-NEW"
    for odd in ("", "a/b", "x" * 81, "街道", "a b"):
        with pytest.raises(Invalid) as wrong:
            await keys.issue(handling, OPERATOR, role, org_of(role), jurisdiction=odd)
        assert wrong.value.code == "unknown_jurisdiction"


@pytest.mark.parametrize("role", PEOPLE)
async def test_only_operations_and_portal_may_have_all_jurisdictions(role: str) -> None:
    ports = memory_ports(SetClock(MORNING))
    keys, handling = AccessKeys(ports.log, ports.clock), ports.handling("intake")
    if role in EVERYWHERE:
        key, _text = await keys.issue(handling, OPERATOR, role, None, jurisdiction=ALL)
        assert key.jurisdiction == ALL
        return
    with pytest.raises(Invalid) as refused:
        await keys.issue(handling, OPERATOR, role, org_of(role), jurisdiction=ALL)
    assert refused.value.code == "jurisdiction_not_all"


async def test_with_one_policy_a_key_belongs_to_it_and_to_no_unknown_one() -> None:
    async with served() as here, here.owner() as owner:
        for role in PEOPLE:
            body: dict[str, Any] = {"role": role, "org": ORGS[role]}
            made = (await owner.post("/local/keys", json=body)).json()
            assert made["jurisdiction"] == DEMO
            wrong = await owner.post("/local/keys", json={**body, "jurisdiction": "CN-NOWHERE"})
            assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_jurisdiction")


@pytest.mark.parametrize("jurisdiction", [None, ALL])
async def test_key_without_own_jurisdiction_opens_no_route(jurisdiction: str | None) -> None:
    """Every route that wants a key, and every role; of a star only operations."""
    async with served() as here:
        for role in PEOPLE:
            if role in EVERYWHERE and jurisdiction == ALL:
                continue
            text = await issued_as_before(here, role, jurisdiction)
            for app in (here.app, here.operations):
                for path, operations in app.openapi()["paths"].items():
                    for method, operation in operations.items():
                        if {"key": []} not in operation.get("security", ()):
                            continue
                        transport = httpx.ASGITransport(app)
                        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                            answer = await client.request(
                                method, path, headers={"authorization": f"Bearer {text}"}, content=b"{}"
                            )
                        assert answer.status_code == 401, (role, method, path)
                        if method != "head":
                            assert answer.json()["code"] == "key_without_jurisdiction", (role, method, path)


async def test_key_of_operations_for_all_sees_no_case() -> None:
    """No answer of any route contains the case, its number, its item or its words."""
    async with served() as here:
        receipt = await here.filed(item="item-of-nobody", text="楼道里的独特字样")
        key, text = await here.runtime.principals.issue(
            here.runtime.handling("intake"), OPERATOR, "operations", None, jurisdiction=ALL
        )
        assert key.principal.role == "operations"
        seen = []
        for app in (here.app, here.operations):
            for path, operations in app.openapi()["paths"].items():
                for method in operations:
                    if method != "get":
                        continue
                    known = {
                        **dict.fromkeys(("reference", "case"), receipt["case"]),
                        **dict.fromkeys(("version", "number"), 1),
                        "org": "zj",
                        "jurisdiction": DEMO,
                        "platform": "wlzj",
                        "day": "2026-03-02",
                        "year": 2026,
                    }
                    address = path.format_map(defaultdict(lambda: "C1", known))
                    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
                        answer = await client.get(address, headers={"authorization": f"Bearer {text}"})
                    words = (receipt["case"], receipt["number"], "item-of-nobody", "独特字样", "张三")
                    seen.extend((path, word) for word in words if word in answer.text)
        assert seen == []


@pytest.mark.parametrize("role", FIRST_POLLS)
@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_key_that_ends_ends_its_open_long_poll(role: str, end: str) -> None:
    async with served() as here:
        owner_of = {"organisation": "zj", "platform": "wlzj"}
        expires = here.clock.now() + timedelta(hours=1) if end == "expired" else None
        handling = here.runtime.handling("intake")
        key, text = await here.runtime.principals.issue(handling, OPERATOR, role, owner_of[role], expires)
        async with here.client(key=text) as client:
            assert (await client.get(FIRST_POLLS[role])).status_code == 200
            began = time.monotonic()
            open_poll = asyncio.create_task(client.get(FIRST_POLLS[role], params={"wait": 30}, timeout=40))
            await asyncio.sleep(0.05)
            assert not open_poll.done()
            if end == "revoked":
                await here.runtime.principals.revoke(handling, OPERATOR, key.id)
            else:
                here.clock.advance(3700)
            answer = await open_poll
        assert answer.status_code == 401 and time.monotonic() - began < 10


async def test_key_expires_by_default_and_its_end_is_announced() -> None:
    async with served() as here, here.owner() as owner, here.client("clerk") as clerk:
        listed = (await owner.get("/local/keys")).json()["keys"]
        assert {one["expires"][:10] for one in listed} == {(MORNING + timedelta(days=365)).date().isoformat()}
        answer = await clerk.get("/v1/cases")
        assert answer.status_code == 200 and "x-huiyin-key-expires" not in answer.headers
        here.clock.advance(timedelta(days=336))
        listed = (await owner.get("/local/keys")).json()["keys"]
        assert all(one["expires_soon"] for one in listed)
        answer = await clerk.get("/v1/cases")
        assert from_text(answer.headers["x-huiyin-key-expires"]) == from_text(listed[0]["expires"])
        figures = (await owner.get("/metrics")).text
        assert f"huiyin_keys_expiring {len(listed):.1f}" in figures
        with capture_logs() as lines:
            watching = asyncio.create_task(here.runtime._keys())
            async with asyncio.timeout(10):
                while not lines:  # noqa: ASYNC110  the log offers no event to await
                    await asyncio.sleep(0.01)
            watching.cancel()
        assert [(line["event"], line["count"]) for line in lines] == [("keys_expire_soon", len(listed))]
        here.clock.advance(timedelta(days=30))
        assert (await clerk.get("/v1/cases")).status_code == 401
        listed = (await owner.get("/local/keys")).json()["keys"]
        assert not any(one["expires_soon"] for one in listed)


async def test_expiry_in_the_past_is_refused() -> None:
    async with served() as here, here.owner() as owner:
        body = {"role": "analyst", "expires": "2020-01-01T00:00:00Z"}
        answer = await owner.post("/local/keys", json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "expires_past", "expires")


async def test_wrong_key_of_any_form_is_refused_alike() -> None:
    async with served() as here:
        for shown in ("", "Bearer", "Bearer ", "Basic x", "Bearer hy_clerk_x", "Bearer " + "x" * 8000, "Bearer *"):
            async with here.client() as client:
                answer = await client.get("/v1/cases", headers={"authorization": shown})
            assert (answer.status_code, answer.json()["code"]) == (401, "key_required")


def test_refusal_of_an_old_key_says_what_to_do() -> None:
    key = AccessKey("k", "d", "clerk", "zj", None, MORNING)
    with pytest.raises(NotAuthenticated) as refused:
        _ = key.principal
    assert "huiyin keys add" in refused.value.detail and "huiyin keys add" in str(refused.value.detail_zh)
