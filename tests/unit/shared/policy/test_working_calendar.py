"""Period arithmetic against published dates, and against an oracle with independent working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kernel.legal_time import zone
from shared.policy.documents import CalendarDocument
from shared.policy.loading.loader import bundled
from shared.policy.working_calendar import PLAIN, Calendar, Roll, Unit, due_instant
from tests.support.official_days import works

NEW_YORK = "America/New_York"
SHANGHAI = "Asia/Shanghai"


@cache
def china() -> Calendar:
    return Calendar(CalendarDocument.model_validate(bundled("cn-calendar")[0].document))


@pytest.mark.parametrize(
    ("start", "days", "unit", "due"),
    [
        ("2025-09-26", 5, "working", "2025-10-10"),
        ("2026-02-12", 5, "working", "2026-02-26"),
        ("2026-02-01", 15, "calendar", "2026-02-24"),
        ("2025-08-02", 60, "calendar", "2025-10-09"),
        ("2024-02-28", 1, "calendar", "2024-02-29"),  # a leap day
        ("2024-02-14", 15, "calendar", "2024-02-29"),
        ("2025-12-17", 15, "calendar", "2026-01-04"),  # New Year is off, the Sunday after is worked
        ("2025-12-31", 1, "working", "2026-01-04"),
        ("2026-02-13", 1, "working", "2026-02-14"),  # a swap day: a Saturday that is worked
        ("2026-02-06", 8, "calendar", "2026-02-14"),
    ],
)
def test_due_dates_match_golden_file(start: str, days: int, unit: Unit, due: str) -> None:
    assert china().period(date.fromisoformat(start), days, unit).day == date.fromisoformat(due)


def oracle(start: date, days: int, unit: Unit, roll: Roll) -> date:
    day = start
    if unit == "working":
        for _ in range(days):
            day += timedelta(days=1)
            while not works(day):
                day += timedelta(days=1)
        return day
    day += timedelta(days=days)
    while roll == "next_working_day" and not works(day):
        day += timedelta(days=1)
    return day


@settings(max_examples=2000, deadline=None)
@given(
    start=st.dates(date(2004, 1, 1), date(2026, 9, 1)),
    days=st.integers(0, 75),
    unit=st.sampled_from(["calendar", "working"]),
    roll=st.sampled_from(["next_working_day", "none"]),
)
def test_periods_agree_with_independent_oracle(start: date, days: int, unit: Unit, roll: Roll) -> None:
    expected_last = start + timedelta(days=days * 2 + 40)
    if expected_last > date(2026, 12, 31):
        start -= timedelta(days=366)
    period = china().period(start, days, unit, roll)
    assert period.day == oracle(start, days, unit, roll)
    assert not period.provisional
    if unit == "working":
        passed = (period.day - start).days
        assert passed == days + len(period.skipped)
    else:
        assert (period.day - period.nominal).days == len(period.skipped)


def test_every_published_day_agrees_with_calendar_package() -> None:
    day = date(2004, 1, 1)
    while day <= date(2026, 12, 31):
        assert china().is_working(day) == works(day), day
        day += timedelta(days=1)


def test_last_day_of_2005_is_worked() -> None:
    """The notice on the holidays of 2006 moves Saturday 31 December 2005."""
    assert china().is_working(date(2005, 12, 31))
    assert china().period(date(2005, 12, 28), 5, "working").day == date(2006, 1, 5)


def test_every_skipped_day_has_reason() -> None:
    period = china().period(date(2025, 9, 26), 5, "working")
    assert [(skipped.day.isoformat()[5:], skipped.reason) for skipped in period.skipped] == [
        ("09-27", "weekend"),
        *((f"10-0{day}", "holiday") for day in range(1, 9)),
    ]
    assert period.made_up == (date(2025, 9, 28),)
    rolled = china().period(date(2026, 2, 1), 15)
    assert rolled.nominal == date(2026, 2, 16)
    assert [skipped.day.day for skipped in rolled.skipped] == list(range(16, 24))
    assert all(skipped.rolled and skipped.reason == "holiday" for skipped in rolled.skipped)


def test_rolling_can_be_switched_off() -> None:
    assert china().period(date(2026, 2, 1), 15, "calendar", "none").day == date(2026, 2, 16)


def test_unpublished_year_is_computed_from_statute_and_marked_provisional() -> None:
    across = china().period(date(2026, 12, 28), 5, "working")
    assert across.provisional
    assert across.day == date(2027, 1, 5)  # 1 January is a holiday by statute, then a weekend
    assert [skipped.reason for skipped in across.skipped] == ["statutory", "weekend", "weekend"]
    assert not china().period(date(2026, 12, 1), 5, "working").provisional
    assert china().period(date(2026, 12, 20), 15).provisional
    assert not china().period(date(2026, 12, 20), 15, "calendar", "none").provisional  # no calendar was needed


def test_published_year_replaces_provisional_dates() -> None:
    document = bundled("cn-calendar")[0].document
    years = {**document["years"], "2027": {"holidays": ["2027-01-01", "2027-01-04"], "workdays": ["2027-01-02"]}}
    later = Calendar(CalendarDocument.model_validate({**document, "years": years, "published_until": 2027}))
    period = later.period(date(2026, 12, 31), 2, "working")
    assert (period.day, period.provisional) == (date(2027, 1, 5), False)


def test_only_weekends_are_skipped_without_calendar() -> None:
    assert PLAIN.period(date(2031, 1, 3), 1, "working").day == date(2031, 1, 6)
    assert not PLAIN.period(date(2031, 1, 3), 1, "working").provisional


@pytest.mark.parametrize("days", [-1, 100_000])
def test_period_outside_allowed_range_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="0 to 36500 days"):
        PLAIN.period(date(2026, 1, 1), days)


# -------------------------------------------------------------------- the instant


def here(year: int, month: int, day: int, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=zone(NEW_YORK), fold=fold).astimezone(UTC)


def test_day_ends_at_local_midnight() -> None:
    due = due_instant(date(2026, 2, 24), datetime(2026, 2, 1, 2, tzinfo=UTC), "end_of_day", SHANGHAI)
    assert due == datetime(2026, 2, 24, 15, 59, 59, 999999, tzinfo=UTC)
    short = due_instant(date(2026, 3, 8), here(2026, 3, 1, 9), "end_of_day", NEW_YORK)
    assert short == datetime(2026, 3, 9, 3, 59, 59, 999999, tzinfo=UTC)


def test_local_time_is_kept_across_summer_time() -> None:
    due = due_instant(date(2026, 3, 10), here(2026, 3, 5, 9), "same_wall_time", NEW_YORK)
    assert due == here(2026, 3, 10, 9)
    assert due - here(2026, 3, 5, 9) == timedelta(days=5) - timedelta(hours=1)


def test_skipped_local_time_is_read_as_later_instant() -> None:
    due = due_instant(date(2026, 3, 8), here(2026, 3, 1, 2, 30), "same_wall_time", NEW_YORK)
    assert due == here(2026, 3, 8, 3, 30)


def test_repeated_local_time_is_read_as_second_instant() -> None:
    due = due_instant(date(2026, 11, 1), here(2026, 10, 1, 1, 30), "same_wall_time", NEW_YORK)
    assert due == here(2026, 11, 1, 1, 30, fold=1)
    # a start in the second hour keeps its time of day, nothing else
    assert due_instant(date(2026, 11, 3), here(2026, 11, 1, 1, 30, fold=1), "same_wall_time", NEW_YORK) == here(
        2026, 11, 3, 1, 30
    )


def test_period_from_date_ends_with_day() -> None:
    due = due_instant(date(2026, 3, 8), date(2026, 3, 1), "same_wall_time", NEW_YORK)
    assert due == datetime(2026, 3, 9, 3, 59, 59, 999999, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(st.datetimes(datetime(2015, 1, 1), datetime(2026, 1, 1)), st.integers(0, 200))  # noqa: DTZ001 - wall times
def test_due_instant_keeps_local_time(wall: datetime, days: int) -> None:
    start = wall.replace(tzinfo=zone(NEW_YORK)).astimezone(UTC)
    local = start.astimezone(zone(NEW_YORK))
    last = local.date() + timedelta(days=days)
    due = due_instant(last, start, "same_wall_time", NEW_YORK).astimezone(zone(NEW_YORK))
    assert due.date() == last
    assert due.time().replace(fold=0) in (local.time().replace(fold=0), (local + timedelta(hours=1)).time())
