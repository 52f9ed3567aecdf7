"""The explanation of the end of a period, in Chinese and English sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from shared.events.wording import event_words
from shared.policy.deadline_rules import ClockRule
from shared.policy.working_calendar import Period, Reason, Skipped

_REASONS: dict[Reason, tuple[str, str]] = {
    "holiday": ("法定节假日", "a public holiday"),
    "weekend": ("休息日", "a weekend day"),
    "statutory": ("法定节日(该年日历尚未公布)", "a statutory holiday of a year not yet published"),
}
_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Step(NamedTuple):
    """One sentence of an explanation. `day`: the day it is about, if any."""

    zh: str
    en: str
    day: date | None = None


class Calculation(NamedTuple):
    """The values from which a period was computed."""

    event: str
    start: date
    due: date
    extended: int
    excluded: int


def sentences(rule: ClockRule, period: Period | None, reckoning: Calculation) -> tuple[Step, ...]:
    """The sentences from the article and the start to the due date, with every skipped day. `period` None: an assigned date."""
    return tuple(_sentences(rule, period, reckoning))


def _sentences(rule: ClockRule, period: Period | None, reckoning: Calculation) -> Iterator[Step]:
    start, due = reckoning.start, reckoning.due
    yield Step(f"依据:{rule.article_zh}。", f"Basis: {rule.article}.")
    event = event_words(reckoning.event).zh
    if period is None:
        yield Step(f"{_zh(start)}{event}。", f"{reckoning.event} on {_en(start)}.", start)
        yield Step(f"期限由交办机关指定:{_zh(due)}。", f"The date was set by the assigner: {_en(due)}.", due)
        return
    yield Step(
        f"{_zh(start)}{event},开始当日不计入。",
        f"{reckoning.event} on {_en(start)}; the day of the start is not counted.",
        start,
    )
    yield _length(rule, reckoning)
    if reckoning.extended:
        cap = rule.extension.cap_days if rule.extension else reckoning.extended
        yield Step(
            f"经批准延长{reckoning.extended}日(累计不超过{cap}日)。",
            f"Extended by {reckoning.extended} days (at most {cap} in all).",
        )
    if reckoning.excluded:
        yield Step(f"依法不计入期限{reckoning.excluded}日。", f"{reckoning.excluded} days are not counted by law.")
    for skipped in period.skipped:
        yield _skipped(skipped, period)
    for day in period.made_up:
        yield Step(
            f"{_zh(day)}为调休上班日,按工作日计。", f"{_en(day)} is a make-up workday and counts as a working day.", day
        )
    if period.provisional:
        yield Step(
            "期限跨入尚未公布放假安排的年份,暂按一般规则推算,公布后重新计算。",
            "The period reaches into a year whose calendar is not published: provisional, and computed again then.",
        )
    if rule.period.ends == "end_of_day":
        yield Step(f"期限至{_zh(due)}24时届满。", f"The period ends on {_en(due)} at 24:00.", due)
    else:
        yield Step(f"期限至{_zh(due)}的同一钟点届满。", f"The period ends on {_en(due)} at the same time of day.", due)


def _length(rule: ClockRule, reckoning: Calculation) -> Step:
    unit_zh, unit_en = ("个工作日", "working days") if rule.period.unit == "working" else ("日", "calendar days")
    days = rule.period.days
    if rule.period.by_subject:
        return Step(f"期限按事项类别确定,以{unit_zh}计。", f"The number of {unit_en} depends on the subject.")
    return Step(f"期限{days}{unit_zh}。", f"The period is {days} {unit_en}.")


def _skipped(skipped: Skipped, period: Period) -> Step:
    zh, en = _REASONS[skipped.reason]
    day = skipped.day
    if not skipped.rolled:
        return Step(f"{_zh(day)}为{zh},不计入。", f"{_en(day)} is {en} and is not counted.", day)
    if day == period.nominal:
        return Step(f"最后一日{_zh(day)}为{zh},顺延。", f"The last day, {_en(day)}, is {en}: the end moves on.", day)
    return Step(f"{_zh(day)}为{zh},继续顺延。", f"{_en(day)} is {en}: the end moves on.", day)


def _zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日(星期{_WEEKDAYS_ZH[day.weekday()]})"


def _en(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day.isoformat()}"
