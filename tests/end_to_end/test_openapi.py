"""The OpenAPI document is true: whatever is sent, no 5xx, and no answer that it does not name; and each operation also succeeds.

A prepared deployment gives the ids. Each operation is first asked as somebody asks it who may and knows what to send, then with
what is generated, where the address names something that is there in half of the cases.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import httpx
import orjson
import pyotp
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.process import Server, huiyin, server

pytestmark = pytest.mark.slow
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = int(os.environ.get("HUIYIN_OPENAPI_EXAMPLES", "2"))
"""Requests made from the document for each role and operation; `make nightly` sends 25."""
ROLES = ("registrar:xfj", "clerk:zj", "operations", "platform:province", "organisation:zj")
NOTICE = {
    "office": "xfj",
    "notice": "receipt",
    "year": str(datetime.now(ZoneInfo("Asia/Shanghai")).year),
    "number": "1",
}
FILING = {"channel": "web", "text": "楼道漏水", "place": "dh-yl", "subject": "0102", "petitioner": {"name": "张三"}}

ENTRY = {"office": "xfj", "title": "x", "text": "x", "review_on": "2099-01-01"}
WEBHOOK = {"url": "https://hooks.invalid/x", "after": 1}
PLATFORMS = {"when": "2026-03-01 08:30:00", "what": "楼上一直漏水"}


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes:
    """The generated value as text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


class Prepared(NamedTuple):
    """Identifiers of existing data for the requests."""

    url: str
    keys: dict[str, str]
    case: str
    waiting: str
    """A case that waits for a person to dispatch it."""
    number: str
    code: str
    clock: str
    sections: dict[str, Any]
    calendar: dict[str, Any]
    webhook: str
    disabled: str
    """A webhook that may be disabled."""
    message: str
    """A message that a person brings."""
    day: str
    """The day on which a notice was issued."""
    staff: Staff
    letter: int
    """Version of the case with which a letter was attached."""

    def names(self, parameter: str) -> str | None:
        """An existing value for a parameter of that name."""
        known = {
            "reference": self.case,
            "case": self.case,
            "upload": "begun",
            "org": "zj",
            "jurisdiction": "cn-demo",
            "clock": self.clock,
            "channel": "own",
            "kind": "letter",
        }
        known |= {
            "platform": "province",
            "day": "2026-03-02",
            "webhook": self.webhook,
            "message": self.message,
            **NOTICE,
        }
        return known.get(parameter)


class Request(NamedTuple):
    """A valid request by an authorised client."""

    role: str
    path_parameters: dict[str, str] = {}  # noqa: RUF012
    query: dict[str, Any] = {}  # noqa: RUF012
    body: Any = None
    media_type: str = "application/json"
    headers: dict[str, str] = {}  # noqa: RUF012


NDJSON = "application/x-ndjson"
GOOD: dict[tuple[str, str], Callable[[Prepared], Request]] = {
    ("POST", "/v1/submissions"): lambda _: Request("registrar:xfj", body={**FILING, "item": "good-1"}),
    ("POST", "/v1/submissions:batch"): lambda _: Request(
        "registrar:xfj", body=orjson.dumps({**FILING, "item": "good-2"}), media_type=NDJSON
    ),
    ("POST", "/v1/status"): lambda here: Request("", body={"number": here.number, "code": here.code}),
    ("GET", "/v1/public/form"): lambda _: Request("", query={"jurisdiction": "cn-demo"}),
    ("GET", "/v1/public/map"): lambda _: Request("", query={"jurisdiction": "cn-demo", "area": "dh"}),
    ("POST", "/v1/public/subjects"): lambda _: Request("", body={"text": "楼道漏水"}),
    ("POST", "/v1/public/submissions"): lambda _: Request(
        "",
        body={
            "command_id": "good-8-random-enough",
            "text": "楼道漏水",
            "identity": "named",
            "petitioner": {"name": "张三"},
        },
    ),
    ("POST", "/v1/telephone/status"): lambda here: Request(
        "registrar:xfj", body={"number": here.number, "pin": pin_of(here)}
    ),
    ("POST", "/v1/calls"): lambda _: Request(
        "registrar:xfj", body={"command_id": "good-call", "number": "13900000000", "missed_at": "2026-01-05"}
    ),
    ("GET", "/v1/calls"): lambda _: Request("registrar:xfj"),
    ("GET", "/v1/calls/{call}"): lambda here: Request("registrar:xfj", {"call": missed_call(here)}),
    ("POST", "/v1/calls/{call}"): lambda here: Request(
        "registrar:xfj",
        {"call": missed_call(here)},
        body={"command_id": "good-return", "outcome": "not_reached"},
    ),
    ("POST", "/v1/candidates"): lambda _: Request(
        "registrar:xfj", body={"text": "楼道漏水两个月，物业一直不管，请督促维修", "place": "dh-yl"}
    ),
    ("POST", "/v1/receipt/details"): lambda here: Request("", body={"number": here.number, "code": here.code}),
    ("POST", "/v1/status/token"): lambda here: Request("", body={"number": here.number, "code": here.code}),
    ("POST", "/v1/status/documents"): lambda here: Request("", body={"number": here.number, "code": here.code}),
    ("POST", "/v1/status/data"): lambda here: Request("", body={"number": here.number, "code": here.code}),
    ("POST", "/v1/cases/{reference}/commands"): lambda here: Request(
        "clerk:zj", {"reference": here.case}, body={"command": "accept", "command_id": "good-3", "path": 6}
    ),
    ("GET", "/v1/cases"): lambda _: Request("registrar:xfj", query={"queue": "to_sign", "limit": 3}),
    ("GET", "/v1/cases/{reference}"): lambda here: Request("registrar:xfj", {"reference": here.number}),
    ("GET", "/v1/cases/{reference}/deadlines/{clock}/explain"): lambda here: Request(
        "clerk:zj", {"reference": here.case, "clock": here.clock}
    ),
    ("GET", "/v1/organisations/{org}/assignments"): lambda _: Request("clerk:zj", {"org": "zj"}, {"limit": 3}),
    ("GET", "/v1/platforms/{platform}/updates"): lambda _: Request(
        "platform:province", {"platform": "province"}, {"limit": 3}
    ),
    ("GET", "/v1/platforms/{platform}/days/{day}"): lambda _: Request(
        "operations", {"platform": "province", "day": "2026-03-02"}
    ),
    ("GET", "/v1/platforms/{platform}/receipts/{reference}"): lambda _: Request(
        "platform:province", {"platform": "province", "reference": "province:theirs"}
    ),
    ("GET", "/v1/platforms/{platform}/answers/{reference}"): lambda _: Request(
        "platform:province", {"platform": "province", "reference": "province:theirs"}
    ),
    ("GET", "/v1/policies"): lambda _: Request("operations"),
    ("GET", "/v1/policies/{jurisdiction}"): lambda _: Request("operations", {"jurisdiction": "cn-demo"}),
    ("POST", "/v1/policies:validate"): lambda here: Request(
        "operations", body={"jurisdiction": "cn-demo", "sections": here.sections}
    ),
    ("POST", "/v1/policies:activate"): lambda here: Request(
        "operations", body={"jurisdiction": "cn-demo", "sections": here.sections}
    ),
    ("POST", "/v1/calendars:publish"): lambda here: Request(
        "operations", body={"jurisdiction": "cn-demo", "calendar": here.calendar}
    ),
    ("POST", "/v1/history:batch"): lambda _: Request(
        "operations",
        body=orjson.dumps({"line": 1, "channel": "letter", "item": "old-1", "filing": {"received_at": "2025-03-03"}}),
        media_type=NDJSON,
    ),
    ("GET", "/v1/stats"): lambda _: Request("registrar:xfj", query={"by": "organisation"}),
    ("POST", "/v1/channels/{channel}/items"): lambda _: Request(
        "registrar:xfj", {"channel": "own"}, body={**PLATFORMS, "id": "good-6"}
    ),
    ("POST", "/v1/channels/{channel}/items:batch"): lambda _: Request(
        "registrar:xfj", {"channel": "own"}, body=orjson.dumps({**PLATFORMS, "id": "good-7"}), media_type=NDJSON
    ),
    ("POST", "/v1/commands:batch"): lambda here: Request(
        "registrar:xfj",
        body=orjson.dumps({"case": here.case, "command": "nudge", "command_id": "good-4"}),
        media_type=NDJSON,
    ),
    ("POST", "/v1/citizens/commands"): lambda here: Request(
        "", body={"command": "nudge", "command_id": "good-5", "number": here.number, "code": here.code}
    ),
    ("POST", "/v1/receipt"): lambda here: Request("", body={"number": here.number, "code": here.code}),
    ("GET", "/v1/cases/{reference}/receipt"): lambda here: Request("registrar:xfj", {"reference": here.case}),
    ("GET", "/v1/cases/{reference}/candidates"): lambda here: Request("registrar:xfj", {"reference": here.waiting}),
    ("POST", "/v1/notices"): lambda here: Request(
        "registrar:xfj", body={"case": here.case, "kind": "receipt", "command_id": "good-notice"}
    ),
    ("GET", "/v1/notices"): lambda _: Request("registrar:xfj"),
    ("GET", "/v1/notices/{office}/days/{day}"): lambda here: Request(
        "registrar:xfj", {"office": "xfj", "day": here.day}
    ),
    ("GET", "/v1/notices/{office}/{notice}/{year}/{number}"): lambda _: Request("registrar:xfj", NOTICE),
    ("GET", "/v1/notices/{office}/{notice}/{year}/{number}/document"): lambda _: Request("registrar:xfj", NOTICE),
    ("GET", "/v1/notice-drafts/{reference}"): lambda here: Request(
        "registrar:xfj", {"reference": here.case}, query={"kind": "transfer"}
    ),
    ("GET", "/v1/dossiers/{reference}"): lambda here: Request("registrar:xfj", {"reference": here.case}),
    ("GET", "/v1/matters/{reference}"): lambda here: Request("registrar:xfj", {"reference": here.case}),
    ("POST", "/v1/webhooks"): lambda _: Request("organisation:zj", body={**WEBHOOK, "command_id": "good-8"}),
    ("GET", "/v1/webhooks"): lambda _: Request("organisation:zj"),
    ("GET", "/v1/webhooks/{webhook}/log"): lambda here: Request("operations", {"webhook": here.webhook}),
    **{
        ("POST", f"/v1/webhooks/{{webhook}}:{verb}"): lambda here: Request("organisation:zj", {"webhook": here.webhook})
        for verb in ("rotate", "test", "enable")
    },
    ("POST", "/v1/webhooks/{webhook}:disable"): lambda here: Request("operations", {"webhook": here.disabled}),
    ("POST", "/v1/webhooks/{webhook}:replay"): lambda here: Request(
        "organisation:zj", {"webhook": here.webhook}, body={"first": 1}
    ),
    ("GET", "/v1/messages"): lambda _: Request("registrar:xfj"),
    ("GET", "/v1/messages/of/{reference}"): lambda here: Request("registrar:xfj", {"reference": here.case}),
    ("POST", "/v1/messages/{message}:done"): lambda here: Request(
        "registrar:xfj", {"message": here.message}, body={"by": "call"}
    ),
    ("GET", "/v1/words"): lambda _: Request(""),
    ("GET", "/v1/me"): lambda _: Request("acts"),
    ("GET", "/v1/live"): lambda _: Request("acts", query={"wait": 0}),
    ("GET", "/v1/cases/counts"): lambda _: Request("acts"),
    ("POST", "/v1/cases/{reference}/clerk"): lambda here: Request(
        "acts", {"reference": here.case}, body={"command_id": "good-9", "clerk": "me"}
    ),
    ("POST", "/v1/cases/{reference}/notes"): lambda here: Request(
        "acts", {"reference": here.case}, body={"command_id": "good-10", "text": "已约上门查看"}
    ),
    ("GET", "/v1/cases/{reference}/notes"): lambda here: Request("acts", {"reference": here.case}),
    ("PUT", "/v1/cases/{reference}/drafts/{kind}"): lambda here: Request(
        "acts", {"reference": here.case, "kind": "letter"}, body={"command_id": "good-11", "content": {"text": "x"}}
    ),
    ("GET", "/v1/cases/{reference}/drafts"): lambda here: Request("acts", {"reference": here.case}),
    ("GET", "/v1/cases/{reference}/drafts/{kind}"): lambda here: Request(
        "acts", {"reference": drafted(here), "kind": "reply"}
    ),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/check"): lambda here: Request(
        "again", {"reference": drafted(here), "kind": "reply"}, body={"command_id": "good-12", "of": 1, "agreed": True}
    ),
    ("PUT", "/v1/knowledge/{entry}"): lambda here: Request(
        "registrar:xfj", {"entry": "good"}, body={**ENTRY, "command_id": "good-k1"}
    ),
    ("GET", "/v1/knowledge"): lambda _: Request("registrar:xfj"),
    ("GET", "/v1/knowledge/{entry}"): lambda here: Request("registrar:xfj", {"entry": known(here)}),
    ("GET", "/v1/knowledge/{entry}/versions"): lambda here: Request("registrar:xfj", {"entry": known(here)}),
    ("DELETE", "/v1/knowledge/{entry}"): lambda here: Request(
        "registrar:xfj", {"entry": known(here)}, {"command_id": "good-k2"}
    ),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/fill"): lambda here: Request(
        "acts", {"reference": here.case, "kind": "letter"}, body={"command_id": "good-k3", "from": known(here)}
    ),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/sign"): lambda here: Request(
        "again",
        {"reference": drafted(here, checked=True), "kind": "reply"},
        body={"command_id": "good-16", "of": 1, "agreed": True},
    ),
    ("GET", "/v1/drafts"): lambda _: Request("acts"),
    ("DELETE", "/v1/cases/{reference}/drafts/{kind}"): lambda here: Request(
        "acts", {"reference": here.case, "kind": "letter"}, {"command_id": "good-13"}
    ),
    ("GET", "/v1/files/rules"): lambda _: Request("registrar:xfj"),
    ("POST", "/v1/files"): lambda here: Request(
        "registrar:xfj", headers={"Upload-Id": "good-1"}, body=b"a letter", media_type="application/octet-stream"
    ),
    ("PATCH", "/v1/uploads/{upload}"): lambda _: Request(
        "registrar:xfj",
        {"upload": "begun"},
        headers={"Upload-Offset": "3"},
        body=b"more",
        media_type="application/octet-stream",
    ),
    ("HEAD", "/v1/uploads/{upload}"): lambda _: Request("registrar:xfj", {"upload": "begun"}),
    ("GET", "/v1/uploads/{upload}"): lambda _: Request("registrar:xfj", {"upload": "begun"}),
    ("DELETE", "/v1/uploads/{upload}"): lambda _: Request("registrar:xfj", {"upload": "begun"}),
    ("GET", "/v1/files/{case}"): lambda here: Request("registrar:xfj", {"case": here.case}),
    ("GET", "/v1/files/{case}/{version}"): lambda here: Request(
        "registrar:xfj", {"case": here.case, "version": here.letter}
    ),
    ("POST", "/v1/files/{case}/{version}/redactions"): lambda here: Request(
        "registrar:xfj",
        {"case": here.case, "version": here.letter},
        body={"command_id": "good-redaction", "text": "来信（已隐去姓名）"},
    ),
    ("GET", "/v1/sessions/methods"): lambda _: Request(""),
    ("POST", "/v1/sessions"): lambda here: Request(
        "",
        body={
            "method": "password",
            "person": "p-acts",
            "password": PASSWORD,
            "totp": pyotp.TOTP(here.staff.secret).at(time.time() + 30),
        },
    ),
    ("POST", "/v1/sessions/passkey"): lambda _: Request(""),
    ("POST", "/v1/sessions/renew"): lambda _: Request("acts"),
    ("POST", "/v1/sessions/post"): lambda here: Request("acts", body={"post": here.staff.post}),
    ("POST", "/v1/sessions/end"): lambda _: Request("ends"),
    ("POST", "/v1/sessions/end-all"): lambda _: Request("ends-all"),
    ("POST", "/v1/sessions/absence"): lambda here: Request(
        "acts",
        body={
            "post": here.staff.post,
            "begins": "2030-01-01T00:00:00+08:00",
            "ends": "2030-01-02T00:00:00+08:00",
            "deputy": "p-again",
        },
    ),
    ("POST", "/v1/invitations"): lambda here: Request("", body={"invitation": here.staff.offered}),
    ("POST", "/v1/invitations/accept"): lambda here: Request("", body=here.staff.accepting),
    ("GET", "/livez"): lambda _: Request(""),
}
"""An operation without a row is never sure to succeed, and fails the test."""


def pin_of(here: Prepared) -> str:
    """The digits of the receipt for a question by telephone."""
    answer = httpx.post(f"{here.url}/v1/receipt/details", json={"number": here.number, "code": here.code})
    assert answer.is_success, answer.text
    return str(answer.json()["pin"])


def missed_call(here: Prepared) -> str:
    """The id of a missed call that waits."""
    body = {"command_id": f"missed-{secrets.token_hex(4)}", "number": "13900000000", "missed_at": "2026-01-05"}
    answer = httpx.post(f"{here.url}/v1/calls", json=body, headers=headers_of(here, "registrar:xfj"))
    assert answer.is_success, answer.text
    return str(answer.json()["call"])


def known(here: Prepared) -> str:
    """The code of an entry of the knowledge."""
    answer = httpx.put(
        f"{here.url}/v1/knowledge/known",
        json={**ENTRY, "command_id": f"good-k-{secrets.token_hex(4)}"},
        headers=headers_of(here, "registrar:xfj"),
    )
    assert answer.is_success, answer.text
    return "known"


def drafted(here: Prepared, *, checked: bool = False) -> str:
    """The case, with a draft of a reply, or a checked one."""
    answer = httpx.put(
        f"{here.url}/v1/cases/{here.case}/drafts/reply",
        json={"command_id": "good-14", "content": {"text": "x"}},
        headers=headers_of(here, "acts"),
    )
    assert answer.is_success, answer.text
    if checked:
        answer = httpx.post(
            f"{here.url}/v1/cases/{here.case}/drafts/reply/check",
            json={"command_id": "good-12", "of": 1, "agreed": True},
            headers=headers_of(here, "again"),
        )
        assert answer.is_success, answer.text
    return here.case


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("openapi") / "data"


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Server]:
    spool = f"spool:{folder.with_name('spool')}"
    with server(folder, HUIYIN_PUBLIC_URL="http://localhost", HUIYIN_GATEWAY_SMS=spool) as found:
        yield found


class Staff(NamedTuple):
    """Members of staff: sessions to use and to end, the person who signs in again, and invitations to use."""

    sessions: dict[str, str]
    secret: str
    post: str
    offered: str
    accepting: dict[str, Any]


PASSWORD = "one long sentence, said aloud"


def invitation(folder: Path, code: str) -> str:
    done = huiyin("person", "invite", code, "--role", "clerk", "--org", "zj", "--data", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    found: str = orjson.loads(done.stdout)["invitation"]
    return found


def staff(folder: Path, url: str) -> Staff:
    def sent(path: str, body: Any) -> Any:
        answer = httpx.post(url + path, json=body, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    def acceptance(code: str) -> tuple[dict[str, Any], str]:
        text = invitation(folder, code)
        offer = sent("/v1/invitations", {"invitation": text})
        body = {
            "method": "password", "invitation": text, "setup": offer["setup"], "password": PASSWORD,
            "totp": pyotp.TOTP(offer["totp_secret"]).now(),
        }  # fmt: skip
        return body, offer["totp_secret"]

    sessions, secret, post = {}, "", ""
    for name in ("again", "ends", "ends-all", "acts"):
        body, secret = acceptance(f"p-{name}")
        answer = sent("/v1/invitations/accept", body)
        sessions[name], post = answer["token"], answer["post"]["id"]
    return Staff(sessions, secret, post, invitation(folder, "p-offered"), acceptance("p-accepting")[0])


@pytest.fixture(scope="module")
def here(running: Server, folder: Path) -> Prepared:
    keys = {role: running.key(role) for role in ROLES}

    def ask(role: str, method: str, path: str, **parts: Any) -> Any:
        headers = {"authorization": f"Bearer {keys[role]}", **parts.pop("headers", {})}
        answer = httpx.request(method, running.url + path, headers=headers, timeout=30, **parts)
        assert answer.is_success, answer.text
        return answer.json()

    ask("registrar:xfj", "POST", "/v1/files", content="来信".encode(), headers={"Upload-Id": "letter"})
    filing = {**FILING, "item": "prepared", "files": ["letter"]}
    receipt = ask("registrar:xfj", "POST", "/v1/submissions", json=filing)
    letter = ask("registrar:xfj", "GET", f"/v1/files/{receipt['case']}")["files"][0]["version"]
    ask("platform:province", "POST", "/v1/submissions", json={**FILING, "channel": "province", "item": "theirs"})
    unplaced = {name: value for name, value in FILING.items() if name not in ("place", "subject")}
    waiting = ask("registrar:xfj", "POST", "/v1/submissions", json={**unplaced, "text": "请问", "item": "waiting"})
    shown: dict[str, Any] = {"deadlines": []}
    for _ in range(100):  # it is routed in the background
        shown = ask("registrar:xfj", "GET", f"/v1/cases/{receipt['case']}?content=false")
        if len(shown["deadlines"]) > 1:
            break
        time.sleep(0.05)
    assert shown["org"]["code"] == "zj"
    question = {"command": "ask_petitioner", "command_id": "question", "questions": ["何时发现漏水？"]}
    ask("registrar:xfj", "POST", f"/v1/cases/{receipt['case']}/commands", json=question)
    messages: list[dict[str, Any]] = []
    for _ in range(200):  # nobody left a telephone number, so a person has to call
        if messages := ask("registrar:xfj", "GET", "/v1/messages")["messages"]:
            break
        time.sleep(0.05)
    policy = ask("operations", "GET", "/v1/policies/cn-demo")
    documents = policy["documents"]
    channels = documents["channels"]
    own = {"code": "own", "name": "平台", "class_": "platform", "mapping": "own"}
    mapping = {"source": {"zone": "Asia/Shanghai"}, "item": "id", "filing": {"received_at": "when", "text": "what"}}
    mapped = {
        "channels": {**channels, "channels": [*channels["channels"], own]},
        "mappings": {"mappings": {"own": mapping}},
    }
    ask("operations", "POST", "/v1/policies:activate", json={"jurisdiction": "cn-demo", "sections": mapped})
    clock = shown["deadlines"][0]["clock"]
    people = staff(folder, running.url)
    keys_of = {**keys, **people.sessions}
    begun = {"authorization": f"Bearer {keys_of['registrar:xfj']}", "Upload-Id": "begun", "Upload-Complete": "?0"}
    assert httpx.post(f"{running.url}/v1/files", content=b"one", headers=begun, timeout=30).is_success
    webhooks = [
        ask("organisation:zj", "POST", "/v1/webhooks", json={**WEBHOOK, "command_id": f"w{number}"})["id"]
        for number in range(2)
    ]
    body = {"case": receipt["case"], "kind": "receipt", "command_id": "good-notice"}
    issued = ask("registrar:xfj", "POST", "/v1/notices", json=body)
    for _ in range(200):  # its document is made in the background
        if ask("registrar:xfj", "GET", f"/v1/notices/{issued['id']}")["status"] == "issued":
            break
        time.sleep(0.05)
    day = datetime.fromisoformat(issued["numbered_at"]).astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat()
    return Prepared(
        running.url, keys, receipt["case"], waiting["case"], receipt["number"], receipt["code"], clock,
        {"routing": documents["routing"]}, documents["calendar"], *webhooks, messages[0]["id"], day, people, letter,
    )  # fmt: skip


class Tally:
    """How each operation was answered."""

    def __init__(self) -> None:
        self.by: dict[tuple[str, str], Counter[str]] = {}

    def count(self, operation: Any, status: int) -> None:
        found = self.by.setdefault((operation.method.upper(), operation.path), Counter())
        found[f"{status // 100}xx"] += 1

    def __str__(self) -> str:
        rows = [f"{'operation':<68}{'2xx':>6}{'4xx':>6}{'5xx':>6}"]
        rows += [
            f"{method:<5}{path:<63}{found['2xx']:>6}{found['4xx']:>6}{found['5xx']:>6}"
            for (method, path), found in sorted(self.by.items(), key=lambda row: row[0][::-1])
        ]
        return "\n".join(rows)


def headers_of(here: Prepared, role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {here.staff.sessions.get(role) or here.keys[role]}"} if role else {}


def test_every_operation_succeeds_as_documented(here: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    schema = schemathesis.openapi.from_url(f"{here.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in operations} == set(GOOD), "a new operation needs its row in GOOD"
    tally = Tally()
    for operation in operations:
        good(operation, here, tally)
    for role in ROLES:
        for operation in operations:
            send_generated(operation, here, role, tally)
    with capsys.disabled():
        print(f"\n{tally}")
    never = [operation for operation, found in tally.by.items() if not found["2xx"]]
    assert never == [], "an operation never succeeded"
    assert not any(found["5xx"] for found in tally.by.values())


def good(operation: Any, here: Prepared, tally: Tally) -> None:
    """Send the valid request of an authorised client."""
    asked = GOOD[operation.method.upper(), operation.path](here)
    more = {} if asked.body is None else {"body": asked.body, "media_type": asked.media_type}
    case = operation.Case(path_parameters=dict(asked.path_parameters), query=dict(asked.query), **more)
    answer = case.call_and_validate(headers={**headers_of(here, asked.role), **asked.headers}, checks=CHECKS)
    tally.count(operation, answer.status_code)
    assert answer.status_code in (200, 201, 204), f"{operation.label}: {answer.text}"


def send_generated(operation: Any, here: Prepared, role: str, tally: Tally) -> None:
    """Send a request generated from the document."""

    @given(case=operation.as_strategy(), there=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    def ask(case: Any, there: bool) -> None:
        if operation.path == "/v1/live" or (case.query and "wait" in case.query):
            case.query = {**(case.query or {}), "wait": 0}
        if there:
            for name in case.path_parameters or ():
                case.path_parameters[name] = here.names(name) or case.path_parameters[name]
        answer = case.call_and_validate(headers=headers_of(here, role), checks=CHECKS)
        tally.count(operation, answer.status_code)

    ask()
