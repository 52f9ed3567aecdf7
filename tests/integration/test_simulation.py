"""Ninety days of the invented county, judged by oracles that share no line with deadlines, ladder and office hours: working
days come from the package `chinesecalendar`, everything else from the bytes of the log.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
import pytest

from deploy.demo.sample.texts import sample_texts
from deploy.demo.simulation import Day, Parameters, Report, simulate
from tests.faults.checker import read_log
from tests.support.official_days import works

CHINA = ZoneInfo("Asia/Shanghai")
CASES = int(os.environ.get("HUIYIN_SIMULATED_CASES", "100"))
"""`make nightly` asks for 200."""
DAYS = 90
TEXTS = sample_texts()
OPENS, CLOSES = 9, 17
_SENT = ("CaseTransferred", "CaseAssigned", "CaseRoutedToSealedChannel", "JurisdictionRuled")
_LEFT = ("AssignmentWithdrawn", "JurisdictionDisputed", "CaseWithdrawn", "CaseClosed")


class Shown(NamedTuple):
    played: Report
    days: list[Day]
    cases: dict[str, list[dict[str, Any]]]
    """Stream -> its events, as they stand in the log."""
    outboxes: list[dict[str, Any]]
    end: datetime


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("play") / "data"
    days: list[Day] = []
    played = asyncio.run(simulate(folder, Parameters(DAYS, CASES, 1), days.append))
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    outboxes: list[dict[str, Any]] = []
    for commit, event in read_log(folder / "log.sqlite").events:
        if commit.stream.startswith("case/"):
            cases[commit.stream].append(event)
        elif commit.stream.startswith("inbox/"):
            outboxes.append(event)
    last = days[-1].day
    end = datetime(last.year, last.month, last.day, 20, tzinfo=CHINA)
    yield Shown(played, days, cases, outboxes, end)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(CHINA)


def in_office(at: datetime) -> bool:
    return works(at.date()) and OPENS <= at.hour < CLOSES


def midnight_after(start: datetime, days: int) -> datetime:
    """The end of the period: calendar days, the last one moved to a working day."""
    day = start.date() + timedelta(days=days)
    while day.year < 2027 and not works(day):  # long after the play has ended
        day += timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(days=1)


def midnight_after_workdays(start: datetime, days: int) -> datetime:
    """The end of so many working days after the day of `start`."""
    day = start.date()
    while days:
        day += timedelta(days=1)
        days -= day.year >= 2027 or works(day)
    return datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(days=1)


def test_simulation_uses_every_channel_temper_and_event(shown: Shown) -> None:
    played = shown.played
    assert played.events["CaseRegistered"] == CASES == sum(played.channels.values()) == len(shown.cases)
    assert set(played.tempers.values()) == {"prompt", "slow", "objecting", "extending", "silent"}
    for kind in (
        "ReturnRequested",
        "ExtensionGranted",
        "ExtensionNoticeServed",
        "Nudged",
        "EvaluationSubmitted",
        "RedoOrdered",
        "CaseClosed",
    ):
        assert played.events[kind], f"nobody did {kind}"
    for number in (played.routed, played.by_hand, played.returned, played.reminders, played.breaches):
        assert number
    assert played.urged_by_itself
    assert played.events["SupervisionOpened"]
    assert len(shown.days) == DAYS
    assert sum((day.events for day in shown.days), Counter[str]())["CaseRegistered"] == CASES
    assert {one["measure"] for one in played.figures}


def test_no_reminder_is_sent_outside_office_hours(shown: Shown) -> None:
    sent = [
        event
        for events in shown.cases.values()
        for event in events
        if (event["type"] == "Reminded" and not event["body"].get("passed"))
        or (event["type"] == "Urged" and event["body"].get("rung"))
    ]
    told = [event for event in shown.outboxes if event["body"]["kind"] in ("at_risk", "reminded", "urged")]
    assert len(sent) > 50
    assert len(told) > 30
    assert [event for event in (*sent, *told) if not in_office(instant(event["recorded_at"]))] == []


def test_each_rung_is_recorded_once(shown: Shown) -> None:
    rungs = Counter(
        (stream, event["body"]["clock"], event["body"]["episode"], event["body"].get("rung", event["type"]))
        for stream, events in shown.cases.items()
        for event in events
        if event["cause"].startswith("supervision.tick:")
    )
    assert len(rungs) > 100
    assert set(rungs.values()) == {1}
    ids = Counter(event["event_id"] for events in shown.cases.values() for event in events)
    assert set(ids.values()) == {1}


def period_end(clock: str, start: datetime, days: int) -> datetime:
    return midnight_after_workdays(start, days) if clock == "C14" else midnight_after(start, days)


class Run(NamedTuple):
    """One run of a clock as a reader of the law would note it down."""

    clock: str
    start: datetime
    due: datetime
    met: datetime | None
    left: datetime | None


def runs(events: list[dict[str, Any]]) -> list[Run]:
    """C1, C3, C5 and C14 of a case, from the plain order of its events (Art. 22, 23, 34)."""
    found: list[Run] = []
    open_: dict[str, list[Any]] = {}  # clock -> [start, days, met, left]
    path: int | None = None

    def begin(clock: str, at: datetime, days: int) -> None:
        finish(clock, at)
        open_[clock] = [at, days, None, None]

    def finish(clock: str, at: datetime, *, met: bool = False) -> None:
        run = open_.pop(clock, None)
        if run is not None:
            start, days = run[0], run[1]
            found.append(Run(clock, start, period_end(clock, start, days), at if met else None, None if met else at))

    for event in events:
        kind, body, at = event["type"], event["body"], instant(event["effective_at"])
        if kind == "CaseRegistered" and body.get("received_by") is None:
            begin("C1", at, 15)
        elif kind in (*_SENT, "AnsweredAtOnce"):
            finish("C1", at, met=True)
        elif kind == "AssignmentDelivered":
            begin("C3", at, 15)
        elif kind == "NoticeServed":
            finish("C3", at, met=True)
        elif kind == "Accepted":
            path = body.get("path")
            if path == 6:
                begin("C5", at, 60)
        elif kind == "RedoOrdered" and path == 6:
            begin("C5", at, 60)
        elif kind == "ExtensionGranted" and "C5" in open_:
            run = open_["C5"]
            if at < midnight_after(run[0], run[1]):
                run[1] = min(90, run[1] + body["days"])
        elif kind == "ReplyDelivered":
            finish("C5", at, met=True)
            finish("C14", at)
        elif kind == "ExtensionNoticeServed":
            finish("C14", at, met=True)
        if kind == "ExtensionGranted":
            begin("C14", at, 5)
        if kind in ("AssignmentWithdrawn", "CaseWithdrawn", "CaseClosed"):
            finish("C14", at)
        if kind in _LEFT or (kind == "ReturnVerified" and body["agreed"]):
            for clock in ("C1", "C3", "C5"):
                finish(clock, at)
    found += [Run(clock, run[0], period_end(clock, run[0], run[1]), None, None) for clock, run in open_.items()]
    return found


def test_breaches_match_oracle_exactly(shown: Shown) -> None:
    expected: set[tuple[str, str, datetime]] = set()
    for stream, events in shown.cases.items():
        over = next((instant(one["effective_at"]) for one in events if one["type"] == "CaseClosed"), shown.end)
        for run in runs(events):
            ended = run.met or run.left or shown.end
            if ended >= run.due and run.due <= min(over, shown.end):
                expected.add((stream, run.clock, run.due))
    recorded = {
        (stream, event["body"]["clock"], instant(event["effective_at"]) + timedelta(microseconds=1))
        for stream, events in shown.cases.items()
        for event in events
        if event["type"] == "DeadlineBreached" and event["body"]["clock"] != "C10"
    }
    assert recorded == expected
    assert len(recorded) >= 20
    assert {"C3", "C5", "C14"} <= {clock for _stream, clock, _due in recorded}


def test_summary_names_each_breach_with_its_fact(shown: Shown) -> None:
    facts = {(_number(events), event["version"]): event for events in shown.cases.values() for event in events}
    written = sum(event["type"] == "DeadlineBreached" for events in shown.cases.values() for event in events)
    assert len(shown.played.breaches) == written - shown.played.lifted
    for breach in shown.played.breaches:
        assert breach.days_late >= 0
        if breach.version is not None:
            event = facts[breach.number, breach.version]
            assert event["type"] == breach.fact
            assert instant(event["effective_at"]) > instant(breach.due)
        else:
            assert breach.why in ("nothing_done_yet", "never_signed_in_time", "not_dispatched_in_time") or breach.fact


def _number(events: list[dict[str, Any]]) -> str:
    return str(events[0]["body"]["number"])


def test_every_ladder_step_follows_previous_step(shown: Shown) -> None:
    opened = 0
    for events in shown.cases.values():
        seen: set[str] = set()
        for event in events:
            if event["type"] == "Urged":
                assert seen & {"Reminded", "DeadlineBreached"}
            if event["type"] == "SupervisionOpened":
                assert "Urged" in seen
                opened += 1
            seen.add(event["type"])
    assert opened


def test_log_contains_no_plain_text_names(shown: Shown) -> None:
    data = orjson.dumps([*shown.cases.values(), shown.outboxes]).decode()
    assert not [name for name in (*TEXTS.names, TEXTS.phone) if name in data]


@pytest.mark.nightly
def test_simulation_depends_on_seed_only(tmp_path: Path) -> None:
    digests = [
        asyncio.run(simulate(tmp_path / str(turn), Parameters(21, 40, seed))).digest
        for turn, seed in enumerate((5, 5, 6))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_days_off_are_reported(shown: Shown) -> None:
    off = {day.day for day in shown.days if day.off}
    assert off == {day.day for day in shown.days if not works(day.day)}
    assert date(2026, 10, 1) in off
