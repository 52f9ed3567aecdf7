"""The explanation of the end of a period, in Chinese and English sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from shared.events.wording import event_words
from shared.kernel.messages import Messages
from shared.policy.deadline_rules import ClockRule
from shared.policy.working_calendar import Period, Reason

_REASONS: dict[Reason, tuple[str, str]] = {
    "holiday": ("法定节假日", "a public holiday"),
    "weekend": ("休息日", "a weekend day"),
    "statutory": ("法定节日(该年日历尚未公布)", "a statutory holiday of a year not yet published"),
}
_SENTENCES = Messages(Path(__file__).with_name("explanation.yaml"))
_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Step(NamedTuple):
    """One sentence of an explanation. `day`: the day it is about, if any."""

    zh: str
    en: str
    day: date | None = None


def sentences(
    rule: ClockRule, period: Period | None, event: str, start: date, due: date, *, extended: int, excluded: int
) -> Iterator[Step]:
    """The sentences from the article and the start to the due date, with every skipped day.

    Args:
        period: None for an assigned date.
        event: type of the start fact.
        extended: days that were granted.
        excluded: days that are not counted by law.
    """
    words = event_words(event).zh
    yield _step("basis", article=rule.article, article_zh=rule.article_zh)
    if period is None:
        yield _step("start_of_assigned", start, event=event, event_zh=words)
        yield _step("assigned", due)
        return
    yield _step("start", start, event=event, event_zh=words)
    unit, unit_zh = ("working days", "个工作日") if rule.period.unit == "working" else ("calendar days", "日")
    yield _step("by_subject" if rule.period.by_subject else "days", unit=unit, unit_zh=unit_zh, days=rule.period.days)
    if extended:
        yield _step("extended", days=extended, cap=rule.extension.cap_days if rule.extension else extended)
    if excluded:
        yield _step("excluded", days=excluded)
    for skipped in period.skipped:
        rolled = "rolled_first" if skipped.day == period.nominal else "rolled"
        reason_zh, reason = _REASONS[skipped.reason]
        yield _step(rolled if skipped.rolled else "skipped", skipped.day, reason=reason, reason_zh=reason_zh)
    for day in period.made_up:
        yield _step("made_up", day)
    if period.provisional:
        yield _step("provisional")
    yield _step(rule.period.ends, due)


def _step(message: str, day: date | None = None, **values: object) -> Step:
    if day is not None:
        values |= {"day": _en(day), "day_zh": _zh(day)}
    en, zh = _SENTENCES.filled(message, values)
    return Step(zh, en, day)


def _zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日（星期{_WEEKDAYS_ZH[day.weekday()]}）"


def _en(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day.isoformat()}"
