"""What is wrong with clocks and calendars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from shared.events import REGISTRY
from shared.policy.clocks import BREACH, ClockRule, Clocks, Trigger
from shared.policy.documents import CalendarDocument
from shared.policy.finding import Finding


def of_clocks(clocks: Clocks, subjects: set[str], listed: bool) -> Iterator[Finding]:
    for identity, times in Counter(rule.id for rule in clocks.rules).items():
        if times > 1:
            yield Finding(
                f"clocks.rules[{identity}].id",
                f"stands {times} times; give each clock its own id",
                f"重复出现 {times} 次，请为每个时限设置各自的 id。",
            )
    for rule in clocks.rules:
        where = f"clocks.rules[{rule.id}]"
        if not rule.end:
            yield Finding(
                f"{where}.end",
                "a clock with no end could never be met; name the event that meets it",
                "没有 end 的时限永远无法履行，请写明哪一事件表示已履行。",
            )
        yield from _triggers(rule, where)
        for identity, times in Counter(rung.id for rung in rule.rungs).items():
            if times > 1:
                yield Finding(
                    f"{where}.rungs[{identity}].id",
                    f"stands {times} times; give each rung its own id",
                    f"重复出现 {times} 次，请为每个提醒节点设置各自的 id。",
                )
            if identity == BREACH:
                yield Finding(
                    f"{where}.rungs[breach].id",
                    "'breach' is the due instant itself; choose another id",
                    "'breach' 指期限届满本身，请改用其他 id。",
                )
        yield from _rungs(rule, where)
        if rule.window and rule.rungs:
            yield Finding(
                f"{where}.rungs",
                "a window is a right, nobody is reminded of a duty; remove the rungs",
                "window 是信访人的权利，不存在需要提醒的义务，请删除 rungs。",
            )
        if rule.extension is not None and rule.period.assigned:
            yield Finding(
                f"{where}.extension",
                "an assigned date has no extension; assign another date instead",
                "由交办机关指定的日期不适用延期，请改为另行指定日期。",
            )
        for subject in rule.period.by_subject:
            if listed and subject not in subjects:
                yield Finding(
                    f"{where}.period.by_subject",
                    f"subject {subject!r} is not in subjects; add it or correct the code",
                    f"分类 {subject!r} 不在 subjects 中，请添加，或更正代码。",
                )


def _rungs(rule: ClockRule, where: str) -> Iterator[Finding]:
    urges = False
    for rung in rule.ladder:
        at = f"{where}.rungs[{rung.id}]"
        if rung.kind != "urge" and rung.at_percent >= 100:
            yield Finding(
                f"{at}.at_percent",
                "a reminder comes before the due instant: below 100, or kind: urge",
                "提醒应在期限届满之前：请改为小于 100，或改用 kind: urge。",
            )
        if rung.kind == "urge" and rung.at_percent <= 100:
            yield Finding(
                f"{at}.at_percent",
                "urging comes after the due instant: above 100, or kind: remind",
                "催办应在期限届满之后：请改为大于 100，或改用 kind: remind。",
            )
        if rung.kind == "urge" and rule.responsible != "organisation":
            yield Finding(
                f"{at}.kind",
                "only an organisation is urged by itself; remove the rung",
                "自动催办只针对承办单位，请删除该提醒节点。",
            )
        if rung.kind == "urge" and urges:
            yield Finding(
                f"{at}.kind",
                "a clock urges once by itself; what follows is done by hand",
                "一个时限只自动催办一次，此后由人工办理，请删除多余的提醒节点。",
            )
        urges = urges or rung.kind == "urge"


def _triggers(rule: ClockRule, where: str) -> Iterator[Finding]:
    named: list[tuple[str, tuple[Trigger, ...]]] = [
        ("start", rule.start),
        ("end", rule.end),
        ("cancel", rule.cancel),
        ("exclude", rule.exclude),
    ]
    if rule.extension is not None:
        named.append(("extension", (Trigger(event=rule.extension.event),)))
    for field, triggers in named:
        for trigger in triggers:
            if trigger.event not in REGISTRY:
                yield Finding(
                    f"{where}.{field}",
                    f"there is no event {trigger.event!r}; use a type of the event catalogue",
                    f"没有事件 {trigger.event!r}，请使用事件目录中的类型。",
                )


def of_calendar(calendar: CalendarDocument) -> Iterator[Finding]:
    years = sorted(calendar.years)
    last = calendar.published_until
    if years and last is None:
        yield Finding(
            "calendar.published_until",
            "years are given; say which year is the last that was published",
            "日历已列出年份，请写明已公布到哪一年。",
        )
    if last is not None:
        for year in range(years[0] if years else last, last + 1):
            if year not in calendar.years:
                yield Finding(
                    f"calendar.years[{year}]",
                    f"the year is missing although published_until is {last}; add its days",
                    f"published_until 为 {last}，日历却缺少该年，请补充该年的放假和调休上班日。",
                )
        for year in years:
            if year > last:
                yield Finding(
                    f"calendar.years[{year}]",
                    f"lies after published_until {last}; raise it or drop the year",
                    f"晚于 published_until {last}，请改大 published_until，或删除该年。",
                )
    for year in years:
        entry = calendar.years[year]
        where = f"calendar.years[{year}]"
        for field, days in (("holidays", entry.holidays), ("workdays", entry.workdays)):
            for day, times in Counter(days).items():
                if day.year != year:
                    yield Finding(
                        f"{where}.{field}",
                        f"{day} is outside its year; move it to {day.year}",
                        f"{day} 不属于该年，请移到 {day.year} 年。",
                    )
                if times > 1:
                    yield Finding(
                        f"{where}.{field}",
                        f"{day} stands {times} times; keep one",
                        f"{day} 重复出现 {times} 次，请只保留一个。",
                    )
        for day in sorted(set(entry.holidays) & set(entry.workdays)):
            yield Finding(
                where,
                f"{day} is both a holiday and a workday; keep one",
                f"{day} 既是放假日又是上班日，请只保留一处。",
            )
        for day in entry.workdays:
            if day.isoweekday() not in calendar.weekend:
                yield Finding(
                    f"{where}.workdays",
                    f"{day} is no weekend day and is worked anyway; remove it",
                    f"{day} 不是周末，本来就上班，请删除。",
                )
        for fixed in calendar.fixed:
            named = _day(year, fixed)
            if named is not None and named not in entry.holidays:
                yield Finding(
                    f"{where}.holidays",
                    f"{named} is missing although the statute makes {fixed} a holiday; add it",
                    f"缺少 {named}：{fixed} 是法定节假日，请添加。",
                )


def _day(year: int, fixed: str) -> date | None:
    month, day = fixed.split("-")
    try:
        return date(year, int(month), int(day))
    except ValueError:
        return None
