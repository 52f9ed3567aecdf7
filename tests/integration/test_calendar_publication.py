"""Publication of a year's holidays: provisional dates are recomputed, and moved dates are named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from services.supervision.calendar_publication import merged
from shared.deadlines.derivation import deadlines
from shared.policy.documents import CalendarDocument
from shared.policy.loading.loader import bundled, read_calendar
from shared.policy.working_calendar import Calendar
from tests.support.county import DEMO
from tests.support.findings import in_english
from tests.support.process import huiyin
from tests.support.serving import Served, served

MOVABLE = [
    "2027-02-05",
    "2027-02-06",
    "2027-02-07",
    "2027-02-08",
    "2027-04-05",
    "2027-05-02",
    "2027-06-09",
    "2027-09-15",
]
"""Spring Festival with its eve, Qingming, 2 May, Dragon Boat, Mid-Autumn."""
STATUTORY = ["2027-01-01", "2027-05-01", "2027-10-01", "2027-10-02", "2027-10-03", *MOVABLE]
FILE = """\
# invented
calendar:
  published_until: 2027
  years:
    2027:
      holidays:
        [2027-01-01, 2027-01-06, 2027-01-07, {may} 2027-10-01, 2027-10-02, 2027-10-03, 2027-02-05, 2027-02-06, 2027-02-07,
         2027-02-08, 2027-04-05, 2027-05-02, 2027-06-09, 2027-09-15]
      workdays: [2027-01-09]
"""
WHOLE = FILE.format(may="2027-05-01,")


def year(*more: str, without: str = "") -> dict[str, Any]:
    days = sorted({*STATUTORY, *more} - {without})
    return {"years": {"2027": {"holidays": days, "workdays": ["2027-01-09"]}}}


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        made.clock.set(datetime(2026, 12, 22, 2, 0, tzinfo=UTC))
        yield made


async def publish(here: Served, calendar: dict[str, Any], role: str = "registrar") -> Any:
    async with here.client(role) as client:
        answer = await client.post("/v1/calendars:publish", json={"jurisdiction": DEMO, "calendar": calendar})
    await here.runtime.drain()
    return answer


async def due_of(here: Served, case: str, clock: str) -> tuple[str, bool]:
    folded, _head = await here.runtime.ports.cases.get(case)
    found = deadlines(folded, await here.runtime.ports.policies.book(DEMO))
    one = next(one for one in found if one.clock == clock)
    return one.due_day.isoformat(), one.provisional


async def test_calendar_publication_names_moved_due_dates_and_confirms_others(here: Served) -> None:
    receipt = await here.filed()
    assert await due_of(here, receipt["case"], "C3") == ("2027-01-06", True)
    answer = await publish(here, year("2027-01-06", "2027-01-07"))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["changed"], told["published_until"], told["moved_in_all"]) == (True, 2027, 1)
    (moved,) = told["moved"]
    assert (moved["number"], moved["clock"], moved["org"]) == (receipt["number"], "C3", "zj")
    assert (moved["old_due"][:10], moved["new_due"][:10]) == ("2027-01-06", "2027-01-08")
    assert moved["provisional"] is False
    assert await due_of(here, receipt["case"], "C3") == ("2027-01-08", False)
    again = (await publish(here, year("2027-01-06", "2027-01-07"))).json()
    assert (again["changed"], again["moved"]) == (False, [])


async def test_moved_due_date_of_accusation_is_hidden_from_accused(here: Served) -> None:
    """The registrar's own office is the respondent: existence, location and due date of the case are hidden from it. The clock is
    that of the discipline organ, of 15 working days (J1)."""
    case = (await here.filed(**{"class": "accusation"}, respondent={"name": "某科长", "org": "xfj"}))["case"]
    here.keys["another office"] = await here.key_of("registrar", "dh")
    assert (await here.act("another office", case, "dispatch", org="jjw")).is_success
    assert (await due_of(here, case, "J1"))[0] == "2027-01-13"
    answer = await publish(here, year("2027-01-06", "2027-01-07"))
    assert (await due_of(here, case, "J1"))[0] == "2027-01-14"
    assert (answer.status_code, answer.json()["moved"], answer.json()["confirmed"]) == (200, [], 0)
    assert case not in answer.text


async def test_calendar_with_missing_day_is_refused_without_changes(here: Served) -> None:
    receipt = await here.filed()
    before = await due_of(here, receipt["case"], "C3")
    answer = await publish(here, year(without="2027-10-02"))
    assert (answer.status_code, answer.json()["code"]) == (422, "calendar_invalid")
    (error,) = answer.json()["errors"]
    assert error["field"] == "calendar.years[2027].holidays"
    assert "2027-10-02 is missing" in error["problem"]
    assert error["problem_zh"] == "缺少 2027-10-02：10-02 是法定节假日，请添加。"
    assert answer.json()["detail_zh"].endswith(error["problem_zh"])
    assert await due_of(here, receipt["case"], "C3") == before
    assert (await publish(here, {"years": {"2029": {"holidays": []}}})).json()["code"] == "calendar_invalid"
    assert (await publish(here, {"yeers": {}})).json()["code"] == "calendar_invalid"


@pytest.mark.parametrize("day", MOVABLE)
async def test_calendar_without_a_holiday_of_the_lunar_calendar_is_refused(here: Served, day: str) -> None:
    answer = await publish(here, year(without=day))
    assert (answer.status_code, answer.json()["code"]) == (422, "calendar_invalid")
    assert [day in error["problem"] for error in answer.json()["errors"]] == [True]


async def test_unpublished_year_is_estimated_with_spring_festival() -> None:
    calendar = Calendar(CalendarDocument.model_validate(bundled("cn-calendar")[0].document))
    assert calendar.off(date(2027, 2, 8)) == "statutory"
    assert calendar.off(date(2028, 5, 2)) == "statutory"
    assert calendar.period(date(2027, 2, 3), 1, "working").day == date(2027, 2, 4)
    assert calendar.period(date(2027, 2, 4), 1, "working").day == date(2027, 2, 9)


async def test_correctly_estimated_date_becomes_certain(here: Served) -> None:
    await here.filed()
    told = (await publish(here, year())).json()
    assert (told["moved"], told["confirmed"]) == ([], 1)


async def test_clerk_cannot_publish_calendar(here: Served) -> None:
    assert (await publish(here, year(), role="clerk")).status_code == 403


def test_missing_day_is_reported_with_line(tmp_path: Path) -> None:
    present = CalendarDocument.model_validate(bundled("cn-calendar")[0].document)
    file = tmp_path / "2027.yaml"
    file.write_text(WHOLE, encoding="utf-8")
    given, findings = read_calendar(file, lambda new: merged(present, new))
    assert given is not None
    assert findings == []
    file.write_text(FILE.format(may=""), encoding="utf-8")
    _given, findings = read_calendar(file, lambda new: merged(present, new))
    (only,) = findings
    assert (only.file, only.line) == ("2027.yaml", 6)
    assert "2027-05-01 is missing" in only.what
    file.write_text("routing: {rules: []}\n", encoding="utf-8")
    given, findings = read_calendar(file, lambda new: merged(present, new))
    assert given is None
    assert in_english(findings)
    file.write_text("use: [cn-calendar]\ncalendar: 1\n", encoding="utf-8")
    assert in_english(read_calendar(file, lambda new: merged(present, new))[1])
    file.write_text("{}\n", encoding="utf-8")
    assert "no section calendar" in in_english(read_calendar(file, lambda new: merged(present, new))[1])[0]


def test_calendar_is_published_from_command_line(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    assert huiyin("policy", "activate", "demo", "--data", data).returncode == 0
    file = tmp_path / "2027.yaml"
    file.write_text(FILE.format(may=""), encoding="utf-8")
    refused = huiyin("calendar", "publish", str(file), "--data", data)
    assert refused.returncode == 1
    assert "calendar_invalid: 2027.yaml:6:7: calendar.years[2027].holidays: 2027-05-01 is missing" in refused.stderr
    assert refused.stderr.rstrip().endswith("缺少 2027-05-01：05-01 是法定节假日，请添加。")
    file.write_text(WHOLE, encoding="utf-8")
    done = huiyin("calendar", "publish", str(file), "--data", data)
    assert done.returncode == 0, done.stderr
    assert "2027" in done.stdout
    assert "nothing changed" in huiyin("calendar", "publish", str(file), "--data", data).stdout
    assert huiyin("calendar", "publish", str(tmp_path / "none.yaml"), "--data", data).returncode == 1
