"""What must never be accepted: each with its stable code and what is allowed instead, and the log as it was.

| who does what | code |
|---|---|
| returns without a reason | invalid_request |
| returns after the fifth working day (Art. 23 ¶3) | objection_window_lapsed |
| closes what its own unit handled | role_not_allowed, handling_unit |
| grants itself an extension (Art. 34) | own_request |
| grants more than the cap, at once or in parts (Art. 34) | extension_over_cap |
| dates the notice before the delivery (Art. 23) | before_delivery |
| sends an accusation to the accused, or to any ordinary organ (Art. 30) | is_the_respondent, accusation_needs_sealed_organ |
| decides on a version that somebody else has changed | stale_version |
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.http.problem_details import MEDIA_TYPE
from shared.operations.digests import log_digest
from tests.support.serving import Served, served

DAY = 86400


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        found.keys["head"] = await found.key_of("clerk", "zj", head=True)
        found.keys["inside"] = await found.key_of("supervisor", "zj")
        yield found


async def refused(
    here: Served, role: str, case: str, command: str, code: str, instead: str, **fields: Any
) -> dict[str, Any]:
    """Assert that the command is refused with `code` and `instead`, lists possible commands, and writes nothing."""
    before = await log_digest(here.runtime.ports.log)
    answer = await here.act(role, case, command, **fields)
    problem: dict[str, Any] = answer.json()
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert problem["code"] == code, problem
    assert instead in problem["detail"], problem["detail"]
    assert problem["detail"].endswith(".")
    assert any("\u4e00" <= sign <= "\u9fff" for sign in problem["detail_zh"]), "the sentence in Chinese"
    assert await log_digest(here.runtime.ports.log) == before, "the log is as it was"
    return problem


async def done(here: Served, role: str, case: str, command: str, **fields: Any) -> dict[str, Any]:
    answer = await here.act(role, case, command, **fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def accepted(here: Served) -> str:
    case: str = (await here.filed())["case"]
    await done(here, "clerk", case, "accept", path=6)
    return case


async def replied(here: Served) -> str:
    case = await accepted(here)
    await done(here, "clerk", case, "decide", result="explained", basis=["条例第三十二条"], text="已说明")
    await done(here, "clerk", case, "deliver_reply")
    return case


@pytest.mark.parametrize("fields", [{}, {"reason": ""}, {"reason_code": "other"}, {"reason": "不属于我单位职责"}])
async def test_return_without_reason_is_refused(here: Served, fields: dict[str, Any]) -> None:
    case = (await here.filed())["case"]
    await refused(here, "clerk", case, "request_return", "invalid_request", "reason", **fields)


async def test_return_after_fifth_working_day_is_refused(here: Served) -> None:
    case = (await here.filed())["case"]
    here.clock.advance(8 * DAY)  # delivered on a Monday: the fifth working day was the Monday after
    problem = await refused(
        here,
        "clerk",
        case,
        "request_return",
        "objection_window_lapsed",
        "Accept the case, or refuse it",
        reason_code="not_our_place",
        reason="不在辖区",
    )
    assert "accept" in problem["allowed"]


async def test_closing_by_handling_organisation_is_refused(here: Served) -> None:
    case = await replied(here)
    await refused(
        here, "clerk", case, "close", "role_not_allowed", "It is open to: registrar, supervisor", kind="explained"
    )
    await refused(
        here, "inside", case, "close", "handling_unit", "a supervisor or the petition office", kind="explained"
    )
    await done(here, "registrar", case, "close", kind="explained")


async def test_extension_by_requester_or_beyond_cap_is_refused(here: Served) -> None:
    case = await accepted(here)
    office = {"approver": "zj-head"}
    await refused(
        here, "head", case, "grant_extension", "no_extension_asked", "Give ask_extension first", days=5, **office
    )
    await done(here, "clerk", case, "ask_extension", days=30, reason="取证需要时间")
    await refused(here, "clerk", case, "grant_extension", "head_needed", "Only the head", days=30, **office)
    await refused(here, "clerk", case, "refuse_extension", "head_needed", "Only the head", reason="不必")
    await refused(
        here, "head", case, "grant_extension", "extension_over_cap", "must not exceed 30 days", days=31, **office
    )
    await refused(here, "registrar", case, "grant_extension", "role_not_allowed", "clerk", days=5, **office)
    await refused(here, "supervisor", case, "grant_extension", "role_not_allowed", "clerk", days=5, **office)
    here.keys["colleague"] = await here.key_of("clerk", "zj")
    await refused(here, "colleague", case, "grant_extension", "head_needed", "Only the head", days=5, **office)
    await done(here, "head", case, "grant_extension", days=20, **office)
    await done(here, "clerk", case, "ask_extension", days=20, reason="仍需时间")
    await refused(here, "head", case, "grant_extension", "extended_before", "allows that 1 time", days=10, **office)


async def test_second_key_of_the_requester_is_still_the_requester(here: Served) -> None:
    case = await accepted(here)
    here.keys["asker"] = await here.key_of("clerk", "zj", person="z-7")
    here.keys["other key"] = await here.key_of("clerk", "zj", person="z-7", head=True)
    await done(here, "asker", case, "ask_extension", days=10, reason="取证需要时间")
    await refused(here, "other key", case, "grant_extension", "own_request", "with no key", days=10, approver="zj")
    await done(here, "head", case, "grant_extension", days=10, approver="zj")
    await done(here, "clerk", case, "serve_extension_notice")


async def test_notice_dated_before_delivery_is_refused(here: Served) -> None:
    here.clock.advance(3 * DAY)
    case = (await here.filed(received_at="2026-03-02"))["case"]
    await refused(
        here,
        "clerk",
        case,
        "serve_notice",
        "before_delivery",
        "Give that day or a later one",
        kind="acceptance",
        effective_at="2026-03-03",
    )
    await done(here, "clerk", case, "serve_notice", kind="acceptance", effective_at="2026-03-05")


async def test_accusation_dispatched_to_accused_is_refused(here: Served) -> None:
    accusation = (await here.filed(**{"class": "accusation"}, respondent={"name": "某人", "org": "zj"}))["case"]
    for org in ("zj", "jt"):
        await refused(
            here,
            "registrar",
            accusation,
            "dispatch",
            "accusation_needs_sealed_organ",
            "authorised to receive accusations and is not the respondent",
            org=org,
        )
    claim = (await here.filed(place="sl", subject="1502", respondent={"name": "某人", "org": "zj"}))["case"]
    await refused(here, "registrar", claim, "dispatch", "is_the_respondent", "Choose another organisation", org="zj")
    await done(here, "registrar", accusation, "dispatch", org="jjw")
    await refused(here, "clerk", accusation, "sign_off", "unknown_case", "among those you may see")


async def test_second_of_two_concurrent_clerks_is_refused(here: Served) -> None:
    """Both read the same version and decide differently: the second is refused as stale, and nothing of it is written."""
    case = await accepted(here)
    version = (await here.runtime.ports.cases.load_confirmed(case)).case.version

    async def decide(role: str, result: str) -> httpx.Response:
        fields = {"result": result, "basis": ["条例第三十二条"], "text": "意见", "expected_version": version}
        return await here.act(role, case, "decide", **fields)

    answers = await asyncio.gather(decide("clerk", "supported"), decide("head", "not_supported"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (problem,) = (answer.json() for answer in answers if answer.status_code == 409)
    assert problem["code"] in ("stale_version", "not_in_this_state"), problem
    decided = [
        event.type
        for commit in await here.runtime.ports.log.load(f"case/{case}")
        for event in commit.recorded
        if event.type == "DecisionIssued"
    ]
    assert len(decided) == 1

    await done(here, "registrar", case, "add_material", text="补充")
    await refused(
        here, "clerk", case, "deliver_reply", "stale_version", "read it again and decide", expected_version=version + 1
    )
