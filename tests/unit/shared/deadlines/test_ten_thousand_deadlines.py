"""Ten thousand deadlines and the hours at which somebody is reminded of them, against an oracle that shares no line with the
code: its working days come from the package `chinesecalendar`, its arithmetic counts day by day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import chinese_calendar

from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import next_look
from shared.policy.loading.loader import LoadedSection, bundled, hash_of
from tests.support.official_days import works
from tests.support.policies import Story, book_of

CHINA = ZoneInfo("Asia/Shanghai")
CASES = 1_700
OPENS, CLOSES = 9, 17


class Setting(NamedTuple):
    """One clock of the test's own law."""

    id: str
    days: int
    unit: str
    ends: str = "end_of_day"
    roll: str = "next_working_day"
    cap: int = 0


LAW = (
    Setting("calendar", 15, "calendar"),
    Setting("handling", 60, "calendar", cap=30),
    Setting("strict", 30, "calendar", roll="none"),
    Setting("hour", 7, "calendar", ends="same_wall_time"),
    Setting("objection", 5, "working"),
    Setting("hotline", 5, "working", ends="same_wall_time", cap=60),
    Setting("mediation", 45, "working", cap=10),
)


def _rule(setting: Setting) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": setting.id,
        "title": {"zh": "时限", "en": "a period"},
        "article": "test",
        "start": [{"event": "CaseRegistered"}],
        "end": [{"event": "ReplyDelivered"}],
        "period": {"days": setting.days, "unit": setting.unit, "ends": setting.ends, "roll": setting.roll},
        "rungs": [{"id": "half", "at_percent": 50}],
    }
    if setting.cap:
        rule["extension"] = {"cap_days": setting.cap}
    return rule


def _book(settings: tuple[Setting, ...]) -> Any:
    document = {"id": "test", "rules": [_rule(setting) for setting in settings]}
    others = [entry for entry in bundled("demo") if entry.section != "clocks"]
    return book_of([*others, LoadedSection("clocks", document, hash_of(document))])


# ------------------------------------------------------------ the oracle


_works = cache(works)


def _last_day(start: date, days: int, unit: str, roll: str) -> date:
    day, left = start, days
    while left > 0:
        day = day + timedelta(days=1)
        if unit == "calendar" or _works(day):
            left -= 1
    while unit == "calendar" and roll == "next_working_day" and not _works(day):
        day = day + timedelta(days=1)
    return day


def _instant(day: date, start: datetime, ends: str) -> datetime:
    if ends == "end_of_day":
        return datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(days=1) - timedelta(microseconds=1)
    return datetime.combine(day, start.astimezone(CHINA).timetz())


def _expected(setting: Setting, start: datetime, grants: list[tuple[datetime, int]]) -> datetime:
    begun = start.astimezone(CHINA).date()
    granted = 0
    for at, days in grants:
        until = _instant(_last_day(begun, setting.days + granted, setting.unit, setting.roll), start, setting.ends)
        if setting.cap and at <= until:
            granted = min(setting.cap, granted + days)
    return _instant(_last_day(begun, setting.days + granted, setting.unit, setting.roll), start, setting.ends)


def _in_office(at: datetime) -> datetime:
    """The first moment of work at or after `at`, looked for hour by hour."""
    here = at.astimezone(CHINA)
    if _works(here.date()) and OPENS <= here.hour < CLOSES:
        return at
    here = here.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while not (_works(here.date()) and OPENS <= here.hour < CLOSES):
        here += timedelta(hours=1)
    return here


# ------------------------------------------------------------ the tests


def _starts() -> list[datetime]:
    """Spread over all years of the package; two thirds are close to holidays, where mistakes are likely."""
    dice = Random(20220501)
    first, last = datetime(2004, 1, 1, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)
    span = int((last - first).total_seconds())
    found = [first + timedelta(seconds=dice.randrange(span)) for _ in range(CASES // 3)]
    feasts = [day for day in chinese_calendar.holidays if day < date(2026, 6, 1)]
    while len(found) < CASES:
        day = dice.choice(feasts) - timedelta(days=dice.randrange(70))
        if day.year >= 2004:
            found.append(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=dice.randrange(86400)))
    return found


def test_ten_thousand_deadlines_agree_with_independent_oracle() -> None:
    book = _book(LAW)
    dice = Random(7)
    compared = extended = moved = 0
    years: set[int] = set()
    for start in _starts():
        story = Story().registered(start)
        grants: list[tuple[datetime, int]] = []
        for _ in range(dice.choice((0, 0, 1, 2))):
            at = start + timedelta(hours=dice.randrange(24 * 75))
            grants.append((max(at, grants[-1][0]) if grants else at, dice.randrange(1, 40)))
        for at, days in grants:
            story.on(at, "ExtensionGranted", days=days, approver="head")
        found = {one.clock: one for one in deadlines(story.case, book)}
        assert len(found) == len(LAW)
        for setting in LAW:
            one, wanted = found[setting.id], _expected(setting, start, grants)
            assert one.due == wanted, (setting, start, grants)
            assert one.due_day == wanted.astimezone(CHINA).date()
            assert not one.provisional
            compared += 1
            extended += one.extended_days > 0
            moved += bool(one.period and one.period.skipped)
        years.add(start.year)
    assert compared >= 10_000
    assert extended > 1_000
    assert moved > 5_000
    assert years == set(range(2004, 2027))


def test_two_thousand_reminder_times_agree_with_oracle() -> None:
    """The due index names the opening, or the moment after the due instant where that comes first."""
    held_back = beaten = 0
    starts = _starts()[:400]
    for setting in LAW[:5]:
        book = _book((setting,))
        for start in starts:
            case = Story().registered(start).case
            due = _expected(setting, start, [])
            half = start + (due - start) / 2
            wanted = min(_in_office(half), due + timedelta(microseconds=1))
            assert next_look(case, book) == wanted, (setting, start)
            held_back += wanted != half
            beaten += wanted > due
    assert held_back > 500
    assert beaten > 0, "some holidays are longer than the rest of the period"
