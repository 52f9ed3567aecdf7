"""Responses to bad input name the field and the remedy, never the value; the log is unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
import pytest_asyncio

from shared.eventstore.errors import StoreBroken, StoreFull
from shared.operations.digests import log_digest
from tests.support.findings import is_chinese
from tests.support.serving import Served, served, submission

SECRET = "身份证3301"


class Bad(NamedTuple):
    name: str
    content: bytes
    status: int
    code: str
    field: str | None = None


def changed(**more: Any) -> bytes:
    return orjson.dumps({**submission(item="bad"), **more})


def without(name: str) -> bytes:
    whole = submission(item="bad")
    del whole[name]
    return orjson.dumps(whole)


BAD = (
    Bad("not JSON", b'{"channel": ', 400, "not_json"),
    Bad("empty", b"", 400, "empty_body"),
    Bad("not UTF-8", b'{"text": "\xff"}', 400, "not_utf8"),
    Bad("a list", b"[]", 422, "not_an_object"),
    Bad("a key twice", b'{"channel": "web", "channel": "app"}', 400, "duplicate_key", "channel"),
    Bad("NaN", b'{"channel": NaN}', 400, "not_a_number"),
    Bad("infinite", b'{"channel": 1e999}', 400, "not_a_number"),
    Bad("more than 64 bits", b'{"channel": 9223372036854775808}', 400, "not_a_number"),
    Bad("400 digits", b'{"channel": -' + b"9" * 400 + b"}", 400, "not_a_number"),
    Bad("deep", b"[" * 50_000 + b"]" * 50_000, 400, "too_deep"),
    Bad("lone surrogate", b'{"text": "\\ud800"}', 422, "control_character", "text"),
    Bad("control character", b'{"text": "a\\u0000b"}', 422, "control_character", "text"),
    Bad("line break in a code", changed(item="a\nb"), 422, "invalid_request", "item"),
    Bad("unknown field", changed(priority=SECRET), 422, "invalid_request", "priority"),
    Bad("unknown inner field", changed(petitioner={"idcard": SECRET}), 422, "invalid_request", "petitioner.idcard"),
    Bad("unknown field with a telling name", changed(**{SECRET: 1}), 422, "invalid_request", "(other)"),
    Bad("missing field", without("text"), 422, "invalid_request", "text"),
    Bad("wrong type", changed(text=5), 422, "invalid_request", "text"),
    Bad("wrong class", changed(**{"class": SECRET}), 422, "invalid_request", "class"),
    Bad("naive time", changed(received_at="2026-03-01T10:00:00"), 422, "wrong_time", "received_at"),
    Bad("no time", changed(received_at=SECRET), 422, "wrong_time", "received_at"),
    Bad("a time before all time", changed(received_at="0001-01-01T00:00:00+08:00"), 422, "wrong_time"),
    Bad("a time after all time", changed(received_at="9999-12-31"), 422, "wrong_time", "received_at"),
    Bad("in the future", changed(received_at="2026-04-01"), 409, "effective_in_future", "received_at"),
    Bad("unknown channel", changed(channel="nowhere"), 422, "unknown_channel", "channel"),
    Bad("10 MB of text", changed(text="漏" * 3_500_000), 413, "body_too_large"),
    Bad("a text above the limit", changed(text="漏" * 60_000), 422, "invalid_request", "text"),
)


once = pytest.mark.asyncio(loop_scope="module")
"""For tests of one county: each asserts that nothing was appended."""


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def county() -> AsyncIterator[Served]:
    """One for all tests that are marked `once`."""
    async with served() as found:
        yield found


def check(answer: httpx.Response, status: int, code: str, field: str | None = None) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["detail_zh"]
    assert all(is_chinese(one["problem_zh"], one["problem"]) for one in problem.get("errors", ()))
    assert "pattern" not in answer.text  # a sentence, no expression
    if field is not None:
        assert problem["field"] == field
    assert SECRET not in answer.text


@once
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_bad_submission_is_refused(county: Served, bad: Bad) -> None:
    before = await log_digest(county.runtime.ports.log)
    async with county.client("registrar") as desk:
        answer = await desk.post("/v1/submissions", content=bad.content, headers={"content-type": "application/json"})
    check(answer, bad.status, bad.code, bad.field)
    assert await log_digest(county.runtime.ports.log) == before


async def test_request_body_without_length_is_cut_off_at_limit(here: Served) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    async with here.client("registrar") as desk:
        answer = await desk.post("/v1/submissions", content=endless(), headers={"content-type": "application/json"})
    check(answer, 413, "body_too_large")
    assert sent <= 256 * 1024 + 2 * 65_536


BAD_COMMANDS: tuple[tuple[str, dict[str, Any], int, str, str | None], ...] = (
    ("unknown command", {"command": "destroy"}, 422, "unknown_command", "command"),
    ("our own command", {"command": "route"}, 422, "unknown_command", "command"),
    ("no id", {"command": "sign_off", "command_id": None}, 422, "invalid_request", "command_id"),
    ("a field of the state", {"command": "sign_off", "state": "closed"}, 422, "invalid_request", "state"),
    ("the actor in the body", {"command": "sign_off", "actor": "zj"}, 422, "invalid_request", "actor"),
    ("naive time", {"command": "sign_off", "effective_at": "2026-03-02T09:00:00"}, 422, "wrong_time", "effective_at"),
    ("too early", {"command": "sign_off", "effective_at": "2026-03-01"}, 409, "effective_too_early", "effective_at"),
    (
        "in the future",
        {"command": "sign_off", "effective_at": "2026-03-09"},
        409,
        "effective_in_future",
        "effective_at",
    ),
    ("stale", {"command": "sign_off", "expected_version": 1}, 409, "stale_version", None),
    ("wrong state", {"command": "deliver_reply"}, 409, "not_in_this_state", None),
    ("wrong role", {"command": "close", "kind": "explained"}, 403, "role_not_allowed", None),
    ("missing field", {"command": "decide"}, 422, "invalid_request", None),
)


@once
@pytest.mark.parametrize("bad", BAD_COMMANDS, ids=lambda bad: bad[0])
async def test_bad_command_is_refused(county: Served, bad: tuple[str, dict[str, Any], int, str, str | None]) -> None:
    _name, body, status, code, field = bad
    case = (await county.filed())["case"]
    before = await log_digest(county.runtime.ports.log)
    check(await county.act("clerk", case, **body), status, code, field)
    assert await log_digest(county.runtime.ports.log) == before


BAD_QUESTIONS = (
    ("/v1/cases?limit=1000", 422, "limit"),
    ("/v1/cases?limit=x", 422, "limit"),
    ("/v1/cases?oder=due", 422, "query"),
    ("/v1/cases?state=signed&state=closed", 422, "state"),
    ("/v1/cases?state=nowhere", 422, None),
    ("/v1/cases?queue=nowhere", 422, None),
    ("/v1/cases?after=nonsense", 422, "after"),
    ("/v1/cases?due_before=2026-03-02T09:00:00", 422, "due_before"),
    ("/v1/cases/nothing", 404, None),
    ("/v1/cases/2026-0000-0000-0000-0", 404, None),
    ("/v1/cases/web:nothing", 404, None),
    ("/v1/cases/web:nothing?as_of=yesterday", 422, "as_of"),
    ("/v1/nowhere", 404, None),
    ("/v1/policies/nowhere", 404, None),
    ("/local/keys", 404, None),
    ("/docs", 404, None),
)


@once
@pytest.mark.parametrize("question", BAD_QUESTIONS, ids=lambda one: one[0])
async def test_bad_query_is_refused(county: Served, question: tuple[str, int, str | None]) -> None:
    path, status, field = question
    async with county.client("registrar") as desk:
        answer = await desk.get(path)
    check(answer, status, answer.json()["code"], field)


async def test_wrong_method_and_content_type_are_refused(here: Served) -> None:
    async with here.client("registrar") as desk:
        method = await desk.delete("/v1/cases")
        kind = await desk.post("/v1/submissions", content=b"a=1", headers={"content-type": "text/plain"})
    check(method, 405, "wrong_method")
    assert "GET" in method.headers["allow"]
    check(kind, 415, "wrong_content_type")


async def test_full_disk_refuses_writes_and_serves_reads(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    case = (await here.filed())["case"]
    log = here.runtime.ports.log

    async def full(_commit: object) -> None:
        raise StoreFull("no space")

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", full)
        async with here.client("registrar") as desk:
            check(await desk.post("/v1/submissions", json=submission()), 507, "log_full")
            shown = await desk.get(f"/v1/cases/{case}")
            assert (shown.status_code, shown.json()["content"]["withheld"]) == (200, "log_full")
            listed = await desk.get("/v1/cases")
            assert len(listed.json()["cases"]) == 1
    assert (await here.filed())["state"] == "registered"


async def test_broken_log_terminates_process(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_commit: object) -> None:
        raise StoreBroken("fsync failed")

    monkeypatch.setattr(here.runtime.ports.log, "append", broken)
    async with here.client("registrar") as desk:
        check(await desk.post("/v1/submissions", json=submission()), 503, "log_broken")
    async with here.on_operations_port(None) as anybody:
        assert (await anybody.get("/readyz")).status_code == 503
    assert here.runtime.ended.is_set()


async def test_unexpected_error_becomes_problem_without_its_text(
    here: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wrong(_commit: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(here.runtime.ports.log, "append", wrong)
    async with here.client("registrar") as desk:
        check(await desk.post("/v1/submissions", json=submission()), 500, "internal_error")
    assert SECRET not in "".join(capsys.readouterr())


async def test_policy_with_routing_gap_is_not_activated(here: Served) -> None:
    async with here.client("operations") as operations:
        documents = (await operations.get("/v1/policies/cn-demo")).json()["documents"]
        routing = {**documents["routing"], "rules": documents["routing"]["rules"][:1]}
        routing.pop("default", None)
        body = {"jurisdiction": "cn-demo", "sections": {"routing": routing}}
        checked = (await operations.post("/v1/policies:validate", json=body)).json()
        answer = await operations.post("/v1/policies:activate", json=body)
    assert not checked["valid"]
    assert any("gap" in one["what"] and "空缺" in one["what_zh"] for one in checked["findings"])
    check(answer, 422, "policy_invalid")
    problem = answer.json()
    assert [(one["where"], one["what"], one["what_zh"]) for one in checked["findings"]] == [
        (one["field"], one["problem"], one["problem_zh"]) for one in problem["errors"]
    ]
    assert all(is_chinese(one["problem_zh"], one["problem"]) for one in problem["errors"])
    first = problem["errors"][0]
    assert problem["detail"].endswith(f"{first['field']}: {first['problem']}")
    assert problem["detail_zh"].endswith(f"{first['field']}：{first['problem_zh']}")
