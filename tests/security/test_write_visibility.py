"""Whoever writes must be allowed to see: a case that is hidden from the caller is answered exactly like one that does not exist.

The routes come from the OpenAPI document, so a new route is covered by itself; it fails until BODIES names a valid request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, cast

import pytest

from shared.application.access_keys import PEOPLE
from shared.commands.authorization import FILE, IMPORT, Principal, Role, may_add_history, visible
from shared.repositories.matter_cases import lead_of
from tests.integration.test_http_roles import routes
from tests.security.hidden_cases import KINDS, NEXT, Hidden, Request, Target, hidden_cases
from tests.support import examples
from tests.support.county import DEMO
from tests.support.serving import ORGS

COMMAND = {"command": "nudge", "command_id": "c-1"}
FILING = {"channel": "web", "text": "楼道漏水", "place": "dh-yl", "subject": "0102"}
WRONG_FILING = {**FILING, "anonymous": True, "petitioner": {"name": "张三"}}
WRONG_CODE = "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A"
HISTORY = {"line": 1, "filing": {"received_at": "2025-01-02", "text": "漏水", "class": "claim"}}
STEPS = [
    {"type": "CaseWithdrawn", "effective_at": "2025-03-01"},
    {"type": "CaseClosed", "effective_at": "2025-03-02", "body": {"kind": "withdrawn"}},
]
Requests = Callable[[Target], Sequence[Request]]


def _commands(target: Target) -> list[Request]:
    """One command on each reference, and on the id one that would be refused for another reason."""
    found = [Request(f"/v1/cases/{one}/commands", COMMAND) for one in target.references]
    stale = {"command": "close", "command_id": "c-2", "kind": "explained", "expected_version": 1}
    return [*found, Request(f"/v1/cases/{target.id}/commands", stale)]


def _leads(target: Target) -> list[Request]:
    """The target as the case that a command on a visible case names."""
    bodies = [
        {"command": "link", "reason": "同一事项", "kind": kind, "lead": reference}
        for kind in ("same_matter", "related")
        for reference in target.references
    ]
    bodies.append({"command": "unlink", "reason": "并非同一事项", "lead": target.id})
    return [Request("/v1/cases/web:own/commands", {**body, "command_id": f"l-{n}"}) for n, body in enumerate(bodies)]


def _filings(path: str, more: dict[str, Any] | None = None) -> Requests:
    """A filing that a rule refuses, then a good one, of the item of the target."""
    batch = path.endswith("batch")

    def made(target: Target) -> list[Request]:
        bodies = [{**one, **(more or {}), "item": target.item} for one in (WRONG_FILING, FILING)]
        requests = [Request(path, [body] if batch else body) for body in bodies]
        return [*requests, requests[1]._replace(params={"jurisdiction": NEXT})]

    return made


def _history(target: Target) -> list[Request]:
    row = {**HISTORY, "channel": target.channel, "item": target.item}
    rows = [{**row, "go_live": True, "steps": STEPS[:1]}, {**row, "steps": STEPS}, row]
    return [Request("/v1/history:batch", [one], {"jurisdiction": DEMO}) for one in rows]


def _read(path: str) -> Requests:
    named = {"clock": "C1", "platform": "wlzj", "org": "zj", "day": "2026-03-02", "jurisdiction": DEMO, "kind": "reply"}
    named["version"] = "1"
    return lambda target: [Request(path.format(reference=one, case=one, **named)) for one in target.references[:2]]


def _codes(path: str, more: dict[str, Any] | None = None) -> Requests:
    return lambda target: [Request(path, {"number": target.number, "code": WRONG_CODE, **(more or {})})]


def _same(*requests: Request) -> Requests:
    """Requests that name no case."""
    return lambda _target: requests


def _act(path: str, body: dict[str, Any]) -> Requests:
    """What a unit does with a case; each request is an act of its own."""
    return lambda target: [
        Request(f"/v1/cases/{one}{path}", {"command_id": f"act{path.replace('/', '-')}-{place}", **body})
        for place, one in enumerate(target.references)
    ]


POLICY = {"sections": {"routing": {"rules": [], "default": "queue"}}}
BODIES: dict[tuple[str, str], Requests] = {
    ("POST", "/v1/cases/{reference}/commands"): lambda target: [*_commands(target), *_leads(target)],
    ("POST", "/v1/commands:batch"): lambda target: [
        Request("/v1/commands:batch", [{**COMMAND, "command_id": f"b-{n}", "case": one}])
        for n, one in enumerate(target.references)
    ],
    ("POST", "/v1/submissions"): _filings("/v1/submissions"),
    ("POST", "/v1/submissions:batch"): _filings("/v1/submissions:batch"),
    ("POST", "/v1/channels/{channel}/items"): _filings("/v1/channels/web/items"),
    ("POST", "/v1/channels/{channel}/items:batch"): _filings("/v1/channels/web/items:batch"),
    ("POST", "/v1/history:batch"): _history,
    ("POST", "/v1/status"): _codes("/v1/status"),
    ("POST", "/v1/status/documents"): _codes("/v1/status/documents"),
    ("POST", "/v1/status/data"): _codes("/v1/status/data"),
    ("POST", "/v1/receipt"): _codes("/v1/receipt"),
    ("POST", "/v1/receipt/details"): _codes("/v1/receipt/details"),
    ("POST", "/v1/calls"): lambda target: [
        Request("/v1/calls", {"command_id": f"c-{target.item}", "number": "13900000000", "missed_at": "2026-01-05"})
    ],
    ("POST", "/v1/calls/{call}"): lambda target: [
        Request(f"/v1/calls/{'0' * 32}", {"command_id": f"f-{place}", "outcome": "filed", "case": name})
        for place, name in enumerate(target.references)
    ],
    ("POST", "/v1/candidates"): lambda _target: [
        Request("/v1/candidates", {"text": "楼道漏水两个月，物业一直不管，请督促维修"})
    ],
    ("POST", "/v1/telephone/status"): lambda target: [
        Request("/v1/telephone/status", {"number": target.number, "pin": "000000"})
    ],
    ("POST", "/v1/citizens/commands"): _codes("/v1/citizens/commands", COMMAND),
    ("POST", "/v1/status/token"): _codes("/v1/status/token"),
    ("POST", "/v1/public/subjects"): _same(Request("/v1/public/subjects", {"text": "楼道漏水"})),
    ("POST", "/v1/public/submissions"): lambda target: [
        Request(
            "/v1/public/submissions", {"command_id": f"of-{target.item}-0123456789", "text": "x", "identity": "named"}
        )
    ],
    ("POST", "/v1/cases/{reference}/clerk"): _act("/clerk", {"clerk": "me"}),
    ("POST", "/v1/cases/{reference}/notes"): _act("/notes", {"text": "x"}),
    ("PUT", "/v1/cases/{reference}/drafts/{kind}"): _act("/drafts/reply", {"content": {}}),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/check"): _act("/drafts/reply/check", {"of": 1, "agreed": True}),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/sign"): _act("/drafts/reply/sign", {"of": 1, "agreed": True}),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/fill"): _act("/drafts/reply/fill", {"from": "none"}),
    ("PUT", "/v1/knowledge/{entry}"): _same(
        Request(
            "/v1/knowledge/none",
            {"command_id": "e-1", "office": "nowhere", "title": "x", "text": "x", "review_on": "2026-06-01"},
        )
    ),
    ("DELETE", "/v1/knowledge/{entry}"): _same(Request("/v1/knowledge/none", None, {"command_id": "e-2"})),
    ("DELETE", "/v1/cases/{reference}/drafts/{kind}"): lambda target: [
        Request(f"/v1/cases/{one}/drafts/reply", None, {"command_id": f"d-{place}"})
        for place, one in enumerate(target.references)
    ],
    ("POST", "/v1/sessions"): _same(Request("/v1/sessions", {"method": "oidc", "id_token": "a.b.c", "nonce": "n"})),
    ("POST", "/v1/sessions/passkey"): _same(Request("/v1/sessions/passkey", {})),
    ("POST", "/v1/sessions/renew"): _same(Request("/v1/sessions/renew", {})),
    ("POST", "/v1/sessions/post"): _same(Request("/v1/sessions/post", {"post": "x"})),
    ("POST", "/v1/sessions/end"): _same(Request("/v1/sessions/end", {})),
    ("POST", "/v1/sessions/end-all"): _same(Request("/v1/sessions/end-all", {})),
    ("POST", "/v1/sessions/absence"): _same(Request("/v1/sessions/absence", {"post": "x"})),
    ("POST", "/v1/invitations"): _same(Request("/v1/invitations", {"invitation": "hyi_z-01~x"})),
    ("POST", "/v1/invitations/accept"): _same(Request("/v1/invitations/accept", {"method": "x"})),
    ("POST", "/v1/policies:validate"): _same(Request("/v1/policies:validate", {"jurisdiction": DEMO, **POLICY})),
    ("POST", "/v1/policies:activate"): _same(Request("/v1/policies:activate", {"jurisdiction": NEXT, "sections": {}})),
    ("POST", "/v1/webhooks"): _same(Request("/v1/webhooks", {"url": "ftp://x", "after": 1, "command_id": "w-1"})),
    **{
        ("POST", f"/v1/webhooks/{{webhook}}:{verb}"): _same(Request(f"/v1/webhooks/wh_none:{verb}", {}))
        for verb in ("rotate", "test", "replay", "disable", "enable")
    },
    ("POST", "/v1/messages/{message}:done"): _same(Request("/v1/messages/msg_none:done", {"by": "call"})),
    ("POST", "/v1/files"): _same(Request("/v1/files", {}, {"kind": "none"})),
    ("PATCH", "/v1/uploads/{upload}"): _same(Request("/v1/uploads/none", {})),
    ("DELETE", "/v1/uploads/{upload}"): _same(Request("/v1/uploads/none")),
    ("POST", "/v1/files/{case}/{version}/redactions"): lambda target: [
        Request(f"/v1/files/{one}/1/redactions", {"command_id": f"r-{place}", "text": "x"})
        for place, one in enumerate(target.references)
    ],
    ("POST", "/v1/notices"): lambda target: [
        Request("/v1/notices", {"case": one, "kind": "transfer", "command_id": f"n-{place}"})
        for place, one in enumerate(target.references)
    ],
    ("POST", "/v1/calendars:publish"): _same(
        Request("/v1/calendars:publish", {"jurisdiction": "nowhere", "calendar": {"years": {}}})
    ),
}
"""Route that writes -> valid requests that name the target."""
APPENDS = {
    "/v1/submissions": FILE.roles,
    "/v1/channels/{channel}/items": FILE.roles,
    "/v1/history": IMPORT.roles,
}
"""Route whose requests are carried out for a case that does not exist -> its roles. Each request is about another case."""


def requests_of(method: str, path: str) -> Requests | None:
    """The requests of a route; None for one that neither writes nor names a case."""
    if method not in ("GET", "HEAD"):
        assert (method, path) in BODIES, f"add valid requests for {method} {path} to BODIES"
        return BODIES[method, path]
    return _read(path) if "{reference}" in path or "{case}" in path else None


@pytest.mark.parametrize("alone", [True, pytest.param(False, marks=pytest.mark.nightly)], ids=["embedded", "full"])
async def test_hidden_case_is_answered_like_missing_case(alone: bool) -> None:
    async with hidden_cases(alone=alone) as world:
        await world.here.filed(item="own")
        wrong: list[Any] = []
        compared = 0
        for method, path in routes(world.here):
            made = requests_of(method, path)
            if made is None:
                continue
            for role, kind in product(PEOPLE, KINDS):
                if kind == "follower elsewhere" and role not in ("organisation", "clerk"):
                    continue  # what a case follows decides only for them
                if await _may_know(world, role, kind, importing=path.startswith("/v1/history")):
                    continue
                target_of = world.new if role in APPENDS.get(path.removesuffix(":batch"), ()) else world.known
                for place, _ in enumerate(made(world.missing())):
                    target, missing = await target_of(role, kind), world.missing()
                    before = await _head(world, target)
                    one, other = [
                        await world.ask(role, method, made(about)[place], about) for about in (target, missing)
                    ]
                    compared += 1
                    if one != other or await _head(world, target) != before:
                        wrong.append((method, made(target)[place], role, kind, one, other))
        assert not wrong, "\n".join(str(one) for one in wrong[:12])
        assert compared > 300
        print(f"{compared} pairs of answers compared")


async def test_every_command_on_hidden_case_is_answered_alike() -> None:
    async with hidden_cases() as world:
        for role in PEOPLE:
            hidden = await world.known(role, "hidden accusation")
            for name in examples.commands():
                body = {"command": name, "command_id": f"c-{name}", **examples.example(name)}
                answers = [
                    await world.ask(role, "POST", Request(f"/v1/cases/{one.id}/commands", body), one)
                    for one in (hidden, world.missing())
                ]
                assert answers[0] == answers[1], (role, name)


async def _may_know(world: Hidden, role: str, kind: str, *, importing: bool) -> bool:
    """True if cases of that kind are not hidden from the role: the petition office sees its whole jurisdiction, and an import by
    operators is told which items of the open track are here."""
    target = await world.known(role, kind)
    case, _head = await world.here.runtime.ports.cases.get(target.id)
    principal = Principal(cast(Role, role), ORGS[role], "k", jurisdiction=DEMO)
    if importing and may_add_history(principal, case):
        assert role in ("registrar", "operator", "supervisor", "operations") and kind in KINDS[2:]
        return True
    seen = visible(principal, case, await lead_of(world.here.runtime.ports.cases, case))
    assert not seen or (role in ("registrar", "operator", "supervisor") and kind in KINDS[2:])
    return seen


async def _head(world: Hidden, target: Target) -> int:
    return sum(len(commit.recorded) for commit in await world.here.runtime.ports.log.load(f"case/{target.id}"))
