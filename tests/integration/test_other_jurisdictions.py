"""Two counties in one deployment: a key has no access to the other county, whatever a request names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import orjson
import pytest

from services.supervision.policy_activation import activate
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO
from tests.support.serving import OPERATOR, Served, served, submission

NEXT = "next-door"


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    """The neighbouring county has its own organisations and a channel `letter-next` that this one lacks."""
    async with served() as made:
        sections: dict[str, Any] = deepcopy({one.section: one.document for one in bundled("demo")})
        sections["jurisdiction"]["code"] = NEXT
        sections["channels"]["channels"].append({"code": "letter-next", "name": "来信", "class_": "letter"})
        sections["organisations"]["organisations"].append({"code": "only-next", "name": "邻县单位", "kind": "handling"})
        await activate(made.runtime.handling("supervision"), OPERATOR, NEXT, sections)
        made.clock.advance(2)
        yield made


async def asked(here: Served, method: str, path: str, role: str = "registrar", **more: Any) -> tuple[int, str]:
    async with here.client(role) as client:
        answer = await client.request(method, path, **more)
    await here.runtime.drain()
    return answer.status_code, answer.json().get("code", "") if answer.content[:1] == b"{" else answer.text


async def test_policy_and_calendar_of_another_county_cannot_be_changed(here: Served) -> None:
    book = await here.runtime.ports.policies.book(NEXT)
    refused = (404, "unknown_jurisdiction")
    routing = {"jurisdiction": NEXT, "sections": {"routing": {"rules": [], "default": "queue"}}}
    assert await asked(here, "POST", "/v1/policies:activate", json=routing) == refused
    calendar = {"jurisdiction": NEXT, "calendar": {"years": {"2027": {"holidays": [], "workdays": []}}}}
    assert await asked(here, "POST", "/v1/calendars:publish", json=calendar) == refused
    assert (await here.runtime.ports.policies.book(NEXT)).version == book.version


async def test_filing_is_registered_in_county_of_key(here: Served) -> None:
    status, _code = await asked(here, "POST", "/v1/submissions", json=submission())
    assert status == 201, "both counties have this channel; the key says which"
    assert await asked(here, "POST", f"/v1/submissions?jurisdiction={NEXT}", json=submission()) == (
        404,
        "unknown_jurisdiction",
    )
    status, code = await asked(here, "POST", "/v1/submissions", json=submission(channel="letter-next"))
    assert (status, code) == (422, "unknown_channel")
    cases = [commit async for part in here.runtime.ports.log.scan("case/") for commit in part]
    assert {event.jurisdiction for commit in cases for event in commit.recorded} == {DEMO}


async def test_history_is_recorded_in_county_of_key(here: Served) -> None:
    row = {"line": 1, "channel": "letter", "item": "L-1", "filing": {"received_at": "2025-01-02", "text": "漏水"}}
    send: dict[str, Any] = {"content": orjson.dumps(row), "headers": {"content-type": "application/x-ndjson"}}
    assert await asked(here, "POST", f"/v1/history:batch?jurisdiction={NEXT}", **send) == (404, "unknown_jurisdiction")
    status, _ = await asked(here, "POST", "/v1/history:batch", **send)
    assert status == 200
    cases = [commit async for part in here.runtime.ports.log.scan("case/") for commit in part]
    assert {event.jurisdiction for commit in cases for event in commit.recorded} == {DEMO}


@pytest.mark.parametrize("role", ["registrar", "supervisor"])
async def test_inbox_of_another_county_is_reported_as_unknown(here: Served, role: str) -> None:
    assert (await asked(here, "GET", "/v1/organisations/zj/assignments", role))[0] == 200
    assert await asked(here, "GET", "/v1/organisations/only-next/assignments", role) == (404, "unknown_organisation")
