"""Requests that people of this trade reported in other systems, by kind: invisible characters, clocks of others, many nudges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

import pytest

from shared.kernel.legal_time import to_text
from shared.queries import case_details
from tests.support.serving import Served, served


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


# ------------------------------------------------------------ an accusation in other characters

ACCUSATIONS = (
    "反映镇里干部受\u200b贿的问题",
    "反映镇里干部受\n贿的问题",
    "反映镇里干部受\r\n  贿的问题",
    "反映镇里干部受\u00ad贿的问题",
    "反映镇里干部受\ufeff贿\u2060的问题",
    "反映鎮裡幹部受賄的問題",
    "反映镇里干部受、贿的问题",
    "反映镇里干部受\u3000贿的问题",
    "反映镇里干部受&nbsp;贿的问题",
    "反映镇里干部受<br/>贿的问题",
    "反映镇里干部【受】【贿】的问题",
    "反映镇里干部受\u180e\ufe0f贿的问题",
)


@pytest.mark.parametrize("text", ACCUSATIONS)
async def test_accusation_is_sealed_in_whatever_characters_it_is_written(here: Served, text: str) -> None:
    receipt = await here.filed(channel="province", text=text)
    async with here.client("organisation") as client:
        assert (await client.get(f"/v1/cases/{receipt['case']}")).status_code == 404
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    assert case.accusation.suspected is not None
    assert case.assignment.org is None
    assert case.assignment.queue_reason is not None


@pytest.mark.parametrize(
    "text",
    ["\u200b\u200d\ufeff", " \t\n", "\u3164\u115f", "\u2800\u2800", "\u0301\u0302", "\u202e\u202c", "\U000e0020"],
)
async def test_text_of_nothing_visible_is_refused(here: Served, text: str) -> None:
    async with here.client("registrar") as client:
        answer = await client.post("/v1/submissions", json={"channel": "web", "item": "Z-30", "text": text})
    assert answer.status_code == 422
    assert answer.json()["field"] == "text"


def _wide(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if 0x21 <= ord(one) <= 0x7E else one for one in text)


@pytest.mark.parametrize(
    "written",
    [
        _wide,
        lambda text: text.replace("-", "–"),
        lambda text: text.replace("-", "—"),
        lambda text: text.lower(),
        lambda text: text.replace("-", " "),
        lambda text: f"\u200b{text}\u200b",
        lambda text: f" {text}。",
    ],
)
async def test_number_and_code_are_read_as_people_write_them(here: Served, written: Any) -> None:
    receipt = await here.filed()
    async with here.client() as citizen:
        answer = await citizen.post(
            "/v1/status", json={"number": written(receipt["number"]), "code": written(receipt["code"])}
        )
    assert answer.status_code == 200, answer.text


# ------------------------------------------------------------ clocks and forms of others


async def _dispatched(here: Served) -> tuple[str, datetime]:
    """A delivered case and the moment of its last step, which has a fraction of a second."""
    here.clock.advance(0.575527)
    receipt = await here.filed()
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    moved = case.moved_at
    assert isinstance(moved, datetime)
    assert moved.microsecond
    return receipt["case"], moved


async def test_second_of_the_last_step_is_not_too_early(here: Served) -> None:
    case, moved = await _dispatched(here)
    here.clock.advance(5)
    same = moved.replace(microsecond=0).isoformat()
    answer = await here.act("organisation", case, "sign_off", effective_at=same)
    assert answer.status_code == 200, answer.text
    assert answer.json()["events"][0]["effective_at"] == to_text(moved)


@pytest.mark.parametrize(
    "written",
    [
        lambda at: at.replace(second=0, microsecond=0).isoformat(),
        lambda at: at.replace(second=0, microsecond=0).isoformat(timespec="minutes"),
        lambda at: at.isoformat(timespec="milliseconds"),
        lambda at: at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        lambda at: at.astimezone(timezone(timedelta(hours=8))).isoformat(timespec="milliseconds"),
        lambda at: at.astimezone(timezone(-timedelta(hours=9, minutes=30))).isoformat(timespec="seconds"),
        lambda at: at.isoformat(),
    ],
)
async def test_time_is_as_exact_as_it_is_written(here: Served, written: Callable[[datetime], str]) -> None:
    here.clock.advance(41)
    case, moved = await _dispatched(here)
    assert moved.second
    here.clock.advance(5)
    answer = await here.act("organisation", case, "sign_off", effective_at=written(moved))
    assert answer.status_code == 200, answer.text
    assert answer.json()["events"][0]["effective_at"] == to_text(moved)


@pytest.mark.parametrize("early", [timedelta(seconds=-1), timedelta(seconds=-60), timedelta(days=-1)])
async def test_second_before_the_last_step_is_too_early(here: Served, early: timedelta) -> None:
    case, moved = await _dispatched(here)
    here.clock.advance(5)
    answer = await here.act(
        "organisation", case, "sign_off", effective_at=(moved.replace(microsecond=0) + early).isoformat()
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "effective_too_early")


async def test_fraction_before_the_last_step_is_too_early(here: Served) -> None:
    case, moved = await _dispatched(here)
    here.clock.advance(5)
    answer = await here.act(
        "organisation", case, "sign_off", effective_at=(moved - timedelta(microseconds=1)).isoformat()
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "effective_too_early")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("2026-01-31T24:00:00+08:00", "2026-01-31T16:00:00.000000Z"),
        ("2026-01-31T24:00+08:00", "2026-01-31T16:00:00.000000Z"),
        ("2026-01-31T24:00:00.000Z", "2026-02-01T00:00:00.000000Z"),
    ],
)
async def test_end_of_a_day_is_the_begin_of_the_next(here: Served, given: str, right: str) -> None:
    assert (await here.filed(received_at=given))["received_at"] == right


@pytest.mark.parametrize(
    "given",
    [
        "2026-W05-6", "20260131", "2026-031", "2026-01-31T10:00:00+08:00:30", "2026-01-31 10:00:00+08:00",
        "2026-01-31T24:00:01+08:00", "2026-01-31T25:00:00+08:00", "2026-01-31T10:00:00", "2026-01-31T10+08:00", "1769824800",
        "２０２６-01-31",
    ],
)  # fmt: skip
async def test_other_forms_of_a_time_are_refused_in_words(here: Served, given: str) -> None:
    async with here.client("registrar") as client:
        answer = await client.post(
            "/v1/submissions", json={"channel": "web", "item": "t", "text": "x", "received_at": given}
        )
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "wrong_time", "received_at")


# ------------------------------------------------------------ many nudges


_ids = count(1)


async def _nudges(here: Served, receipt: dict[str, Any], times: int) -> list[Any]:
    answers = []
    async with here.client() as citizen:
        for _ in range(times):
            pair = {"number": receipt["number"], "code": receipt["code"]}
            answers.append(
                await citizen.post(
                    "/v1/citizens/commands",
                    json={
                        **pair,
                        "command": "nudge",
                        "command_id": f"nudge-{next(_ids)}",
                        "text": "何时答复",
                    },
                )
            )
    return answers


async def test_nudges_of_a_day_are_counted_once_and_heard_each_time(here: Served) -> None:
    receipt = await here.filed()
    first, second, third = await _nudges(here, receipt, 3)
    assert [one.json()["events"][0]["type"] for one in (first, second, third)] == [
        "Nudged",
        "NudgedAgain",
        "NudgedAgain",
    ]
    assert first.json()["heard_zh"] != second.json()["heard_zh"]
    assert "并入" in third.json()["heard_zh"]
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    assert (case.supervision.nudges, dict(case.supervision.nudges_joined).popitem()[1]) == (1, 3)
    here.clock.advance(86_400)
    (tomorrow,) = await _nudges(here, receipt, 1)
    assert tomorrow.json()["events"][0]["type"] == "Nudged"
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    assert (case.supervision.nudges, len(case.supervision.nudges_joined)) == (2, 1)
    async with here.client() as citizen:
        told = (await citizen.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})).json()
    assert [line["zh"] for line in told["events"] if "催问" in line["zh"]] == ["催问（当日 3 次）", "催问"]


@pytest.mark.parametrize(
    "days", [(0, 0), (0, 1, 0), (3, 1, 3, 1), (2, 2, 2, 2), (0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 0, 1)]
)
async def test_nudges_are_counted_by_the_day_that_they_state_in_any_order(here: Served, days: tuple[int, ...]) -> None:
    receipt = await here.filed()
    here.clock.advance(4 * 86_400)
    today = here.clock.now().date()
    for day in days:
        stated = (today - timedelta(days=3 - day)).isoformat()
        answer = await here.act("registrar", receipt["case"], "nudge", effective_at=stated, text="何时答复")
        assert answer.status_code == 200, answer.text
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    assert case.supervision.nudges == len(set(days))
    assert sum(times - 1 for _version, times in case.supervision.nudges_joined) == len(days) - len(set(days))


async def test_day_of_a_nudge_is_that_of_the_jurisdiction(here: Served) -> None:
    """15:30 and 16:30 UTC are two days in China."""
    here.clock.set(datetime(2026, 3, 5, 15, 30, tzinfo=UTC))
    receipt = await here.filed()
    await _nudges(here, receipt, 1)
    here.clock.advance(3_600)
    (later,) = await _nudges(here, receipt, 1)
    assert later.json()["events"][0]["type"] == "Nudged"


async def test_nudge_is_heard_on_a_day_with_many_steps(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.commands.command_checks.MOST_IN_A_DAY", 3)
    receipt = await here.filed()
    assert [one.status_code for one in await _nudges(here, receipt, 5)] == [200] * 5
    for _ in range(4):
        refused = await here.act("registrar", receipt["case"], "add_material", text="x")
    assert refused.json()["code"] == "too_many_in_a_day"
    assert (await _nudges(here, receipt, 1))[0].status_code == 200


async def test_status_of_a_long_case_comes_in_pages_with_one_line_a_day(here: Served) -> None:
    receipt = await here.filed()
    for _day in range(3):
        await _nudges(here, receipt, 3)
        here.clock.advance(86_400)
    case, _head = await here.runtime.ports.cases.get(receipt["case"])
    assert sum(last - first + 1 for first, last in case.supervision.nudge_runs) == 9
    pair = {"number": receipt["number"], "code": receipt["code"]}
    async with here.client() as citizen:
        told = (await citizen.post("/v1/status", json=pair)).json()
        lines = [line["zh"] for line in told["events"] if "催问" in line["zh"]]
        assert lines == ["催问（当日 3 次）"] * 3
        assert told["events_before"] is None
        earlier = (await citizen.post("/v1/status", json={**pair, "before": case.version - 3})).json()
    assert len(earlier["events"]) < len(told["events"])


async def test_pages_of_a_long_timeline_hold_every_event_once_and_the_parties_each_time(
    here: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_details, "TIMELINE", 4)
    receipt = await here.filed(petitioner={"name": "某甲"})
    await _nudges(here, receipt, 9)
    seen: list[int] = []
    before: dict[str, int] = {}
    async with here.client("registrar") as client:
        while True:
            page = (await client.get(f"/v1/cases/{receipt['case']}", params=before)).json()
            assert page["content"]["parties"]["p1"]["name"] == "某甲"
            assert len(page["timeline"]) <= 4
            seen[:0] = [event["version"] for event in page["timeline"]]
            if page["timeline_before"] is None:
                break
            before = {"before": page["timeline_before"]}
    assert seen == list(range(1, page["version"] + 1))
