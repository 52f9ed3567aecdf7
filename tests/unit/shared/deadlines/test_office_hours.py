"""Reminders wait for office hours, breaches do not: checked against the working days of an independent package."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.case import Case, Rung, fold
from shared.deadlines.escalation_ladder import DueRung, next_look, rungs_due
from shared.events.supervision import Urged
from shared.kernel.legal_time import end_of_day
from shared.policy.book import PolicyBook
from shared.policy.documents import OfficeHours
from shared.policy.loading.loader import bundled
from shared.policy.office_hours import Office
from tests.support.official_days import works
from tests.support.policies import Story, at, book_of, demo, recorded

BOOK = demo()
CHINA = ZoneInfo("Asia/Shanghai")


def in_office(instant: datetime, opens: int = 9, closes: int = 17) -> bool:
    here = instant.astimezone(CHINA)
    return works(here.date()) and opens <= here.hour < closes


@settings(max_examples=400, deadline=None)
@given(st.datetimes(datetime(2004, 1, 1), datetime(2026, 11, 30)), st.integers(0, 23), st.integers(1, 24))  # noqa: DTZ001
def test_next_opening_is_start_of_office_hours(naive: datetime, opens: int, more: int) -> None:
    closes = min(24, opens + more)
    office = Office(OfficeHours(opens=opens, closes=closes), BOOK.calendar, "Asia/Shanghai")
    now = naive.replace(tzinfo=UTC)
    found = office.opening(now)
    assert in_office(found, opens, closes)
    assert office.is_open(found)
    assert (found == now) == in_office(now, opens, closes)
    here = now
    while here < found:  # the office is closed in between
        assert not in_office(here, opens, closes)
        here += timedelta(minutes=30)


def test_reminders_do_not_wait_without_office_hours() -> None:
    night = at("2026-02-17 03:00")
    assert Office(None, BOOK.calendar, "Asia/Shanghai").opening(night) == night


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-02-13 17:00", "2026-02-14 09:00"),  # a Saturday that is worked
        ("2026-02-14 17:00", "2026-02-24 09:00"),  # then nine days of Spring Festival
        ("2026-09-20 08:59", "2026-09-20 09:00"),  # a Sunday that is worked
        ("2026-10-01 10:00", "2026-10-08 09:00"),
    ],
)
def test_office_hours_follow_holidays_and_swap_days(now: str, opening: str) -> None:
    assert BOOK.office.opening(at(now)) == at(opening)


# -------------------------------------------------------------------- the ladder


def delivered(start: str) -> Story:
    moment = at(start)
    story = Story().registered(moment).on(moment, "CaseTransferred", org="zj")
    return story.on(moment, "AssignmentDelivered", org="zj", seq=1)


def of(clock: str, found: list[DueRung]) -> list[tuple[str, bool]]:
    return [(rung.rung, rung.passed) for rung in found if rung.clock == clock]


def reached(case: Case, *rungs: str) -> Case:
    return replace(case, rungs=case.rungs | {Rung("C3", 1, rung) for rung in rungs})


def test_night_reminder_is_sent_in_morning() -> None:
    case = delivered("2026-03-02 20:00").case  # 75 % of 15 days and 4 hours lie on Saturday
    assert next_look(case, BOOK) == at("2026-03-16 09:00")
    assert rungs_due(case, BOOK, at("2026-03-15 12:00")) == []
    assert of("C3", rungs_due(case, BOOK, at("2026-03-16 09:00"))) == [("at_75", False)]


def test_missed_reminder_waits_for_next_morning() -> None:
    case = delivered("2026-03-03 10:00").case
    due = next_look(case, BOOK)
    assert due is not None and in_office(due)
    night = due.astimezone(CHINA).replace(hour=22).astimezone(UTC)
    assert rungs_due(case, BOOK, night) == []
    assert rungs_due(case, BOOK, BOOK.office.opening(night))


def test_breach_at_midnight_supersedes_waiting_reminder() -> None:
    case = delivered("2026-02-01 10:00").case  # due on 2026-02-24, the first working day after Spring Festival
    due = end_of_day(date(2026, 2, 24), "Asia/Shanghai")
    assert of("C3", rungs_due(reached(case, "at_75"), BOOK, due)) == []  # its 90 % came at 17:24 that day, after hours
    assert next_look(reached(case, "at_75"), BOOK) is not None
    seen = due + timedelta(microseconds=1)
    found = rungs_due(reached(case, "at_75"), BOOK, seen)
    assert of("C3", found) == [("at_90", True), ("breach", False)]
    assert found[-1].at == due


def test_breach_is_recorded_at_once_after_downtime_and_urging_waits_for_office_hours() -> None:
    case = delivered("2026-03-02 10:00").case
    night = at("2026-04-11 03:00")  # a Saturday
    assert of("C3", rungs_due(case, BOOK, night)) == [("at_75", True), ("at_90", True), ("breach", False)]
    case = reached(case, "at_75", "at_90", "breach")
    assert rungs_due(case, BOOK, night) == []
    assert of("C3", rungs_due(case, BOOK, at("2026-04-13 09:00"))) == [("urged", False)]


def test_urging_fires_once_unless_person_already_urged() -> None:
    case = delivered("2026-03-02 10:00").case
    case = reached(case, "at_75", "at_90", "breach")
    look = next_look(case, BOOK)
    assert look is not None and in_office(look) and look > at("2026-03-18 00:00")
    (urging,) = rungs_due(case, BOOK, look)
    assert (urging.kind, urging.org) == ("urge", "zj")
    by_ladder = Urged(org="zj", clock="C3", episode=1, rung="urged")
    for event in (by_ladder, Urged(org="zj")):
        after = fold([recorded(event, case.version + 1, look)], case)
        assert after.supervision.stage == "urged"
        assert rungs_due(after, BOOK, at("2026-06-01 10:00")) == []
        assert next_look(after, BOOK) is None
    assert fold([recorded(by_ladder, case.version + 1, look)], case).acted == case.acted
    assert fold([recorded(Urged(org="zj"), case.version + 1, look)], case).acted == case.version + 1


def test_organisation_without_case_is_not_urged() -> None:
    case = Story().registered(at("2026-03-02 10:00"), received_by="zj").case
    kinds = {rung.kind for rung in rungs_due(case, BOOK, at("2026-06-01 10:00"))}
    assert kinds == {"remind", "breach"}


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 8, 1)),  # noqa: DTZ001 - made UTC below
    st.lists(st.integers(1, 40 * 24 * 60), max_size=12),
)
def test_any_ticker_schedule_sends_once_within_office_hours(naive: datetime, minutes: list[int]) -> None:
    """Looks at any times, the index's own among them: each rung once, breaches exact, no notice out of hours."""
    start = naive.replace(tzinfo=UTC)
    story = Story().registered(start).on(start, "CaseTransferred", org="zj")
    case = story.on(start, "AssignmentDelivered", org="zj", seq=1).on(start, "Accepted", org="zj", path=6).case
    looks = sorted(start + timedelta(minutes=sum(minutes[:count])) for count in range(1, len(minutes) + 1))
    fired: list[tuple[str, int, str]] = []
    now = start
    while (index := next_look(case, BOOK)) is not None:
        now = max(now, min((look for look in (*looks, index) if look > now), default=now))
        found = rungs_due(case, BOOK, now)
        if not found and index <= now:  # it was due in office hours while the ticker was stopped
            now = BOOK.office.opening(now)
            found = rungs_due(case, BOOK, now)
            assert found
        for rung in found:
            fired.append((rung.clock, rung.episode, rung.rung))
            if rung.kind == "breach":
                assert rung.at <= now
            elif not rung.passed:
                assert in_office(now)
            case = replace(case, rungs=case.rungs | {Rung(rung.clock, rung.episode, rung.rung)})
    assert len(fired) == len(set(fired))
    assert {("C3", 1, "breach"), ("C5", 1, "breach"), ("C3", 1, "at_75")} <= set(fired)


def test_policy_defines_office_hours_for_reminders() -> None:
    loaded = [entry for entry in bundled("demo") if entry.section != "jurisdiction"]
    assert isinstance(book_of(loaded), PolicyBook)
    assert book_of(loaded).office.is_open(at("2026-02-17 03:00"))
