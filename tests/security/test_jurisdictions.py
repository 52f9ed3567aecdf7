"""Two jurisdictions of one deployment with the same codes, channels and items: nothing collides, and no key reaches the other one.

The property test covers every operation of the OpenAPI document, so that a new route is covered by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.api.app import build_app
from deploy.kafka.acls import rights
from deploy.kafka.topics import load as topics
from deploy.kafka.topics import members_of, spread
from deploy.modes import embedded, in_memory
from services.routing.organisation_notifications import OrganisationNotifications
from services.routing.topics.commands import PartnerCommands
from services.supervision.policy_activation import activate
from shared.adapters.kafka.acls import Acl
from shared.adapters.memory import SetClock
from shared.application.access_keys import PEOPLE
from shared.commands.authorization import NEEDS_ORG, Principal
from shared.hosting.process import Process
from shared.kernel.identifiers import case_id
from shared.kernel.refusals import Invalid
from shared.kernel.settings import Settings
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage
from shared.policy.documents import SLUG
from shared.policy.loading.loader import bundled
from tests.support.county import MORNING
from tests.support.platform import submissions
from tests.support.serving import OPERATOR

ONE, OTHER = "jia-xian", "yi-xian"
NAMES = {ONE: "甲县", OTHER: "乙县"}
TEXTS = {ONE: "甲县楼道漏水无人管", OTHER: "乙县楼道漏水无人管"}
PLATFORM = "province"
ORGS = {
    "platform": PLATFORM,
    "organisation": "zj",
    "clerk": "zj",
    "registrar": "xfj",
    "operator": "xfj",
    "supervisor": "xfj",
}
ITEM = "P-1"
NDJSON = "application/x-ndjson"
SLUGS = st.from_regex(SLUG, fullmatch=True)
CODES = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
ids = count(1)


class Two:
    """Both jurisdictions behind one API, and in each a key for each role and one case under the same item id."""

    def __init__(self, runtime: Process) -> None:
        self.runtime = runtime
        self.app = build_app(runtime)
        self.keys: dict[tuple[str, str], str] = {}
        self.cases: dict[str, dict[str, Any]] = {}

    async def prepare(self) -> None:
        for code, name in NAMES.items():
            sections: dict[str, Any] = deepcopy({one.section: one.document for one in bundled("demo")})
            sections["jurisdiction"] |= {"code": code, "name": name}
            for one in sections["organisations"]["organisations"]:
                if one["code"] == "zj":
                    one["delivery"] = "kafka"
            await activate(self.runtime.handling("supervision"), OPERATOR, code, sections)
        for code in NAMES:
            for role in PEOPLE:
                if role != "operations":
                    self.keys[code, role] = await self.key(code, role)
        for code in NAMES:
            answer = await self.asked(code, "platform", "POST", "/v1/submissions", json=filing(code))
            assert answer.status_code == 201, answer.text
            self.cases[code] = answer.json()

    async def key(self, code: str, role: str, org: str | None = None) -> str:
        principals, org = self.runtime.principals, org or ORGS.get(role)
        _key, text = await principals.issue(
            self.runtime.handling("intake"), OPERATOR, role, org if role in NEEDS_ORG else None, None, code
        )
        return text

    async def asked(self, code: str, role: str, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.with_key(self.keys[code, role], method, path, **more)

    async def with_key(self, key: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}", **more.pop("headers", {})}
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers) as client:
            answer = await client.request(method, path, **more)
        await self.runtime.drain()
        return answer

    async def heads(self, code: str) -> dict[str, int]:
        """Stream -> version, of all streams with an event of the jurisdiction."""
        found: dict[str, int] = {}
        async for commits in self.runtime.ports.log.scan(""):
            for commit in commits:
                if any(event.jurisdiction == code for event in commit.recorded):
                    found[commit.stream] = commit.last
        return found

    async def events(self, stream: str) -> list[Any]:
        return [event for commit in await self.runtime.ports.log.load(stream) for event in commit.recorded]


def filing(code: str, **more: Any) -> dict[str, Any]:
    return {
        "channel": PLATFORM, "item": ITEM, "text": TEXTS[code], "place": "dh-yl", "subject": "0102",
        "petitioner": {"name": f"张{code}", "phone": "13800000000"}, **more,
    }  # fmt: skip


@asynccontextmanager
async def deployment(folder: Path | None = None) -> AsyncIterator[Two]:
    clock = SetClock(MORNING)
    opened = in_memory.opened(clock=clock) if folder is None else embedded.opened(folder, Settings(), clock=clock)
    async with opened as runtime:
        found = Two(runtime)
        await found.prepare()
        clock.advance(2)
        yield found


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    async with deployment() as found:
        yield found


def marks(two: Two, code: str) -> set[str]:
    """What only the jurisdiction has: a text that contains one of them tells of it."""
    receipt = two.cases[code]
    return {receipt["case"], receipt["number"], receipt["code"], TEXTS[code], NAMES[code], f"张{code}"}


# -------------------------------------------------------------------- names


@pytest.mark.parametrize("stored", [False, True], ids=["memory", "embedded"])
async def test_same_item_is_a_case_of_its_own_in_each_jurisdiction(stored: bool, tmp_path: Path) -> None:
    async with deployment(tmp_path / "data" if stored else None) as two:
        one, other = two.cases[ONE], two.cases[OTHER]
        assert not {one["case"], one["number"], one["code"]} & {other["case"], other["number"], other["code"]}
        for code in NAMES:
            assert (await two.asked(code, "platform", "POST", "/v1/submissions", json=filing(code))).json() | {
                "version": 1, "state": "", "received_at": ""
            } == two.cases[code] | {"repeated": True, "version": 1, "state": "", "received_at": ""}  # fmt: skip
            assert TEXTS[code] in (await two.asked(code, "clerk", "GET", f"/v1/cases/{PLATFORM}:{ITEM}")).text


async def test_inboxes_and_updates_of_same_codes_hold_own_cases_only(two: Two) -> None:
    for code in NAMES:
        inbox = (await two.asked(code, "clerk", "GET", "/v1/organisations/zj/assignments")).json()["entries"]
        updates = (await two.asked(code, "platform", "GET", f"/v1/platforms/{PLATFORM}/updates")).json()["entries"]
        assert {one["case"] for one in inbox} == {one["case"] for one in updates} == {two.cases[code]["case"]}
        assert [one["id"] for one in inbox] == list(range(1, len(inbox) + 1))
        day = (await two.asked(code, "registrar", "GET", f"/v1/platforms/{PLATFORM}/days/2026-03-02")).json()
        assert day["sent"] == 0, "filed over HTTP"


@given(SLUGS, SLUGS, CODES, CODES)
def test_names_of_two_members_never_collide(one: str, other: str, code: str, second: str) -> None:
    first, last = Member(one, code), Member(other, second)
    assert Member.of_stream("inbox/", first.stream("inbox/")) == first
    assert Member.of_topic("actions", first.topic("actions")) == first
    if first != last:
        assert first.stream("inbox/") != last.stream("inbox/")
        assert first.topic("actions") != last.topic("actions")
        kinds = [{"organisation": [member], "platform": []} for member in (first, last)]
        mine, theirs = ([right for right in rights(topics(), kind) if right.user.startswith("dept-")] for kind in kinds)
        assert not any(_covers(right, found) for right in mine for found in theirs)


def _covers(right: Acl, other: Acl) -> bool:
    if right.kind != other.kind:
        return False
    return other.name.startswith(right.name) if right.prefixed else other.name == right.name


@given(SLUGS, SLUGS, st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_items_of_two_jurisdictions_have_different_case_ids(one: str, other: str, channel: str, item: str) -> None:
    ids = {case_id(b"k" * 32, slug, channel, item) for slug in (one, other)}
    assert len(ids) == len({one, other})


_PRINCIPALS = st.builds(
    Principal,
    st.sampled_from(["organisation", "clerk"]),
    st.text("a:%-", min_size=1, max_size=3),
    st.sampled_from(["topic", "k1"]),
    case=st.none(),
    jurisdiction=st.sampled_from([ONE, OTHER]),
    person=st.none(),  # of the key, which `ref` names
    head=st.just(False),
    reason=st.none(),  # of the request: a repeated command has the same cause with another reason
)
_COMMANDS = st.text("ak1topic:-", min_size=1, max_size=8)


@given(_PRINCIPALS, _PRINCIPALS, _COMMANDS, _COMMANDS)
def test_command_causes_of_two_principals_never_collide(
    one: Principal, other: Principal, command: str, second: str
) -> None:
    assert one._replace(jurisdiction=ONE).name != one._replace(jurisdiction=OTHER).name
    if (one, command) != (other, second):
        assert f"{one.name}:{command}" != f"{other.name}:{second}"


async def test_topics_and_users_of_both_jurisdictions_are_separate(two: Two) -> None:
    members = members_of((await two.runtime.ports.policies.all()).values())
    assert members["organisation"] == {Member(ONE, "zj"), Member(OTHER, "zj")}
    names = [topic.name for topic in spread(topics(), members)]
    assert len(names) == len(set(names))
    assert {f"assignments.{ONE}.zj", f"assignments.{OTHER}.zj", f"updates.{ONE}.{PLATFORM}"} <= set(names)
    for right in rights(topics(), members):
        if ONE in right.user:
            assert OTHER not in right.name and not right.name.endswith(("actions.", "assignments."))


# -------------------------------------------------------------------- every route and every role

BODIES: dict[str, Any] = {
    "/v1/submissions": lambda two: [filing(ONE), filing(ONE, item="P-2")],
    "/v1/channels/{channel}/items": lambda two: [{"id": ITEM, "text": TEXTS[ONE]}],
    "/v1/status": lambda two: [{"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"]}],
    "/v1/public/subjects": lambda two: [{"text": TEXTS[ONE], "jurisdiction": OTHER}],
    "/v1/public/submissions": lambda two: [
        {"command_id": "0123456789abcdef", "text": "x", "identity": "anonymous", "jurisdiction": OTHER},
        {
            "command_id": "0123456789abcdef",
            "text": "x",
            "identity": "anonymous",
            "jurisdiction": OTHER,
            "channel": PLATFORM,
        },
    ],
    "/v1/cases/{reference}/clerk": lambda two: [{"command_id": f"x-{next(ids)}", "clerk": None}],
    "/v1/cases/{reference}/notes": lambda two: [{"command_id": f"x-{next(ids)}", "text": "x"}],
    "/v1/cases/{reference}/drafts/{kind}": lambda two: [{"command_id": f"x-{next(ids)}", "content": {}}],
    "/v1/cases/{reference}/drafts/{kind}/fill": lambda two: [{"command_id": f"x-{next(ids)}", "from": "kept"}],
    "/v1/knowledge/{entry}": lambda two: [
        {"command_id": f"x-{next(ids)}", "office": "zj", "title": "x", "text": "x", "review_on": "2026-06-01"}
    ],
    "/v1/cases/{reference}/drafts/{kind}/sign": lambda two: [{"command_id": f"x-{next(ids)}", "of": 1, "agreed": True}],
    "/v1/cases/{reference}/drafts/{kind}/check": lambda two: [
        {"command_id": f"x-{next(ids)}", "of": 1, "agreed": True}
    ],
    "/v1/sessions": lambda two: [{"method": "oidc", "id_token": "x", "nonce": "x"}],
    "/v1/sessions/passkey": lambda two: [{}],
    "/v1/sessions/renew": lambda two: [{}],
    "/v1/sessions/post": lambda two: [{"post": "x"}],
    "/v1/sessions/end": lambda two: [{}],
    "/v1/sessions/end-all": lambda two: [{}],
    "/v1/sessions/absence": lambda two: [{"post": "x"}],
    "/v1/invitations": lambda two: [{"invitation": "x"}],
    "/v1/invitations/accept": lambda two: [{"method": "oidc", "invitation": "x", "id_token": "x", "nonce": "x"}],
    "/v1/status/token": lambda two: [{"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"]}],
    "/v1/status/documents": lambda two: [{"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"]}],
    "/v1/status/data": lambda two: [{"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"]}],
    "/v1/receipt": lambda two: [{"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"]}],
    "/v1/receipt/details": lambda two: [{"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"]}],
    "/v1/calls": lambda two: [
        {"command_id": f"x-{next(ids)}", "number": "13900000000", "missed_at": "2026-01-05", "line": code}
        for code in (ONE, OTHER)
    ],
    "/v1/calls/{call}": lambda two: [
        {"command_id": f"x-{next(ids)}", "outcome": "filed", "case": two.cases[ONE]["case"]},
        {"command_id": f"x-{next(ids)}", "outcome": "reached"},
    ],
    "/v1/candidates": lambda two: [
        {"text": TEXTS[ONE] * 2},
        {"text": TEXTS[ONE] * 2, "jurisdiction": ONE},
    ],
    "/v1/telephone/status": lambda two: [{"number": two.cases[OTHER]["number"], "pin": "000000"}],
    "/v1/citizens/commands": lambda two: [
        {"number": two.cases[ONE]["number"], "code": two.cases[OTHER]["code"], "command": "nudge", "command_id": "c"}
    ],
    "/v1/cases/{reference}/commands": lambda two: [body for _case, body in _commands(two)],
    "/v1/commands:batch": lambda two: [{"case": case, **body} for case, body in _commands(two)],
    "/v1/policies:validate": lambda two: [
        {"jurisdiction": ONE, "sections": {"organisations": {"organisations": []}}},
        {"jurisdiction": OTHER, "sections": {"jurisdiction": {"code": ONE, "name": "乙县", "zone": "Asia/Shanghai"}}},
    ],
    "/v1/policies:activate": lambda two: [
        {"jurisdiction": ONE, "sections": {"organisations": {"organisations": []}}},
        {"jurisdiction": OTHER, "sections": {"jurisdiction": {"code": ONE, "name": "乙县", "zone": "Asia/Shanghai"}}},
    ],
    "/v1/webhooks": lambda two: [{"url": "https://hooks.invalid/x", "after": 1, "command_id": f"x-{next(ids)}"}],
    **{
        f"/v1/webhooks/{{webhook}}:{verb}": lambda two: [{"first": 1}]
        for verb in ("rotate", "test", "replay", "disable", "enable")
    },
    "/v1/messages/{message}:done": lambda two: [{"by": "call"}],
    "/v1/files": lambda two: [{}],
    "/v1/files/{case}/{version}/redactions": lambda two: [{"command_id": f"x-{next(ids)}", "text": "x"}],
    "/v1/notices": lambda two: [{"case": two.cases[ONE]["case"], "kind": "transfer", "command_id": f"x-{next(ids)}"}],
    "/v1/calendars:publish": lambda two: [
        {"jurisdiction": ONE, "calendar": {"years": {"2027": {"holidays": [], "workdays": []}}}}
    ],
    "/v1/history:batch": lambda two: [
        {"line": 1, "channel": PLATFORM, "item": ITEM, "filing": {"received_at": "2025-01-02", "text": "漏水"}}
    ],
}
"""What is sent to a path (without `:batch`), in terms of the first jurisdiction."""


def _commands(two: Two) -> list[tuple[str, dict[str, Any]]]:
    case = two.cases[ONE]["case"]
    fields = (
        ("sign_off", {}),
        ("nudge", {}),
        ("withdraw", {"reason": "x"}),
        ("add_material", {"text": "x"}),
        ("close", {"kind": "resolved_confirmed"}),
        ("link", {"lead": case, "reason": "x"}),
    )
    return [(case, {"command": name, "command_id": f"x-{next(ids)}", **more}) for name, more in fields]


def requests(two: Two, method: str, path: str, operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Requests of an operation that name what the first jurisdiction has."""
    receipt = two.cases[ONE]
    named = {
        "org": "zj", "platform": PLATFORM, "channel": PLATFORM, "jurisdiction": ONE, "clock": "C3", "day": "2026-03-02",
        "kind": "reply", "webhook": "wh_none", "message": "msg_none", "upload": "none", "version": "1", "office": "zj",
        "notice": "receipt", "year": "2026", "number": "1", "entry": "kept",
        "call": "0" * 32,
    }  # fmt: skip
    addresses = {
        path.format(reference=reference, case=reference, **named) if "{" in path else path
        for reference in (receipt["case"], receipt["number"])
    }
    parameters = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    queries: list[dict[str, str]] = [{}, {"jurisdiction": ONE}] if "jurisdiction" in parameters else [{}]
    contents: list[dict[str, Any]] = [{}]
    if path == "/v1/live":
        queries = [{"wait": "0"}]
    if method == "DELETE":
        queries = [{"command_id": f"x-{next(ids)}"}]
    if method in ("POST", "PUT"):
        key = path.removesuffix(":batch") if path not in BODIES else path
        lines = path.endswith(":batch")
        bodies = BODIES[key](two)  # a new route that writes needs a body here
        contents = [
            {"content": orjson.dumps(body), "headers": {"content-type": NDJSON if lines else "application/json"}}
            for body in bodies
        ]
    return [
        (address, {"params": query, **content}) for address in addresses for query in queries for content in contents
    ]


async def test_key_reaches_nothing_of_another_jurisdiction(two: Two) -> None:
    """Every operation × every role of the other jurisdiction: no answer tells of the first, and nothing of it changes."""
    secret, before = marks(two, ONE), await two.heads(ONE)
    assert before
    wrong: list[Any] = []
    asked: Counter[str] = Counter()
    for path, operations in two.app.openapi()["paths"].items():
        for method, operation in operations.items():
            for role in PEOPLE:
                if role == "operations":
                    continue  # it operates the deployment
                for address, more in requests(two, method.upper(), path, operation):
                    answer = await two.asked(OTHER, role, method.upper(), address, **deepcopy(more))
                    sent = f"{address} {more.get('content', b'').decode()}"
                    public = {NAMES[ONE]} if path == "/v1/public/form" else set()  # people choose where to file
                    told = [
                        one for one in secret - public if one not in sent and one in f"{answer.text} {answer.headers}"
                    ]
                    if told or answer.status_code >= 500:
                        wrong.append((role, method, address, answer.status_code, told))
                    asked[path] += 1
    assert wrong == []
    assert await two.heads(ONE) == before
    assert len(asked) > 25


async def test_case_of_another_jurisdiction_is_answered_like_none(two: Two) -> None:
    for role in PEOPLE:
        if role == "operations":
            continue
        for path in ("", "/receipt", "/candidates", "/deadlines/C3/explain"):
            answers = [
                await two.asked(OTHER, role, "GET", f"/v1/cases/{case}{path}")
                for case in (two.cases[ONE]["case"], "0" * 32)
            ]
            found, none = (
                {k: v for k, v in one.json().items() if k not in ("request_id", "instance")} for one in answers
            )
            assert (answers[0].status_code, found) == (answers[1].status_code, none)


# -------------------------------------------------------------------- topics


async def test_command_in_a_topic_reaches_cases_of_its_jurisdiction_only(two: Two) -> None:
    handling = two.runtime.handling("routing")
    department = PartnerCommands(two.runtime.ports, 10_000, OrganisationNotifications(handling))
    before = await two.heads(ONE)

    def record(code: str, case: str) -> InboundMessage:
        value = orjson.dumps({"case": case, "command": "sign_off", "command_id": "same-1"})
        return InboundMessage(Member(code, "zj"), 0, next(ids), two.runtime.ports.clock.now(), value)

    await department([record(OTHER, two.cases[ONE]["case"])])
    refused = (await two.events(f"inbox/{OTHER}/zj"))[-1].body
    assert (refused.detail, refused.case) == ("unknown_case", "")
    assert await two.heads(ONE) == before
    await department([record(ONE, f"{PLATFORM}:{ITEM}")])  # the same command id, and an item of the same name
    done = (await two.events(f"inbox/{ONE}/zj"))[-1].body
    assert (done.detail, done.case) == ("done", two.cases[ONE]["case"])


async def test_filing_in_a_topic_belongs_to_jurisdiction_of_the_topic(two: Two) -> None:
    answers = {}
    for code in NAMES:
        member = Member(code, PLATFORM)
        value = orjson.dumps(filing(ONE, item="T-1"))
        await submissions(two.runtime)([InboundMessage(member, 0, 1, two.runtime.ports.clock.now(), value)])
        entry = (await two.events(member.stream("updates/")))[-1]
        assert (entry.body.kind, entry.jurisdiction) == ("registered", code)
        answers[code] = entry.body.case
    assert answers[ONE] != answers[OTHER]


async def test_topic_of_a_platform_names_no_item(two: Two) -> None:
    (route,) = [part.partners.route for part in two.runtime.parts if part.name == "intake" and part.partners]
    member = Member(ONE, PLATFORM)
    assert member in await route.members()
    lines = await route.lines(member, await two.events(member.stream("updates/")))
    assert lines and not any(ITEM.encode() in line.value or ITEM in line.key for line in lines)
    pulled = (await two.asked(ONE, "platform", "GET", f"/v1/platforms/{PLATFORM}/updates")).json()["entries"]
    assert {one["item"] for one in pulled} == {ITEM}, "over HTTP, until it is erased"
    case = two.cases[ONE]["case"]
    for part in {part["party"] for event in await two.events(f"case/{case}") for part in event.sealed}:
        await two.runtime.ports.keys.erase(case, part)
    pulled = (await two.asked(ONE, "platform", "GET", f"/v1/platforms/{PLATFORM}/updates")).json()["entries"]
    assert {one["item"] for one in pulled} == {None}


# -------------------------------------------------------------------- policies


@pytest.mark.parametrize("code", ["CN-DEMO", "a.b", "a/b", "甲县", "", "x" * 41, "a b", "a_b"])
async def test_code_of_a_jurisdiction_must_be_a_slug(two: Two, code: str) -> None:
    document = {"code": code, "name": "丙县", "zone": "Asia/Shanghai"}
    with pytest.raises(Invalid) as refused:
        await activate(two.runtime.handling("supervision"), OPERATOR, code, {"jurisdiction": document})
    assert refused.value.code == "policy_invalid"
    assert refused.value.more["errors"][0]["field"] == "jurisdiction.code"
    key = await two.key(ONE, "operations")
    body = {"jurisdiction": code, "sections": {"jurisdiction": document}}
    answer = await two.with_key(key, "POST", "/v1/policies:activate", json=body)
    assert (answer.status_code, answer.json()["field"]) in ((422, "jurisdiction"), (404, "jurisdiction"))


async def test_code_of_a_jurisdiction_belongs_to_the_first(two: Two) -> None:
    handling = two.runtime.handling("supervision")
    book = await two.runtime.ports.policies.book(ONE)
    taken = {"jurisdiction": {"code": ONE, "name": "丙县", "zone": "Asia/Shanghai"}}
    with pytest.raises(Exception, match="belongs to another jurisdiction") as refused:
        await activate(handling, OPERATOR, ONE, taken)
    assert getattr(refused.value, "code", None) == "jurisdiction_taken"
    assert (await two.runtime.ports.policies.book(ONE)).version == book.version
    await activate(handling, OPERATOR, ONE, taken, expected_version=book.version)
    renamed = await two.runtime.ports.policies.book(ONE)
    assert renamed.settings is not None and renamed.settings.name == "丙县"


async def test_policy_lists_show_own_jurisdiction(two: Two) -> None:
    found = (await two.asked(OTHER, "registrar", "GET", "/v1/policies")).json()["policies"]
    assert [one["jurisdiction"] for one in found] == [OTHER]


# -------------------------------------------------------------------- cursors


async def pages(two: Two, role: str, limit: int = 1) -> list[dict[str, Any]]:
    """All pages of the inbox, the first from the beginning."""
    found, after = [], "0"
    while not found or found[-1]["more"]:
        answer = await two.asked(ONE, role, "GET", f"/v1/organisations/zj/assignments?after={after}&limit={limit}")
        found.append(answer.json())
        after = found[-1]["after"]
    return found


async def more_cases(two: Two, number: int) -> None:
    for place in range(number):
        await two.asked(ONE, "platform", "POST", "/v1/submissions", json=filing(ONE, item=f"M-{place}"))


def texts(entries: Collection[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in entries]


async def test_cursor_of_another_reader_is_opaque_and_stable(two: Two) -> None:
    await more_cases(two, 4)
    own = [one for page in await pages(two, "clerk") for one in page["entries"]]
    assert [one["id"] for one in own] == list(range(1, len(own) + 1))
    read = [one for page in await pages(two, "registrar") for one in page["entries"]]
    assert [one["case"] for one in read] == [one["case"] for one in own]
    assert len(set(texts(read))) == len(read) and {len(text) for text in texts(read)} == {32}
    again = [one for page in await pages(two, "registrar", 50) for one in page["entries"]]
    assert texts(again) == texts(read)
    tail = await two.asked(ONE, "registrar", "GET", f"/v1/organisations/zj/assignments?after={read[-1]['id']}")
    assert tail.json() == {"entries": [], "after": read[-1]["id"], "more": False}


async def test_malformed_and_foreign_cursors_are_refused(two: Two) -> None:
    (page,) = await pages(two, "registrar", 50)
    good = page["after"]
    other = (await two.asked(OTHER, "registrar", "GET", "/v1/organisations/zj/assignments")).json()["after"]
    elsewhere = (await two.asked(ONE, "supervisor", "GET", "/v1/organisations/wj/assignments?after=0")).json()["after"]
    assert elsewhere == "0"
    texts = ["1", "-1", "x", "", good[:-1], good + "A", good.swapcase(), good + "=", "0" * 100, "ä" * 8, other, "00"]
    for text in texts:
        answer = await two.asked(ONE, "registrar", "GET", "/v1/organisations/zj/assignments", params={"after": text})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "wrong_cursor", "after"), (
            text
        )
    for text in (good, "x", "-1", "1.0", "٣", str(2**53 + 1), "9" * 80):
        answer = await two.asked(ONE, "clerk", "GET", "/v1/organisations/zj/assignments", params={"after": text})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "wrong_cursor", "after"), (
            text
        )
    foreign = await two.asked(ONE, "registrar", "GET", "/v1/organisations/wj/assignments", params={"after": good})
    assert foreign.json()["code"] == "wrong_cursor", "a cursor of another inbox"
