"""No personal data where it does not belong: plant canaries in everything a person may type, use everything, and look.

Looked through: every byte of every file in the data folder (log, views, facts, keys, write-ahead files), metrics, the log lines of
the process, every error answer, and every answer to somebody who may not read the case.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from shared.hosting.log_format import configure
from shared.hosting.process import Process
from shared.kernel.settings import load
from shared.policy.loading.loader import bundled
from tests.support.canaries import Canaries
from tests.support.deciding import PROOF

CLERK_TEXTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("clerk", "sign_off", {}),
    ("clerk", "accept", {"path": 6}),
    ("clerk", "serve_notice", {"kind": "exempt", "reason": "{reason}"}),
    ("clerk", "record_step", {"step": "site_visit", "text": "{step}"}),
    ("clerk", "ask_extension", {"days": 5, "reason": "{extension}"}),
    ("registrar", "add_material", {"text": "{material}"}),
    ("registrar", "nudge", {"text": "{nudge}"}),
    ("clerk", "record_hearing", {"from": "2026-03-01", "to": "2026-03-02"}),
    ("clerk", "decide", {"result": "supported", "basis": ["Art. 32"], "text": "{decision}"}),
    ("clerk", "deliver_reply", {"mode": "in_person", "text": "{reply}"}),
    ("clerk", "confirm_execution", {"text": "{execution}"}),
    ("registrar", "evaluate", {"object": "organisation", "grade": "satisfied", "text": "{opinion}"} | PROOF),
    ("registrar", "request_review", {"text": "{appeal}"} | PROOF),
    ("supervisor", "name_review_body", {"body": "sfc", "reason": "{choice}"}),
    ("clerk:sfc", "issue_review_opinion", {"result": "upheld", "text": "{review}"}),
    ("supervisor", "follow_up", {"reached": True, "satisfied": True, "text": "{call}"}),
    ("registrar", "correct", {"field": "subject", "new": "0102", "reason": "{correction}"}),
    ("supervisor", "close", {"kind": "resolved_unconfirmed", "text": "{closing}"}),
)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[tuple[Process, httpx.AsyncClient, Path]]:
    configure("debug")
    settings = load(data=tmp_path / "data")
    async with opened(settings.data, settings, create=True) as runtime:
        transport = httpx.ASGITransport(build_owner_app(runtime))
        async with httpx.AsyncClient(transport=transport, base_url="http://huiyin") as client:
            sections = {one.section: one.document for one in bundled("demo")}
            found = await client.post(
                "/v1/policies:activate",
                json={"jurisdiction": "cn-demo", "sections": sections, "effective_at": "2020-01-01"},
                headers=as_("operations"),
            )
            assert found.status_code == 200, found.text
            yield runtime, client, tmp_path / "data"


def as_(who: str) -> dict[str, str]:
    return {"X-Huiyin-As": who}


async def test_personal_data_canaries_do_not_leak(
    here: tuple[Process, httpx.AsyncClient, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    runtime, client, folder = here
    birds = Canaries()
    shown: list[str] = []
    filing = birds.fill(
        {
            "channel": "web",
            "item": "{item}",
            "title": "{title}",
            "text": "{text}",
            "place": "dh",
            "subject": "0101",
            "location": "{location}",
            "petitioner": {"name": "{name}", "phone": "{phone}", "id_number": "{id}", "address": "{address}"},
            "agent": {"name": "{agent}", "phone": "{agent_phone}"},
            "co_petitioners": [{"name": "{second}"}, {"name": "{third}", "phone": "{third_phone}"}],
        }
    )
    receipt = (await client.post("/v1/submissions", json=filing, headers=as_("registrar:xfj"))).json()
    unclear = birds.fill(
        {"channel": "web", "item": "{item2}", "text": "{text2}", "place": "{where}", "subject": "{what}"}
    )
    await client.post("/v1/submissions", json=unclear, headers=as_("registrar:xfj"))
    await runtime.drain()
    case = (await client.get(f"/v1/cases/{receipt['case']}", headers=as_("supervisor:xfj"))).json()
    org = case["org"]["code"]
    for number, (role, name, fields) in enumerate(CLERK_TEXTS):
        who = role if ":" in role else f"{role}:{org if role == 'clerk' else 'xfj'}"
        body = {"command": name, "command_id": f"c{number}", **birds.fill(fields)}
        answer = await client.post(f"/v1/cases/{receipt['case']}/commands", json=body, headers=as_(who))
        assert answer.status_code == 200, answer.text
        shown.append(answer.text)
        await runtime.drain()
    shown += await joined(runtime, client, birds)
    shown += await bad_requests(client, birds, receipt["case"], org)
    shown += await outsiders(client, receipt["case"], org)
    shown += await by_code(client, birds, receipt)
    metrics = await client.get("/metrics", headers=as_("operations"))
    assert metrics.status_code == 200
    shown.append(metrics.text)
    full = (await client.get(f"/v1/cases/{receipt['case']}", headers=as_(f"clerk:{org}"))).text
    assert birds.found_in(full), "the one who works on the case reads it: otherwise this test sees nothing at all"
    await asyncio.sleep(0.3)
    output = capfd.readouterr()
    assert birds.found_in("\n".join(shown)) == []
    assert birds.found_in(output.out + output.err) == []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert birds.found_in_bytes(file.read_bytes()) == [], file.name


async def joined(runtime: Process, client: httpx.AsyncClient, birds: Canaries) -> list[str]:
    """A filing of the same matter: the responses with candidates, links and matters."""
    desk = as_("registrar:xfj")
    first, second = [
        (
            await client.post(
                "/v1/submissions",
                json=birds.fill(
                    {"channel": "web", "item": item, "title": "{title}", "text": "{text}", "place": "dh", "subject": "0102",
                     "petitioner": {"name": "{neighbour}", "phone": "{neighbour_phone}"}}
                ),
                headers=desk,
            )
        ).json()["case"]
        for item in ("joined-1", "joined-2")
    ]  # fmt: skip
    await runtime.drain()
    shown: list[str] = []

    async def act(name: str, **fields: Any) -> None:
        body = {"command": name, "command_id": f"joined-{len(shown)}", **birds.fill(fields)}
        answer = await client.post(f"/v1/cases/{second}/commands", json=body, headers=desk)
        assert answer.status_code == 200, answer.text
        shown.append(answer.text)
        await runtime.drain()

    await act("recall", reason="{recalled}")
    found = await client.get(f"/v1/cases/{second}/candidates", headers=desk)
    assert first in {one["id"] for one in found.json()["candidates"]}, found.text
    await act("link", lead=first, kind="duplicate", reason="{linked}")
    paths = (f"/v1/matters/{first}", f"/v1/cases/{second}?content=false", f"/v1/cases/{second}/candidates")
    shown += [(await client.get(path, headers=desk)).text for path in paths]
    await act("unlink", reason="{unlinked}")
    return [*shown, found.text]


async def bad_requests(client: httpx.AsyncClient, birds: Canaries, case: str, org: str) -> list[str]:
    """Errors name the field and the problem, never the input."""
    bird = birds.new("error")
    bodies: list[Any] = [
        {"channel": "web", "item": "x", "text": "y", "surprise": bird},
        {"channel": "web", "item": "x", "text": "y", bird: 1},
        {"channel": bird, "item": "x", "text": "y"},
        {"channel": "web", "item": "x\n" + bird, "text": "y"},
        {"channel": "web", "item": "x", "text": "y", "received_at": bird},
        {"channel": "web", "item": "x", "text": "y", "anonymous": bird},
        {"channel": "web", "item": "x", "text": "y", "petitioner": bird},
        [bird],
        bird,
    ]
    answers = [await client.post("/v1/submissions", json=body, headers=as_("registrar:xfj")) for body in bodies]
    commands: list[dict[str, Any]] = [
        {"command": bird, "command_id": "z1"},
        {"command": "sign_off", "command_id": bird + " with spaces"},
        {"command": "decide", "command_id": "z3", "result": bird, "basis": [bird], "text": bird},
        {"command": "decide", "command_id": "z4", "result": "explained", "basis": [bird], "text": bird},
        {"command": "sign_off", "command_id": "z5", "effective_at": bird},
    ]
    answers += [
        await client.post(f"/v1/cases/{case}/commands", json=body, headers=as_(f"clerk:{org}")) for body in commands
    ]
    answers.append(await client.post("/v1/submissions", content=f'{{"a": "{bird}"', headers=as_("registrar:xfj")))
    answers.append(await client.post("/v1/status", json={"number": bird, "code": bird}))
    answers.append(await client.get(f"/v1/cases/{bird}", headers=as_("supervisor:xfj")))
    answers.append(await client.get(f"/v1/matters/{bird}", headers=as_("supervisor:xfj")))
    answers.append(await client.get(f"/v1/cases/{bird}/candidates", headers=as_("registrar:xfj")))
    body = {"command": "link", "command_id": "z6", "lead": bird, "reason": bird}
    answers.append(await client.post(f"/v1/cases/{case}/commands", json=body, headers=as_("registrar:xfj")))
    answers.append(await client.get("/v1/cases", params={"state": bird}, headers=as_("supervisor:xfj")))
    for answer in answers:
        assert 400 <= answer.status_code < 500, answer.text
        assert re.fullmatch(r"[a-z_]+", answer.json()["code"]), answer.text
    return [answer.text for answer in answers]


async def by_code(client: httpx.AsyncClient, birds: Canaries, receipt: dict[str, str]) -> list[str]:
    """Responses for number and code: status, pages and acts state events, never identities."""
    pair = {"number": receipt["number"], "code": receipt["code"]}
    act = {**pair, "command": "request_re_review", "command_id": "r1", "text": birds.new("again")}
    wrong = {**pair, "command": birds.new("error"), "command_id": "r2", birds.new("error"): 1}
    good = [
        await client.post("/v1/citizens/commands", json=act),
        await client.post("/v1/status", json=pair),
        await client.post("/v1/receipt/details", json=pair),
        await client.post("/v1/receipt", json=pair),
        await client.get(f"/v1/cases/{receipt['case']}/receipt", headers=as_("registrar:xfj")),
    ]
    bad = [
        await client.post("/v1/citizens/commands", json=wrong),
        await client.post("/v1/citizens/commands", json={**act, birds.new("error"): birds.new("error")}),
        await client.post("/v1/status", json={"number": birds.new("error"), "code": birds.new("error")}),
        await client.post("/v1/receipt/details", json={**pair, birds.new("error"): birds.new("error")}),
    ]
    assert [answer.status_code for answer in good] == [200] * len(good)
    assert all(400 <= answer.status_code < 500 for answer in bad)
    return [answer.text for answer in (*good, *bad)]


async def outsiders(client: httpx.AsyncClient, case: str, org: str) -> list[str]:
    """Responses to readers without access to this case, and lists and inboxes for those with access."""
    answers = [
        await client.get(f"/v1/cases/{case}", headers=as_("clerk:jy")),
        await client.get("/v1/cases", headers=as_("supervisor:xfj")),
        await client.get("/v1/cases", headers=as_(f"clerk:{org}")),
        await client.get(f"/v1/organisations/{org}/assignments", headers=as_(f"organisation:{org}")),
        await client.get("/v1/stats", headers=as_("analyst")),
        await client.get("/v1/policies", headers=as_("analyst")),
    ]
    assert answers[0].status_code == 404
    return [answer.text for answer in answers]
