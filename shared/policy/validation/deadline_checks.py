"""The checks of clocks and calendars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date, timedelta

from shared.events import REGISTRY
from shared.policy.deadline_rules import BREACH, ClockRule, Clocks, Trigger
from shared.policy.documents import CalendarDocument, Year
from shared.policy.validation.finding import Finding
from shared.policy.validation.messages import finding, repeated, unlisted


def of_clocks(clocks: Clocks, subjects: set[str], listed: bool) -> Iterator[Finding]:
    """The findings of all clocks. `listed`: the policy has a list of subjects to compare with."""
    yield from repeated("clocks.rules", (rule.id for rule in clocks.every), "id", "repeated_clock")
    named = [(f"clocks.rules[{rule.id}]", rule) for rule in clocks.rules]
    for profile in clocks.profiles:
        named += [(f"clocks.profiles[{profile.id}].rules[{rule.id}]", rule) for rule in profile.rules]
    for where, rule in named:
        if not rule.end:
            yield finding(f"{where}.end", "clock_without_end")
        yield from _triggers(rule, where)
        yield from repeated(f"{where}.rungs", (rung.id for rung in rule.rungs), "id", "repeated_rung")
        yield from _rungs(rule, where)
        if rule.window and rule.rungs:
            yield finding(f"{where}.rungs", "window_with_rungs")
        if rule.extension is not None and rule.period.assigned:
            yield finding(f"{where}.extension", "assigned_with_extension")
        if listed:
            for subject in rule.period.by_subject:
                yield from unlisted(f"{where}.period.by_subject", "subjects", subject, subjects)


def _rungs(rule: ClockRule, where: str) -> Iterator[Finding]:
    if any(rung.id == BREACH for rung in rule.rungs):
        yield finding(f"{where}.rungs[{BREACH}].id", "rung_named_breach")
    urges = False
    for rung in rule.ladder:
        at = f"{where}.rungs[{rung.id}]"
        if rung.kind != "urge":
            if rung.at_percent >= 100:
                yield finding(f"{at}.at_percent", "reminder_too_late")
            continue
        if rung.at_percent <= 100:
            yield finding(f"{at}.at_percent", "urging_too_early")
        if rule.responsible != "organisation":
            yield finding(f"{at}.kind", "urging_of_others")
        if urges:
            yield finding(f"{at}.kind", "urging_repeated")
        urges = True


def _triggers(rule: ClockRule, where: str) -> Iterator[Finding]:
    named = {"start": rule.start, "end": rule.end, "cancel": rule.cancel, "exclude": rule.exclude}
    if rule.extension is not None:
        named["extension"] = (Trigger(event=rule.extension.event),)
    for field, triggers in named.items():
        for trigger in triggers:
            if trigger.event not in REGISTRY:
                yield finding(f"{where}.{field}", "unknown_event", event=trigger.event)


def of_calendar(calendar: CalendarDocument) -> Iterator[Finding]:
    """The findings of a calendar: years, days that are listed twice or in the wrong place, statutory holidays."""
    years = sorted(calendar.years)
    last = calendar.published_until
    if set(calendar.weekend) == set(range(1, 8)):
        yield finding("calendar.weekend", "no_working_day")
    for fixed in calendar.fixed:
        if _day(_LEAP_YEAR, fixed) is None:
            yield finding("calendar.fixed", "day_never", day=fixed)
    if years and last is None:
        yield finding("calendar.published_until", "published_until_missing")
    if last is not None:
        for year in range(years[0] if years else last, last + 1):
            if year not in calendar.years:
                yield finding(f"calendar.years[{year}]", "year_missing", last=last)
        for year in years:
            if year > last:
                yield finding(f"calendar.years[{year}]", "year_unpublished", last=last)
    for year in years:
        entry = calendar.years[year]
        where = f"calendar.years[{year}]"
        for field, days in (("holidays", entry.holidays), ("workdays", entry.workdays)):
            for day, times in Counter(days).items():
                if day.year != year:
                    yield finding(f"{where}.{field}", "day_of_other_year", day=day)
                if times > 1:
                    yield finding(f"{where}.{field}", "repeated_day", day=day, times=times)
        for day in sorted(set(entry.holidays) & set(entry.workdays)):
            yield finding(where, "holiday_and_workday", day=day)
        for day in entry.workdays:
            if day.isoweekday() not in calendar.weekend:
                yield finding(f"{where}.workdays", "ordinary_workday", day=day)
        if (first := _closed_since(entry, calendar.weekend)) is not None:
            yield finding(f"{where}.holidays", "long_closure", day=first, days=LONGEST_CLOSURE)
        free = sum(1 for day in set(entry.holidays) if day.isoweekday() not in calendar.weekend)
        if len(set(entry.workdays)) > free:
            yield finding(f"{where}.workdays", "more_workdays", worked=len(set(entry.workdays)), free=free)
        for fixed in calendar.fixed:
            named = _day(year, fixed)
            if named is not None and named not in entry.holidays:
                yield finding(f"{where}.holidays", "statutory_holiday_missing", day=named, fixed=fixed)
        for named in sorted(set(calendar.statutory.get(year, ())) - set(entry.holidays)):
            yield finding(f"{where}.holidays", "statutory_holiday_missing", day=named, fixed=named)
    for year, days in calendar.statutory.items():
        for day in days:
            if day.year != year:
                yield finding(f"calendar.statutory[{year}]", "day_of_other_year", day=day)


LONGEST_CLOSURE = 16
"""Days in a row without a working day; own choice: the longest of the published years has ten. More are a slip of the pen."""
_LEAP_YEAR = 2024


def _closed_since(year: Year, weekend: Collection[int]) -> date | None:
    """The first day of a longer closure, None if there is none."""
    holidays, workdays = set(year.holidays), set(year.workdays)
    for first in sorted(holidays):
        days = (first + timedelta(days=away) for away in range(LONGEST_CLOSURE + 1))
        if first - timedelta(days=1) not in holidays and all(
            day in holidays or (day.isoweekday() in weekend and day not in workdays) for day in days
        ):
            return first
    return None


def _day(year: int, fixed: str) -> date | None:
    try:
        return date.fromisoformat(f"{year:04}-{fixed}")
    except ValueError:
        return None
