"""Nothing of an accusation reaches the accused (Art. 30, 46(5)): not its number, its id, or a difference in a count.

Two counties live through the same days with the same cases and the same secrets; one of them also has accusations against
the housing bureau (zj), at every stage. As that bureau and as its clerk every route of the OpenAPI is asked the same in both, with
the ids, numbers and items of the accusations where a case is named. The answers must be equal to the byte.

Made equal before: ids of keys and of events, which are random and mean nothing, and the encrypted cursors of an inbox, which
differ in each county. Figures give all sealed cases in one coarse number, the same for every caller: it is compared among them.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import orjson
import pytest
import pytest_asyncio

from services.intake.commands.filing import FileCase
from services.intake.registration import file_case
from shared.case import STATES
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.commands.event_writer import EventMetadata
from shared.queries.worklist import QUEUES
from tests.support.county import DEMO, REGISTRAR, SUPERVISOR, clerk
from tests.support.deciding import PROOF
from tests.support.examples import commands, example
from tests.support.serving import Served, served, submission

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
ACCUSED = "zj"
COMMON = int(os.environ.get("HUIYIN_COUNTY", "200"))
"""Cases of both counties, a tenth of them accusations; `make nightly` lives through 500."""
TURNS = 9 if COMMON >= 500 else 3
"""Accusations at which each command is tried."""
DAY = 86400
ROLES = ("organisation", "clerk")
WIDER = ("supervisor", "registrar", "analyst", "operator")
"""Roles that see a whole jurisdiction, or its figures, here of people who belong to the accused organisation."""
SUBJECTS = ("0101", "0102", "0103", "0104", "0201", "0301", "1201", "1502")
PLACES = ("dh-yl", "xs-sm", "bh-cg", "sl")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_CURSOR = re.compile(r'(?:(?<="id":")|(?<="after":"))(?![0-9a-f]{32}")[\w-]{32}(?=")')
_SEALED = re.compile(r'"sealed": ?"([0-9]+-[0-9]*)"')

Asked = tuple[str, dict[str, Any]]
"""(address, what httpx takes besides)"""


class Secret(NamedTuple):
    """An accusation, by all the names that it has."""

    case: str
    number: str
    item: str

    @property
    def references(self) -> tuple[str, str, str]:
        return self.case, self.number, f"web:{self.item}"


class Twins(NamedTuple):
    accusing: Served
    innocent: Served
    secrets: list[Secret]
    own: list[str]
    """Cases that the accused organisation handles itself, in both."""


async def settle(here: Served, without: str = "analytics") -> None:
    """Wait for everything that follows. Figures are waited for once, before they are asked for: they are written in batches."""
    while any(lag for group, lag in (await here.runtime.ports.feed.lag()).items() if group != without):  # noqa: ASYNC110
        await asyncio.sleep(0)


async def file(here: Served, principal: Principal = REGISTRAR, **fields: Any) -> Any:
    command = FileCase.model_validate(submission(**fields))
    receipt = await file_case(here.runtime.handling("intake"), principal, command, DEMO)
    await settle(here)
    return receipt


async def act(here: Served, case: str, name: str, principal: Principal, **fields: Any) -> None:
    """A command as the HTTP interface passes it, without HTTP."""
    rule = RULES[name]
    command = rule.model.model_validate(fields)
    stamp = EventMetadata(principal, f"{principal.name}:{name}-{case}")
    await here.runtime.handling(rule.service).handle(
        case, rule.action, stamp, lambda found, given: rule(found, command, given)
    )
    await settle(here)


async def work(here: Served, case: str, org: str, steps: int) -> None:
    """The first `steps` steps of the ordinary way."""
    own = clerk(org)
    way: list[tuple[str, Principal, dict[str, Any]]] = [
        ("sign_off", own, {}),
        ("accept", own, {"path": 6}),
        ("serve_notice", own, {"kind": "acceptance"}),
        ("finish_accusation", own, {"text": "意见"})
        if org == "jjw"
        else ("decide", own, {"result": "explained", "basis": ["条例第三十二条"], "text": "意见"}),
        ("deliver_reply", own, {}),
        ("evaluate", REGISTRAR, {"object": "organisation", "grade": "satisfied"} | PROOF),
        ("follow_up", SUPERVISOR, {"reached": True, "satisfied": True}),
        ("close", SUPERVISOR, {"kind": "explained"}),
    ]
    for name, principal, fields in way[:steps]:
        await act(here, case, name, principal, **fields)


async def common(here: Served, turn: int) -> str:
    """The n-th case of both counties. Every 20th is an accusation against another organisation."""
    fields: dict[str, Any] = {
        "item": f"c-{turn}",
        "place": PLACES[turn // len(SUBJECTS) % len(PLACES)],
        "subject": SUBJECTS[turn % len(SUBJECTS)],
        "confidential": turn % 7 == 0,
    }
    if turn % 20 == 0:
        fields |= {"class": "accusation", "respondent": {"name": "某人", "org": ("jt", "rs")[turn // 20 % 2]}}
    receipt = await file(here, **fields)
    case: str = receipt.case
    if turn % 20 == 0:
        await act(here, case, "dispatch", REGISTRAR, org="jjw")
    elif turn % 6 == 0 and (org := (await here.runtime.ports.cases.load_confirmed(case)).case.assignment.org):
        await work(here, case, org, turn // 6 % 9)
    return case


async def accusation(here: Served, turn: int) -> Secret:
    """The n-th accusation against the accused organisation, each further than the one before; every fourth is a claim that
    names the organisation as the one complained of."""
    item = f"against-{turn}"
    fields: dict[str, Any] = {"class": "accusation"} if turn % 4 else {}
    if turn % 3 == 0:
        fields["received_by"] = ACCUSED  # at their own window
    receipt = await file(
        here, item=item, place=PLACES[turn % 4], subject="0102", respondent={"name": "某科长", "org": ACCUSED}, **fields
    )
    case = (await here.runtime.ports.cases.load_confirmed(receipt.case)).case
    if case.accusation.suspected is not None:  # a claim that names an organisation waits until a person has read it
        await act(here, receipt.case, "clear_suspicion", REGISTRAR)
        case = (await here.runtime.ports.cases.load_confirmed(receipt.case)).case
    organ = case.assignment.org or ("jjw" if turn % 4 else "jt")
    if case.assignment.org is None and turn % 9:
        await act(here, receipt.case, "dispatch", REGISTRAR, org=organ)
    if turn % 9:
        await work(here, receipt.case, organ, turn % 9)
    return Secret(receipt.case, receipt.number, item)


async def tick(here: Served) -> None:
    (ticker,) = (part.ticker for part in here.runtime.parts if part.ticker is not None)
    while await ticker.look():
        await settle(here)
    await settle(here)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def twins() -> AsyncIterator[Twins]:
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(served()) for _ in range(2)]
        secrets: list[Secret] = []
        for turn in range(COMMON):
            for here in both:
                await common(here, turn)
                if here is both[0] and turn % 10 == 3:
                    secrets.append(await accusation(here, len(secrets)))
                here.clock.advance(3600)
        for here in both:
            for _ in range(20):
                here.clock.advance(DAY)
                await tick(here)
            for role, org in ((role, ACCUSED) for role in (*ROLES, *WIDER)):
                here.keys[f"{role}:{org}"] = await here.key_of(role, org)
            here.clock.advance(2)
            await settle(here, without="")
        async with both[1].client("clerk") as own:
            page = (await own.get("/v1/cases?limit=200")).json()
        yield Twins(both[0], both[1], secrets, [one["id"] for one in page["cases"]])


# ---- requests for each route


def lists(_twins: Twins) -> Iterator[Asked]:
    wanted: list[dict[str, str]] = [{}, {"limit": "1"}, {"limit": "7"}, {"due_before": "2030-01-01"}]
    wanted += [{"queue": queue} for queue in QUEUES]
    wanted += [{"state": state, "limit": "200"} for state in STATES]
    wanted += [{"org": org} for org in (ACCUSED, "jjw", "jt", "xfj", "none")]
    wanted += [{"place": place, "limit": "200"} for place in PLACES]
    wanted += [{"subject": subject, "queue": "to_dispatch"} for subject in SUBJECTS]
    wanted += [{"queue": "lost"}, {"state": "accused"}, {"after": "x"}]
    for query in wanted:
        yield "/v1/cases", {"params": query}


def references(twins: Twins) -> Iterator[str]:
    for place, secret in enumerate(twins.secrets):
        yield secret.references[place % 3]
    yield from (*twins.own[:20], "0" * 32, "2026-0000-0000-0000-0", "web:never-filed", "nonsense")


def one_case(twins: Twins) -> Iterator[Asked]:
    for reference in references(twins):
        yield f"/v1/cases/{reference}", {}
    for secret in twins.secrets[:6]:
        for query in ("as_of=2026-03-02", "known_at=2026-03-20", "content=false", "as_of=1999-01-01", "as_of=x"):
            yield f"/v1/cases/{secret.case}?{query}", {}


def clocks(twins: Twins) -> Iterator[Asked]:
    for place, reference in enumerate(references(twins)):
        yield f"/v1/cases/{reference}/deadlines/{('C1', 'C3', 'C5', 'C99')[place % 4]}/explain", {}


def given_commands(twins: Twins) -> Iterator[Asked]:
    for place, name in enumerate(commands()):
        for turn in range(TURNS):
            secret = twins.secrets[(place * TURNS + turn) % len(twins.secrets)]
            body = {"command": name, "command_id": f"probe-{turn}-{name}", **example(name)}
            yield f"/v1/cases/{secret.references[turn % 3]}/commands", {"json": body}
    body = {"command": "sign_off", "command_id": "x", "expected_version": 1}
    yield f"/v1/cases/{twins.secrets[0].case}/commands", {"json": body}
    yield f"/v1/cases/{twins.secrets[0].case}/commands", {"json": {"command": "sign_off"}}


def inboxes(_twins: Twins) -> Iterator[Asked]:
    for org in (ACCUSED, "jjw", "jt", "xfj", "none"):
        for query in ("limit=200", "limit=200&after=200", "limit=200&after=400", "after=1000000", "limit=3"):
            yield f"/v1/organisations/{org}/assignments?{query}", {}


def filings(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:6]:
        yield "/v1/submissions", {"json": submission(item=secret.item)}


def many_filings(twins: Twins) -> Iterator[Asked]:
    lines = b"\n".join(orjson.dumps(submission(item=secret.item)) for secret in twins.secrets)
    yield "/v1/submissions:batch", {"content": lines, "headers": {"content-type": "application/x-ndjson"}}


def statuses(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:4]:
        yield "/v1/status", {"json": guess(secret)}


def guess(secret: Secret) -> dict[str, str]:
    """The case number with a wrong code."""
    return {"number": secret.number, "code": "00000-00000-00000-00000-00000-0"}


def figures(_twins: Twins) -> Iterator[Asked]:
    for query in ("", "?by=organisation", "?period=2026-03", "?as_of=2026-03-20"):
        yield f"/v1/stats{query}", {}


def policies(_twins: Twins) -> Iterator[Asked]:
    yield "/v1/policies", {}


def one_policy(_twins: Twins) -> Iterator[Asked]:
    yield f"/v1/policies/{DEMO}", {}


def proposals(_twins: Twins) -> Iterator[Asked]:
    yield "/v1/policies:validate", {"json": {"jurisdiction": DEMO, "sections": {"routing": {}}}}


def activations(_twins: Twins) -> Iterator[Asked]:
    yield "/v1/policies:activate", {"json": {"jurisdiction": DEMO, "sections": {"routing": {}}}}


def calendars(_twins: Twins) -> Iterator[Asked]:
    yield "/v1/calendars:publish", {"json": {"jurisdiction": DEMO, "calendar": {}}}


def histories(twins: Twins) -> Iterator[Asked]:
    lines = b"\n".join(orjson.dumps({"channel": "web", "item": secret.item}) for secret in twins.secrets)
    yield "/v1/history:batch", {"content": lines, "headers": {"content-type": "application/x-ndjson"}}


def items(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:6]:
        yield "/v1/channels/province/items", {"json": {"id": secret.item, "text": "x"}}


def many_items(twins: Twins) -> Iterator[Asked]:
    lines = b"\n".join(orjson.dumps({"id": secret.item}) for secret in twins.secrets)
    yield "/v1/channels/province/items:batch", {"content": lines, "headers": {"content-type": "application/x-ndjson"}}


def many_commands(twins: Twins) -> Iterator[Asked]:
    lines = b"\n".join(
        orjson.dumps({"case": secret.references[place % 3], "command": "sign_off", "command_id": f"bulk-{place}"})
        for place, secret in enumerate(twins.secrets)
    )
    yield "/v1/commands:batch", {"content": lines, "headers": {"content-type": "application/x-ndjson"}}


def documents(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/status/documents", {"json": guess(secret)}


def own_data(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/status/data", {"json": guess(secret)}


def citizens(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/citizens/commands", {"json": {"command": "nudge", "command_id": "x", **guess(secret)}}


def receipts_by_code(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/receipt", {"json": guess(secret)}


def receipt_details(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/receipt/details", {"json": guess(secret)}


def by_telephone(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/telephone/status", {"json": {"number": guess(secret)["number"], "pin": "000000"}}


def messages_of(twins: Twins) -> Iterator[Asked]:
    for reference in references(twins):
        yield f"/v1/messages/of/{reference}", {}


def receipts(twins: Twins) -> Iterator[Asked]:
    for reference in references(twins):
        yield f"/v1/cases/{reference}/receipt", {}


def same_matter(twins: Twins) -> Iterator[Asked]:
    for reference in references(twins):
        yield f"/v1/cases/{reference}/candidates", {}


def same_matter_of_text(twins: Twins) -> Iterator[Asked]:
    for text in ("楼道漏水", "楼道漏水两个月，物业一直不管，请督促维修"):
        yield "/v1/candidates", {"json": {"text": text, "jurisdiction": "cn-demo"}}


def filed_calls(twins: Twins) -> Iterator[Asked]:
    for reference in references(twins):
        yield (
            f"/v1/calls/{'0' * 32}",
            {"json": {"command_id": f"f-{reference}", "outcome": "filed", "case": reference}},
        )


def matters(twins: Twins) -> Iterator[Asked]:
    for reference in references(twins):
        yield f"/v1/matters/{reference}", {}


NOTICES = ("receipt", "transfer", "acceptance", "decision", "closing")


def issuing(twins: Twins) -> Iterator[Asked]:
    for place, reference in enumerate(references(twins)):
        for kind in NOTICES:
            body = {"case": reference, "kind": kind, "command_id": f"notice-{kind}-{place}"}
            yield "/v1/notices", {"json": body}


def registers(path: str) -> Callable[[Twins], Iterator[Asked]]:
    def ask(_twins: Twins) -> Iterator[Asked]:
        for office in (ACCUSED, "xfj", "jjw", "none", "-"):
            yield path.format(office=office), {}

    return ask


def documents_of(path: str) -> Callable[[Twins], Iterator[Asked]]:
    def ask(twins: Twins) -> Iterator[Asked]:
        for reference in references(twins):
            yield path.format(reference=reference), {}

    return ask


def of_platforms(path: str) -> Callable[[Twins], Iterator[Asked]]:
    def ask(twins: Twins) -> Iterator[Asked]:
        for reference in references(twins):
            yield f"/v1/platforms/province/{path.format(reference=reference)}", {}

    return ask


def at(address: str, **parts: Any) -> Callable[[Twins], Iterator[Asked]]:
    def ask(_twins: Twins) -> Iterator[Asked]:
        yield address, parts

    return ask


def raw(address: str, content: bytes, headers: dict[str, str]) -> Callable[[Twins], Iterator[Asked]]:
    def ask(_twins: Twins) -> Iterator[Asked]:
        yield address, {"content": content, "headers": headers}

    return ask


def of_files(address: str, **parts: Any) -> Callable[[Twins], Iterator[Asked]]:
    def ask(twins: Twins) -> Iterator[Asked]:
        for reference in references(twins):
            yield address.format(case=reference), parts

    return ask


def desk(method: str, path: str) -> Callable[[Twins], Iterator[Asked]]:
    """What a unit does with a case; the ids of acts differ, so that no first answer is repeated."""
    bodies: dict[str, dict[str, Any]] = {
        "clerk": {"clerk": "person-1"},
        "notes": {"text": "备注"},
        "drafts/reply": {"content": {"text": "草稿"}},
        "drafts/reply/check": {"of": 1, "agreed": True},
        "drafts/reply/fill": {"from": "x"},
        "drafts/reply/sign": {"of": 1, "agreed": True},
    }

    def ask(twins: Twins) -> Iterator[Asked]:
        for place, reference in enumerate(references(twins)):
            address, act = f"/v1/cases/{reference}/{path}", f"{method}-{path.replace('/', '-')}-{place}"
            if method == "DELETE":
                yield address, {"params": {"command_id": act}}
            elif method == "GET":
                yield address, {}
            else:
                yield address, {"json": {"command_id": act, **bodies[path]}}

    return ask


def tokens(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        yield "/v1/status/token", {"json": guess(secret)}


def public_filings(twins: Twins) -> Iterator[Asked]:
    for secret in twins.secrets[:2]:
        body = {"command_id": f"{secret.item}-of-nobody-else", "text": "x", "identity": "named"}
        yield "/v1/public/submissions", {"json": body}


def sent(kind: str, path: str, /, **body: Any) -> Callable[[Twins], Iterator[Asked]]:
    def ask(_twins: Twins) -> Iterator[Asked]:
        yield path, {"json": body} if kind == "POST" else {}

    return ask


def streams(_twins: Twins) -> Iterator[Asked]:
    yield "/v1/live", {"params": {"wait": "0"}}


PROBES: dict[tuple[str, str], Callable[[Twins], Iterator[Asked]]] = {
    ("POST", "/v1/submissions"): filings,
    ("POST", "/v1/submissions:batch"): many_filings,
    ("POST", "/v1/status"): statuses,
    ("POST", "/v1/status/documents"): documents,
    ("POST", "/v1/status/data"): own_data,
    ("POST", "/v1/cases/{reference}/commands"): given_commands,
    ("GET", "/v1/cases"): lists,
    ("GET", "/v1/cases/{reference}"): one_case,
    ("GET", "/v1/cases/{reference}/deadlines/{clock}/explain"): clocks,
    ("GET", "/v1/organisations/{org}/assignments"): inboxes,
    ("POST", "/v1/notices"): issuing,
    ("GET", "/v1/notices"): registers("/v1/notices?office={office}"),
    ("GET", "/v1/notices/{office}/days/{day}"): registers("/v1/notices/{office}/days/2026-03-02"),
    ("GET", "/v1/notices/{office}/{notice}/{year}/{number}"): registers("/v1/notices/{office}/transfer/2026/1"),
    ("GET", "/v1/notices/{office}/{notice}/{year}/{number}/document"): registers(
        "/v1/notices/{office}/transfer/2026/1/document?format=html"
    ),
    ("GET", "/v1/notice-drafts/{reference}"): documents_of("/v1/notice-drafts/{reference}?kind=acceptance"),
    ("GET", "/v1/dossiers/{reference}"): documents_of("/v1/dossiers/{reference}"),
    ("GET", "/v1/platforms/{platform}/updates"): of_platforms("updates"),
    ("GET", "/v1/platforms/{platform}/days/{day}"): of_platforms("days/2026-03-02"),
    ("GET", "/v1/platforms/{platform}/receipts/{reference}"): of_platforms("receipts/{reference}"),
    ("GET", "/v1/platforms/{platform}/answers/{reference}"): of_platforms("answers/{reference}"),
    ("GET", "/v1/policies"): policies,
    ("GET", "/v1/policies/{jurisdiction}"): one_policy,
    ("POST", "/v1/policies:validate"): proposals,
    ("POST", "/v1/policies:activate"): activations,
    ("POST", "/v1/calendars:publish"): calendars,
    ("POST", "/v1/history:batch"): histories,
    ("GET", "/v1/stats"): figures,
    ("POST", "/v1/channels/{channel}/items"): items,
    ("POST", "/v1/channels/{channel}/items:batch"): many_items,
    ("POST", "/v1/commands:batch"): many_commands,
    ("POST", "/v1/citizens/commands"): citizens,
    ("POST", "/v1/receipt"): receipts_by_code,
    ("POST", "/v1/receipt/details"): receipt_details,
    ("POST", "/v1/telephone/status"): by_telephone,
    ("GET", "/v1/cases/{reference}/receipt"): receipts,
    ("GET", "/v1/cases/{reference}/candidates"): same_matter,
    ("POST", "/v1/candidates"): same_matter_of_text,
    ("POST", "/v1/calls"): at(
        "/v1/calls", json={"command_id": "c-1", "number": "13900000000", "missed_at": "2026-01-05", "line": "12345"}
    ),
    ("GET", "/v1/calls"): at("/v1/calls"),
    ("GET", "/v1/calls/{call}"): at(f"/v1/calls/{'0' * 32}"),
    ("POST", "/v1/calls/{call}"): filed_calls,
    ("GET", "/v1/matters/{reference}"): matters,
    ("GET", "/v1/files/rules"): at("/v1/files/rules"),
    ("POST", "/v1/files"): raw("/v1/files", b"text", {"Upload-Id": "r1"}),
    ("PATCH", "/v1/uploads/{upload}"): raw("/v1/uploads/r0", b"more", {"Upload-Offset": "4"}),
    ("HEAD", "/v1/uploads/{upload}"): at("/v1/uploads/r0"),
    ("GET", "/v1/uploads/{upload}"): at("/v1/uploads/r0"),
    ("DELETE", "/v1/uploads/{upload}"): at("/v1/uploads/r0"),
    ("GET", "/v1/files/{case}"): of_files("/v1/files/{case}"),
    ("GET", "/v1/files/{case}/{version}"): of_files("/v1/files/{case}/1"),
    ("POST", "/v1/files/{case}/{version}/redactions"): of_files(
        "/v1/files/{case}/1/redactions", json={"command_id": "r1", "text": "x"}
    ),
    ("GET", "/v1/words"): at("/v1/words"),
    ("GET", "/v1/me"): at("/v1/me"),
    ("GET", "/v1/live"): streams,
    ("GET", "/v1/cases/counts"): at("/v1/cases/counts"),
    ("GET", "/v1/public/form"): at("/v1/public/form"),
    ("GET", "/v1/public/map"): at("/v1/public/map"),
    ("POST", "/v1/public/submissions"): public_filings,
    ("POST", "/v1/public/subjects"): sent("POST", "/v1/public/subjects", text="楼道漏水"),
    ("POST", "/v1/status/token"): tokens,
    ("POST", "/v1/cases/{reference}/clerk"): desk("POST", "clerk"),
    ("POST", "/v1/cases/{reference}/notes"): desk("POST", "notes"),
    ("GET", "/v1/cases/{reference}/notes"): desk("GET", "notes"),
    ("PUT", "/v1/cases/{reference}/drafts/{kind}"): desk("PUT", "drafts/reply"),
    ("GET", "/v1/cases/{reference}/drafts"): desk("GET", "drafts"),
    ("GET", "/v1/cases/{reference}/drafts/{kind}"): desk("GET", "drafts/reply"),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/check"): desk("POST", "drafts/reply/check"),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/sign"): desk("POST", "drafts/reply/sign"),
    ("GET", "/v1/drafts"): at("/v1/drafts"),
    ("DELETE", "/v1/cases/{reference}/drafts/{kind}"): desk("DELETE", "drafts/reply"),
    ("POST", "/v1/cases/{reference}/drafts/{kind}/fill"): desk("POST", "drafts/reply/fill"),
    ("GET", "/v1/knowledge"): at("/v1/knowledge"),
    ("GET", "/v1/knowledge/{entry}"): at("/v1/knowledge/x"),
    ("GET", "/v1/knowledge/{entry}/versions"): at("/v1/knowledge/x/versions"),
    ("PUT", "/v1/knowledge/{entry}"): sent("PUT", "/v1/knowledge/x"),
    ("DELETE", "/v1/knowledge/{entry}"): sent("DELETE", "/v1/knowledge/x?command_id=x"),
    ("GET", "/v1/sessions/methods"): at("/v1/sessions/methods"),
    ("POST", "/v1/sessions"): sent("POST", "/v1/sessions", method="oidc", id_token="x", nonce="x"),
    ("POST", "/v1/sessions/passkey"): sent("POST", "/v1/sessions/passkey"),
    ("POST", "/v1/sessions/renew"): sent("POST", "/v1/sessions/renew"),
    ("POST", "/v1/sessions/post"): sent("POST", "/v1/sessions/post", post="x"),
    ("POST", "/v1/sessions/end"): sent("POST", "/v1/sessions/end"),
    ("POST", "/v1/sessions/end-all"): sent("POST", "/v1/sessions/end-all"),
    ("POST", "/v1/sessions/absence"): sent("POST", "/v1/sessions/absence"),
    ("POST", "/v1/invitations"): sent("POST", "/v1/invitations", invitation="x"),
    ("POST", "/v1/invitations/accept"): sent("POST", "/v1/invitations/accept", method="x"),
    ("GET", "/livez"): at("/livez"),
    ("GET", "/v1/webhooks"): at("/v1/webhooks"),
    ("POST", "/v1/webhooks"): at("/v1/webhooks", json={"command_id": "w", "url": "https://127.0.0.1/"}),
    ("GET", "/v1/webhooks/{webhook}/log"): at("/v1/webhooks/wh_nothing/log"),
    **{
        ("POST", f"/v1/webhooks/{{webhook}}:{verb}"): at(f"/v1/webhooks/wh_nothing:{verb}", json={"first": 1})
        for verb in ("rotate", "test", "replay", "enable", "disable")
    },
    ("GET", "/v1/messages"): at("/v1/messages"),
    ("GET", "/v1/messages/of/{reference}"): messages_of,
    ("POST", "/v1/messages/{message}:done"): at("/v1/messages/msg_nothing:done", json={"by": "call"}),
}
"""A route without a row fails the test."""


def routes(here: Served) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, operations in here.app.openapi()["paths"].items() for method in operations}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


def plain(text: str, seen: dict[str, str]) -> str:
    """The answer without random values."""
    text = _UUID.sub(lambda found: seen.setdefault(found[0], f"event-{len(seen)}"), text)
    text = _CURSOR.sub(lambda found: seen.setdefault(found[0], f"cursor-{len(seen)}"), text)
    text = _SEALED.sub('"sealed":"band"', text)
    text = re.sub(r'"person-\d+"', '"person"', text)
    text = re.sub(r'"challenge": ?"[^"]+"', '"challenge":"one"', text)
    return re.sub(r'"ref": ?"[0-9a-f]{12}"', '"ref":"key"', text)


async def transcript(
    here: Served, twins: Twins, key: str, probes: Sequence[tuple[str, str]] = tuple(PROBES)
) -> list[tuple[str, Answer]]:
    found: list[tuple[str, Answer]] = []
    seen: dict[str, str] = {}
    async with here.client(key) as client:
        for method, path in probes:
            for address, parts in PROBES[method, path](twins):
                await settle(here, without="analytics")
                answer = await client.request(method, address, **parts)
                headers = {
                    name: value
                    for name, value in answer.headers.items()
                    if name not in ("content-length", "x-request-id")
                }
                body = plain(answer.text, seen)
                found.append((f"{method} {address} ({path})", Answer(answer.status_code, headers, body)))
                cursor = answer.json().get("after") if path == "/v1/cases" and answer.is_success else None
                while cursor:
                    query = {**parts.get("params", {}), "after": cursor}
                    answer = await client.request(method, address, params=query)
                    found.append((f"{method} {address} {query}", Answer(answer.status_code, {}, answer.text)))
                    cursor = answer.json()["after"]
    return found


async def test_accused_sees_no_difference_in_responses(twins: Twins) -> None:
    assert set(PROBES) == routes(twins.accusing), "a new route needs its row in PROBES"
    assert len(twins.secrets) == COMMON // 10
    assert len(twins.own) > COMMON // 12
    for role in ROLES:
        with_them = await transcript(twins.accusing, twins, f"{role}:{ACCUSED}")
        without = await transcript(twins.innocent, twins, f"{role}:{ACCUSED}")
        assert len(with_them) == len(without)
        for (asked, here), (_, there) in zip(with_them, without, strict=True):
            assert here == there, asked
            for secret in twins.secrets:
                assert secret.case not in here.body, asked
                assert secret.number not in here.body, asked


@pytest.mark.parametrize("role", ["supervisor", *(pytest.param(one, marks=pytest.mark.nightly) for one in WIDER[1:])])
async def test_staff_of_accused_organisation_see_no_difference(twins: Twins, role: str) -> None:
    """They see the lists, inboxes and figures of a whole jurisdiction, but nothing of these cases in them: no entry, no gap in
    the numbers where one was left out, no count."""
    asking = [route for route in PROBES if route[0] == "GET"]
    with_them = await transcript(twins.accusing, twins, f"{role}:{ACCUSED}", asking)
    without = await transcript(twins.innocent, twins, f"{role}:{ACCUSED}", asking)
    assert len(with_them) == len(without)
    for (asked, here), (_, there) in zip(with_them, without, strict=True):
        assert here == there, asked
        for secret in twins.secrets:
            assert secret.case not in here.body, asked
            assert secret.number not in here.body, asked
    told = sum(len(answer.body) for _asked, answer in with_them)
    assert told > COMMON * (40 if role == "analyst" else 200), "they are told of the others"


async def test_coarse_number_of_sealed_cases_is_the_same_for_every_caller(twins: Twins) -> None:
    told: list[str] = []
    for role, org in (
        ("analyst", None),
        ("analyst", "jt"),
        *((role, ACCUSED) for role in WIDER),
        ("supervisor", "xfj"),
    ):
        async with twins.accusing.client(key=await twins.accusing.key_of(role, org)) as client:
            told += _SEALED.findall((await client.get("/v1/stats")).text)
    assert told == [told[0]] * 6
    first, last = map(int, told[0].split("-"))
    assert first <= len(twins.secrets) <= last
    assert last - first > 30, "coarse"


async def test_organ_for_accusations_sees_accusations(twins: Twins) -> None:
    """Otherwise the tests above see nothing at all."""
    twins.accusing.keys["organ"] = await twins.accusing.key_of("clerk", "jjw")
    twins.accusing.clock.advance(2)
    async with twins.accusing.client("organ") as organ:
        listed = (await organ.get("/v1/cases?limit=200")).text
    assert sum(secret.number in listed for secret in twins.secrets) > len(twins.secrets) * 0.4
