"""Every route of the public app and its authorised roles. A route that is missing in the table fails."""

from __future__ import annotations

from collections.abc import Iterator

from shared.application.access_keys import PEOPLE
from tests.support.serving import Served, served

OPEN = frozenset({"nobody", *PEOPLE})
ALL = frozenset(PEOPLE)
READERS = frozenset({"organisation", "clerk", "registrar", "operator", "supervisor", "platform"})
LISTERS = frozenset({"organisation", "clerk", "registrar", "operator", "supervisor"})
NOTICE_READERS = LISTERS - {"operator"}
DESK = frozenset({"clerk", "registrar", "supervisor"})
SENDERS = frozenset({"organisation", "clerk", "registrar", "supervisor", "platform"})
LAW = frozenset({"operations", "registrar", "operator", "supervisor", "analyst", "clerk", "organisation"})

ISSUERS = frozenset({"organisation", "clerk", "registrar"})

MATRIX: dict[tuple[str, str], frozenset[str]] = {
    ("POST", "/v1/submissions"): frozenset({"platform", "registrar", "operator"}),
    ("POST", "/v1/submissions:batch"): frozenset({"platform", "registrar", "operator"}),
    ("POST", "/v1/channels/{channel}/items"): frozenset({"platform", "registrar", "operator"}),
    ("POST", "/v1/channels/{channel}/items:batch"): frozenset({"platform", "registrar", "operator"}),
    ("GET", "/v1/public/form"): OPEN,
    ("GET", "/v1/public/map"): OPEN,
    ("POST", "/v1/public/submissions"): OPEN,
    ("POST", "/v1/public/subjects"): OPEN,
    ("POST", "/v1/status"): OPEN,
    ("POST", "/v1/status/token"): OPEN,
    ("POST", "/v1/status/documents"): OPEN,
    ("POST", "/v1/status/data"): OPEN,
    ("POST", "/v1/receipt"): OPEN,
    ("POST", "/v1/receipt/details"): OPEN,
    ("POST", "/v1/telephone/status"): frozenset({"registrar", "operator"}),
    ("POST", "/v1/citizens/commands"): OPEN,
    ("GET", "/v1/cases/{reference}/receipt"): frozenset({"platform", "registrar"}),
    ("POST", "/v1/cases/{reference}/commands"): ALL,
    ("POST", "/v1/commands:batch"): ALL,
    ("GET", "/v1/cases"): LISTERS,
    ("GET", "/v1/cases/{reference}/candidates"): frozenset({"registrar", "operator"}),
    ("POST", "/v1/candidates"): frozenset({"registrar", "operator"}),
    ("POST", "/v1/calls"): frozenset({"registrar", "operator"}),
    ("GET", "/v1/calls"): frozenset({"registrar", "operator"}),
    ("GET", "/v1/calls/{call}"): frozenset({"registrar", "operator"}),
    ("POST", "/v1/calls/{call}"): frozenset({"registrar", "operator"}),
    ("GET", "/v1/matters/{reference}"): LISTERS,
    ("GET", "/v1/cases/{reference}"): READERS,
    ("GET", "/v1/cases/{reference}/deadlines/{clock}/explain"): READERS,
    ("GET", "/v1/organisations/{org}/assignments"): NOTICE_READERS,
    ("POST", "/v1/notices"): ISSUERS,
    ("GET", "/v1/notices"): NOTICE_READERS,
    ("GET", "/v1/notices/{office}/days/{day}"): NOTICE_READERS,
    ("GET", "/v1/notices/{office}/{notice}/{year}/{number}"): NOTICE_READERS,
    ("GET", "/v1/notices/{office}/{notice}/{year}/{number}/document"): NOTICE_READERS,
    ("GET", "/v1/notice-drafts/{reference}"): ISSUERS,
    ("GET", "/v1/dossiers/{reference}"): NOTICE_READERS,
    ("GET", "/v1/platforms/{platform}/updates"): frozenset({"platform"}),
    ("GET", "/v1/platforms/{platform}/days/{day}"): frozenset({"platform", "registrar", "supervisor", "operations"}),
    ("GET", "/v1/platforms/{platform}/receipts/{reference}"): frozenset({"platform"}),
    ("GET", "/v1/platforms/{platform}/answers/{reference}"): frozenset({"platform"}),
    ("GET", "/v1/policies"): LAW,
    ("GET", "/v1/policies/{jurisdiction}"): LAW,
    ("POST", "/v1/policies:validate"): LAW,
    ("POST", "/v1/policies:activate"): frozenset({"operations", "registrar"}),
    ("POST", "/v1/calendars:publish"): frozenset({"operations", "registrar"}),
    ("POST", "/v1/history:batch"): frozenset({"operations", "registrar"}),
    ("POST", "/v1/webhooks"): frozenset({"organisation", "platform"}),
    ("GET", "/v1/webhooks"): frozenset({"organisation", "platform", "operations"}),
    ("POST", "/v1/webhooks/{webhook}:rotate"): frozenset({"organisation", "platform"}),
    ("POST", "/v1/webhooks/{webhook}:test"): frozenset({"organisation", "platform"}),
    ("POST", "/v1/webhooks/{webhook}:replay"): frozenset({"organisation", "platform"}),
    ("POST", "/v1/webhooks/{webhook}:enable"): frozenset({"organisation", "platform", "operations"}),
    ("POST", "/v1/webhooks/{webhook}:disable"): frozenset({"organisation", "platform", "operations"}),
    ("GET", "/v1/webhooks/{webhook}/log"): frozenset({"organisation", "platform", "operations"}),
    ("GET", "/v1/messages"): frozenset({"registrar", "supervisor"}),
    ("GET", "/v1/messages/of/{reference}"): frozenset({"registrar", "supervisor"}),
    ("POST", "/v1/messages/{message}:done"): frozenset({"registrar"}),
    ("GET", "/v1/stats"): frozenset({"analyst", "supervisor", "registrar", "operations"}),
    ("GET", "/v1/words"): OPEN,
    ("GET", "/v1/me"): ALL,
    ("GET", "/v1/live"): LISTERS,
    ("GET", "/v1/cases/counts"): LISTERS,
    ("POST", "/v1/cases/{reference}/clerk"): DESK,
    ("GET", "/v1/cases/{reference}/notes"): DESK,
    ("POST", "/v1/cases/{reference}/notes"): DESK,
    ("GET", "/v1/cases/{reference}/drafts"): DESK,
    ("GET", "/v1/cases/{reference}/drafts/{kind}"): DESK,
    ("PUT", "/v1/cases/{reference}/drafts/{kind}"): DESK,
    ("DELETE", "/v1/cases/{reference}/drafts/{kind}"): DESK,
    ("POST", "/v1/cases/{reference}/drafts/{kind}/check"): DESK,
    ("POST", "/v1/cases/{reference}/drafts/{kind}/fill"): DESK,
    ("GET", "/v1/knowledge"): DESK | {"operator"},
    ("GET", "/v1/knowledge/{entry}"): DESK | {"operator"},
    ("GET", "/v1/knowledge/{entry}/versions"): DESK | {"operator"},
    ("PUT", "/v1/knowledge/{entry}"): frozenset({"clerk", "registrar"}),
    ("DELETE", "/v1/knowledge/{entry}"): frozenset({"clerk", "registrar"}),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/sign"): DESK,
    ("GET", "/v1/drafts"): DESK,
    ("GET", "/v1/sessions/methods"): OPEN,
    ("POST", "/v1/sessions"): OPEN,
    ("POST", "/v1/sessions/passkey"): OPEN,
    ("POST", "/v1/sessions/renew"): frozenset(),
    ("POST", "/v1/sessions/post"): frozenset(),
    ("POST", "/v1/sessions/end"): frozenset(),
    ("POST", "/v1/sessions/end-all"): frozenset(),
    ("POST", "/v1/sessions/absence"): frozenset(),
    ("POST", "/v1/invitations"): OPEN,
    ("POST", "/v1/invitations/accept"): OPEN,
    ("GET", "/v1/files/rules"): SENDERS,
    ("POST", "/v1/files"): SENDERS,
    ("PATCH", "/v1/uploads/{upload}"): SENDERS,
    ("HEAD", "/v1/uploads/{upload}"): SENDERS,
    ("GET", "/v1/uploads/{upload}"): SENDERS,
    ("DELETE", "/v1/uploads/{upload}"): SENDERS,
    ("GET", "/v1/files/{case}"): READERS,
    ("GET", "/v1/files/{case}/{version}"): READERS,
    ("POST", "/v1/files/{case}/{version}/redactions"): frozenset({"registrar"}),
    ("GET", "/livez"): OPEN,
}
"""Who gets past the door: anything but 401 and 403. Commands ask for the role one by one, and on the case first: 404."""


QUERIES: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/v1/live"): {"wait": "0"},
    ("DELETE", "/v1/cases/{reference}/drafts/{kind}"): {"command_id": "d-1"},
    ("DELETE", "/v1/knowledge/{entry}"): {"command_id": "d-2"},
}


def routes(found: Served) -> Iterator[tuple[str, str]]:
    for path, operations in found.app.openapi()["paths"].items():
        for method in operations:
            yield method.upper(), path


async def test_every_route_is_listed_in_role_table() -> None:
    async with served() as found:
        assert set(routes(found)) == set(MATRIX)


async def test_operator_routes_are_served_on_socket_only() -> None:
    async with served() as found:
        public = {path for _method, path in routes(found)}
        local = set(found.local.openapi()["paths"])
    assert not any(path.startswith("/local") for path in public)
    operations = set(found.operations.openapi()["paths"])
    assert {path for path in local - public if not path.startswith("/local")} == {"/readyz", "/metrics"}
    assert operations < local and operations & public == {"/livez"}
    assert {"/local/export", "/local/backup"} <= local - operations
    assert len(local) > len(public) + 10


async def test_routes_enforce_roles() -> None:
    async with served() as found:
        receipt = await found.filed()
        wrong = []
        for (method, path), allowed in MATRIX.items():
            address = path.format(
                reference=receipt["case"],
                case=receipt["case"],
                version=1,
                upload="u1",
                clock="C1",
                org="zj",
                jurisdiction="cn-demo",
                channel="nowhere",
                platform="wlzj",
                day="2026-03-02",
                webhook="wh_nothing",
                message="msg_nothing",
                office="xfj",
                notice="receipt",
                year=2026,
                number=1,
                kind="reply",
                entry="x",
                call="0" * 32,
            )
            query = QUERIES.get((method, path), {})
            kind = "application/x-ndjson" if path.endswith("s:batch") or "history" in path else "application/json"
            for role in ("nobody", *PEOPLE):
                async with found.client(None if role == "nobody" else role) as client:
                    headers = {"content-type": kind}
                    answer = await client.request(method, address, content=b"{}", params=query, headers=headers)
                if role == "nobody" and role not in allowed:
                    good = answer.status_code == 401
                elif role in allowed:
                    good = answer.status_code not in (401, 403)
                else:
                    good = answer.status_code in (403, 404) or (not allowed and answer.status_code == 401)
                if not good:
                    wrong.append((method, path, role, answer.status_code))
    assert wrong == []
