"""What one sender can make the server do: every answer, body, text and number of attempts is bounded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from services.intake.importer.errors import MappingError
from services.intake.importer.mapping_file import parse as mapping_of
from services.portal.assets import address as address_of
from shared.adapters.memory import SetClock
from shared.application import request_validation
from shared.application.problem import Malformed
from shared.application.request_validation import parse, validated
from shared.commands import command_checks
from shared.commands.reading_meter import FAR, HOUR, REASONS, ReadingMeter
from shared.kernel import bounded_yaml, strict_json
from shared.kernel.refusals import Invalid, Refused
from shared.policy.loading.files import Reader
from shared.queries import case_details
from shared.queries.query_code_access import RateLimiter
from tests.support.county import MORNING
from tests.support.persons import staff
from tests.support.serving import Served, served

WRONG = "ABCDE-ABCDE-ABCDE-ABCDE-ABCDE-A"


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def operations_of(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def address(path: str, case: str) -> str:
    known = {"reference": case, "org": "zj", "jurisdiction": "cn-demo", "platform": "wlzj", "day": "2026-03-02"}
    known |= {"case": case, "version": "1", "year": "2026", "number": "1", "call": "0" * 32}
    return path.format_map(defaultdict(lambda: "C1", known))


# ------------------------------------------------------------ headers, ports


async def test_every_answer_is_kept_by_nobody_and_guessed_at_by_nobody(here: Served) -> None:
    """Every route of every app, for every role and without a key; also pages and what does not exist."""
    case = (await here.filed())["case"]
    wrong = []
    pages = [("get", one, {}) for one in ("/", "/status", "/openapi.json", "/nothing", "/assets/none")]
    for app in (here.app, here.operations, here.local):
        for method, path, _operation in [*operations_of(app), *pages]:
            if path in ("/local/rebuild", "/local/backup"):
                continue
            for role in (None, "registrar", "operations"):
                headers = {"authorization": f"Bearer {here.keys[role]}"} if role else {}
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
                    answer = await client.request(method, address(path, case), headers=headers, content=b"{}")
                found = answer.headers.get("cache-control"), answer.headers.get("x-content-type-options")
                if found != ("no-store", "nosniff"):
                    wrong.append((method, path, role, found))
    assert wrong == []


async def test_files_that_hold_nothing_of_anybody_may_be_kept(here: Served) -> None:
    async with here.browser() as client:
        answer = await client.get(address_of("portal.css"))
    assert (
        answer.headers["cache-control"].startswith("public") and answer.headers["x-content-type-options"] == "nosniff"
    )


async def test_what_operators_need_is_not_on_the_public_port(here: Served) -> None:
    public = {path for _method, path, _operation in operations_of(here.app)}
    operators = {(method, path) for method, path, _operation in operations_of(here.operations)}
    assert {path for _method, path in operators} & public == {"/livez"}
    for method, path in sorted(operators):
        async with here.client("operations") as client:
            answer = await client.request(method, address(path, "x"), content=b"{}")
        assert (path == "/livez") == answer.is_success, path
        assert path == "/livez" or answer.json()["code"] == "no_such_route"


async def test_operator_routes_want_a_key_of_operations(here: Served) -> None:
    for method, path, _operation in operations_of(here.operations):
        for role in (None, *sorted(set(here.keys) - {"operations"})):
            async with here.on_operations_port(role) as client:
                answer = await client.request(
                    method, address(path, "x"), content=b"{}", headers={"x-huiyin-as": "operations"}
                )
            if path in ("/livez", "/readyz", "/local/version"):
                assert answer.is_success
            else:
                assert answer.status_code == (403 if role else 401), (method, path, role)


async def test_port_of_operations_gives_no_access_to_keys_or_content(here: Served) -> None:
    """An operator may not make themselves a registrar, nor take the log away."""
    async with here.on_operations_port() as client:
        made = await client.post("/local/keys", json={"role": "registrar", "org": "xfj"})
        assert made.status_code in (404, 405)
        for method, path in (("GET", "/local/export"), ("POST", "/local/backup"), ("POST", "/local/topics:replay")):
            assert (await client.request(method, path, json={})).status_code == 404


# ------------------------------------------------------------ bodies


def fields(number: int) -> bytes:
    return orjson.dumps({f"f{place}": 1 for place in range(number)})


HEAVY: dict[str, bytes] = {
    "an object of 24,000 fields": fields(24_000),
    "such an object in another": b'{"petitioner":' + fields(5_000) + b"}",
    "such an object in a list": b'{"more":[' + fields(5_000) + b"]}",
    "one field 24,000 times": b"{" + b'"a":1,' * 24_000 + b'"a":1}',
    "such an object with spaces": fields(5_000).replace(b":", b" : "),
    "such an object, broken": fields(24_000)[:-1],
    "many small objects": b'{"more":[' + b"{}," * 60_000 + b"{}]}",
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"a":' * 40 + b"1" + b"}" * 40,
}


@pytest.mark.parametrize("what", HEAVY)
def test_heavy_json_is_refused_before_it_is_validated(what: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(HEAVY[what])
    assert refused.value.code in ("too_many_fields", "too_deep", "not_json")


async def test_heavy_body_is_refused_by_every_route_that_reads_one(here: Served) -> None:
    case, person = (await here.filed())["case"], await staff(here, "r-01", "registrar", "xfj")
    async with here.client("organisation") as client:
        wanted = {"url": "https://hooks.invalid/x", "after": 1, "command_id": "w-1"}
        made = (await client.post("/v1/webhooks", json=wanted)).json()["id"]
    reading = [
        (method, address(path.replace("{webhook}", made), case))
        for method, path, operation in operations_of(here.app)
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(reading) > 30
    for (method, path), (what, heavy) in product(reading, HEAVY.items()):
        sent = {"content": heavy[:200_000], "headers": {"content-type": "application/json"}}
        async with here.client(key=person.token) as client:
            answer = await client.request(method, path, **sent)
        if answer.status_code == 403:  # open to organisations only
            async with here.client("organisation") as client:
                answer = await client.request(method, path, **sent)
        assert answer.status_code in (400, 413), (what, path, answer.text[:300])
        assert len(answer.content) < 5000


def test_errors_of_a_body_are_not_all_described(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict(BaseModel, extra="forbid"):
        numbers: list[int] = []

    described: list[int] = []
    whole = request_validation.invalid
    monkeypatch.setattr(request_validation, "invalid", lambda errors: described.append(len(errors)) or whole(errors))
    for body in ({"numbers": ["x"] * 50_000}, {f"f{place}": 1 for place in range(1_500)}):
        with pytest.raises(Invalid) as refused:
            validated(Strict, body)
        assert refused.value.code == "invalid_request" and "1000" in refused.value.detail
    assert not described
    with pytest.raises(Invalid) as refused:
        validated(Strict, {"numbers": ["x"] * 900})
    assert described == [900] and len(refused.value.more["errors"]) == 20


def test_ordinary_tables_of_codes_are_not_too_wide() -> None:
    codes = {f"code{place}": f"name{place}" for place in range(strict_json.MOST_FIELDS)}
    assert parse(orjson.dumps({"values": codes})) == {"values": codes}


@pytest.mark.parametrize("text", ["a\\u0000b", "a\\u0085b", "a\x7fb", "a\x9fb", "\\b", "\\f", "\\ud800", "\\udfff x"])
def test_forbidden_characters_are_found_however_they_are_written(text: str) -> None:
    for body in (f'{{"a":["{text}"]}}', f'["{text}"]', f'{{"a":{{"b":"{text}"}}}}'):
        with pytest.raises(Refused) as refused:
            parse(body.encode())
        assert refused.value.code == "control_character", body
    with pytest.raises(Refused):
        parse(f'{{"{text}":1}}'.encode())


def test_characters_of_real_texts_are_not_forbidden() -> None:
    said = ["张三𠮷😀", "\\u4e00 \\u00e9 \\ud83d\\ude00", "a\\n\\t\\\\u0000b"]
    for one in said:
        parse(f'{{"a":"{one}"}}'.encode())


# ------------------------------------------------------------ YAML


def laughs(levels: int = 9) -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{one}: &a{one} [{', '.join([f'*a{one - 1}'] * 9)}]" for one in range(1, levels)]
    return "\n".join(rows)


BOMBS = {
    "aliases of aliases": laughs(),
    "an alias of itself": "a: &a [*a]",
    "a merge of merges": "a: &a {x: 1}\n" + "\n".join(f"b{n}: {{<<: [*a, *a]}}" for n in range(60_000)),
    "deep lists": "a: " + "[" * 5_000 + "]" * 5_000,
    "deep lists without end": "a: " + "[" * 5_000,
    "deep mappings": "".join(" " * n + "a:\n" for n in range(200)),
    "deep mappings in a line": "{a: " * 500 + "}" * 500,
}


@pytest.mark.parametrize("what", BOMBS)
def test_yaml_bomb_is_refused_wherever_yaml_is_read(what: str, tmp_path: Path) -> None:
    with pytest.raises(bounded_yaml.yaml.YAMLError):
        bounded_yaml.check(BOMBS[what])
    with pytest.raises(MappingError):
        mapping_of(BOMBS[what])
    for name in ("routing.yaml", "mappings/web.yaml"):
        folder = tmp_path / name.replace("/", "-").removesuffix(".yaml")
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(BOMBS[what], encoding="utf-8")
        reader = Reader()
        reader.read(folder)
        assert [one for one in reader.findings if one.file and one.file.endswith(name)], "a finding with the file"


def test_aliases_of_a_real_policy_are_read() -> None:
    bounded_yaml.check("a: &a [1, 2]\nb: *a\nc: &s text\nd: *s\n")
    with pytest.raises(bounded_yaml.Unbounded, match="alias"):
        bounded_yaml.check("a: &a [1]\nb: *a\n", aliases=False)


# ------------------------------------------------------------ wrong query codes


async def ask(here: Served, number: str, code: str, host: str = "10.0.0.1") -> httpx.Response:
    transport = httpx.ASGITransport(here.app, client=(host, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.post("/v1/status", json={"number": number, "code": code})


async def test_attempts_at_the_same_time_do_not_pass_together(here: Served) -> None:
    receipt = await here.filed()
    answers = await asyncio.gather(*(ask(here, receipt["number"], WRONG) for _ in range(60)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(404) == here.runtime.settings.status_misses
    assert statuses.count(429) == 60 - here.runtime.settings.status_misses


async def test_right_pair_is_answered_while_wrong_ones_are_locked(here: Served) -> None:
    """Everybody behind an address is not locked out by one of them."""
    mine = await here.filed()
    for _ in range(30):
        await ask(here, mine["number"], WRONG)
    locked = await ask(here, mine["number"], WRONG)
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many_misses")
    assert 0 < int(locked.headers["retry-after"]) <= 60
    for _ in range(3):
        assert (await ask(here, mine["number"], mine["code"])).status_code == 200
    here.clock.advance(61)
    assert (await ask(here, mine["number"], WRONG)).status_code == 404


async def test_right_pairs_are_not_counted(here: Served) -> None:
    mine = await here.filed()
    for _ in range(50):
        assert (await ask(here, mine["number"], mine["code"])).status_code == 200
    assert (await ask(here, mine["number"], WRONG)).status_code == 404


async def test_one_subscriber_of_ipv6_is_one_client(here: Served) -> None:
    mine = await here.filed()
    for place in range(here.runtime.settings.status_misses):
        assert (await ask(here, mine["number"], WRONG, f"2001:db8:0:1::{place:x}")).status_code == 404
    assert (await ask(here, mine["number"], WRONG, "2001:db8:0:1:ffff::1")).status_code == 429
    assert (await ask(here, mine["number"], WRONG, "2001:db8:0:2::1")).status_code == 404


def test_memory_of_the_limiter_is_bounded() -> None:
    limiter = RateLimiter(SetClock(MORNING), 10)
    for place in range(30_000):
        limiter.take(str(place))
    assert len(limiter._by_client) <= 10_000
    for _ in range(1_000):
        limiter.take("one")
    assert len(limiter._by_client["one"]) == 10


# ------------------------------------------------------------ long cases


async def test_long_case_is_read_in_pages(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_details, "TIMELINE", 10)
    case = (await here.filed())["case"]
    for place in range(25):
        assert (await here.act("registrar", case, "nudge", text=f"words {place}")).status_code == 200
    versions: list[int] = []
    texts: list[str] = []
    before: dict[str, int] = {}
    async with here.client("registrar") as client:
        for _ in range(10):
            page = (await client.get(f"/v1/cases/{case}", params=before)).json()
            assert len(page["timeline"]) <= 10 and page["content"]["parties"], "who it is about is on every page"
            versions = [one["version"] for one in page["timeline"]] + versions
            texts = [one["fields"]["text"] for one in page["content"]["texts"]] + texts
            if page["timeline_before"] is None:
                break
            before = {"before": page["timeline_before"]}
    assert versions == list(range(1, versions[-1] + 1)), "every event once, in order"
    assert [one for one in texts if one.startswith("words")] == [f"words {place}" for place in range(25)]


async def test_steps_of_a_case_in_a_day_are_bounded_for_everybody(
    here: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_checks, "MOST_IN_A_DAY", 20)
    receipt = await here.filed()
    for _ in range(20):
        await here.act("registrar", receipt["case"], "add_material", text="另有一处")
    refused = await here.act("registrar", receipt["case"], "add_material", text="另有一处")
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_in_a_day")
    own = {"command_id": "c-1", "number": receipt["number"], "code": receipt["code"]}
    async with here.client() as citizen:
        answer = await citizen.post(
            "/v1/citizens/commands", json={**own, "command": "add_material", "text": "另有一处"}
        )
        nudged = await citizen.post("/v1/citizens/commands", json={**own, "command": "nudge"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_in_a_day")
    assert nudged.status_code == 200, "who asks for the answer is never refused"
    here.clock.advance(timedelta(hours=24, seconds=1))
    later = await here.act("registrar", receipt["case"], "add_material", text="另有一处")
    assert later.status_code == 200


# ------------------------------------------------------------ bulk reading


async def test_reading_many_cases_needs_a_reason() -> None:
    async with served(read_limit=3) as here:
        cases = [(await here.filed())["case"] for _ in range(5)]
        async with here.client("registrar") as client:
            for case in (*cases[:3], *cases[:3]):
                assert (await client.get(f"/v1/cases/{case}")).status_code == 200, "the same case again costs nothing"
            refused = await client.get(f"/v1/cases/{cases[3]}")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_reads")
            assert "张三" not in refused.text and int(refused.headers["retry-after"]) > 0
            assert (await client.get("/v1/cases")).status_code == 200, "lists hold no personal data"
            wrong = await client.get(f"/v1/cases/{cases[3]}", headers={"reason": "curiosity"})
            assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_reason")
            stated = await client.get(f"/v1/cases/{cases[3]}", headers={"reason": "inspection"})
            assert stated.status_code == 200 and "张三" in stated.text
        async with here.client("supervisor") as other:
            assert (await other.get(f"/v1/cases/{cases[4]}")).status_code == 200, "another key"
        commits = await here.runtime.ports.log.load(f"reads/{cases[3]}")
        reasons = [event.body.reason for one in commits for event in one.recorded]  # type: ignore[attr-defined]
        assert reasons == ["inspection"], "a refused read is not one"
        async with here.on_operations_port() as operations:
            text = (await operations.get("/metrics")).text
        assert 'huiyin_bulk_reads_total{result="refused"} 1.0' in text
        assert 'huiyin_bulk_reads_total{result="stated"} 1.0' in text
        here.clock.advance(3601)
        async with here.client("registrar") as client:
            assert (await client.get(f"/v1/cases/{cases[4]}")).status_code == 200


def test_far_above_the_limit_no_reason_helps() -> None:
    meter = ReadingMeter()
    meter.limit = 2
    found = [meter.verdict("k", f"c{place}", "inspection", 0.0)[0] for place in range(FAR * 2 + 3)]
    assert found == ["within"] * 2 + ["stated"] * (FAR * 2 - 2) + ["refused"] * 3
    assert meter.verdict("k", "new", None, 100.0) == ("refused", round(HOUR - 100))
    assert meter.verdict("k", "new", None, HOUR + 1)[0] == "within"
    assert all(code.isascii() and name for code, name in REASONS.items())
