"""Instants, dates and the order between them.

Legal time has two precisions: an *instant* (a click, a delivery to an inbox) or a *date* (a postmark, a letter delivered in
person). We store the given one. A date means the whole day and, where one instant is needed, its end in the time zone of the
jurisdiction.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.kernel.validation_messages import WrongValue

# `datetime` is a subclass of `date`: always use is_instant(), never isinstance(x, date).
LegalTime = datetime | date

LAST_MOMENT = time(23, 59, 59, 999999)
_DATE_LENGTH = len("2026-01-31")
_BEFORE_OFFSET = -len("+00:00")
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_GIVEN = re.compile(
    rf"{_DATE}(?:T[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]{{1,9}})?)?(?P<offset>Z|[+-][0-9]{{2}}:[0-9]{{2}})?)?",
    re.ASCII,
)
_END_OF_DAY = re.compile(rf"({_DATE})T24:00(?::00(?:\.0+)?)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})", re.ASCII)


def is_instant(when: LegalTime) -> bool:
    """True for an instant, False for a calendar date."""
    return isinstance(when, datetime)


def to_text(when: LegalTime) -> str:
    """Storage form: `2026-01-31`, or UTC with fixed width `2026-01-31T02:03:04.000005Z` (sorts as text)."""
    if isinstance(when, datetime):
        utc = when if when.tzinfo is UTC else when.astimezone(UTC)
        return utc.isoformat(timespec="microseconds")[:_BEFORE_OFFSET] + "Z"
    return when.isoformat()


def local_text(when: LegalTime, zone: str) -> str:
    """For people: the day, or the instant in local time of that zone, to the second."""
    if isinstance(when, datetime):
        return when.astimezone(ZoneInfo(zone)).isoformat(sep=" ", timespec="seconds")
    return when.isoformat()


def from_text(text: str) -> LegalTime:
    """The inverse of to_text(), for stored times; what comes from outside is read by given_time().

    Raises:
        ValueError: the text is no time, or an instant without an offset.
    """
    if len(text) == _DATE_LENGTH:
        return date.fromisoformat(text)
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset, for example 2026-01-31T10:00:00+08:00")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def not_a_time() -> WrongValue:
    """The error about a time that is not in one of the documented forms."""
    return WrongValue(
        "needs a date (2026-01-31) or an instant with offset (2026-01-31T10:00:00+08:00)",
        "须为日期（2026-01-31），或带时区偏移的时刻（2026-01-31T10:00:00+08:00）。",
    )


def given_time(text: str) -> LegalTime:
    """A time that somebody outside wrote, in one of the documented forms: a date, or an instant with offset.

    `datetime.fromisoformat` reads more than those: ISO week dates, compact digits, other separators, offsets with seconds.
    A text that means something else to its writer must not become a date here.

    Raises:
        WrongValue: any other form, a day that does not exist, or an instant without an offset.
    """
    found = _GIVEN.fullmatch(text)
    if found is not None and (len(text) == _DATE_LENGTH or found["offset"] is not None):
        try:
            end = _END_OF_DAY.fullmatch(text)  # a period ends at 24:00, which is 00:00 of the next day
            return from_text(f"{end[1]}T00:00{end[2]}") + timedelta(days=1) if end else from_text(text)
        except (ValueError, OverflowError):  # no such day, or outside of the calendar in UTC
            pass
    raise not_a_time()


def given_day(text: str) -> date:
    """A calendar day `YYYY-MM-DD` that somebody outside wrote. Raises WrongValue for anything else."""
    found = given_time(text)
    if isinstance(found, datetime):
        raise WrongValue("needs a date (2026-01-31)", "须为日期（2026-01-31）。")
    return found


def instant_from_text(text: str) -> datetime:
    """from_text() for fields that are always instants, as written by to_text() (always UTC)."""
    return datetime.fromisoformat(text)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises WrongValue if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise WrongValue(
            f"unknown time zone {name!r}; use an IANA name such as Asia/Shanghai",
            f"时区 {name!r} 无法识别，请使用 IANA 名称，例如 Asia/Shanghai。",
        ) from error


@lru_cache(maxsize=4096)
def end_of_day(day: date, zone_name: str) -> datetime:
    """The last microsecond of `day` in that zone, in UTC."""
    return datetime.combine(day, LAST_MOMENT, tzinfo=zone(zone_name)).astimezone(UTC)


@lru_cache(maxsize=4096)
def start_of_day(day: date, zone_name: str) -> datetime:
    """The first moment of `day` in that zone, in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone(zone_name)).astimezone(UTC)


def instant_of(when: LegalTime, zone_name: str) -> datetime:
    """One instant for `when`: itself, or the end of that day."""
    return when if isinstance(when, datetime) else end_of_day(when, zone_name)


def day_of(when: LegalTime, zone_name: str) -> date:
    """The calendar day of `when` in that zone."""
    return _day_of_instant(when, zone_name) if isinstance(when, datetime) else when


@lru_cache(maxsize=4096)  # each read model asks for the days of the same facts
def _day_of_instant(when: datetime, zone_name: str) -> date:
    return when.astimezone(zone(zone_name)).date()


def before(first: LegalTime, second: LegalTime, zone_name: str) -> bool:
    """True if `first` is certainly before `second`. Two instants are compared as instants; otherwise the days are compared."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first < second
    return day_of(first, zone_name) < day_of(second, zone_name)


def elapsed(first: LegalTime, second: LegalTime, zone_name: str) -> timedelta:
    """The time from `first` to `second`: exact between two instants, otherwise in whole days."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        return second - first
    return timedelta(days=(day_of(second, zone_name) - day_of(first, zone_name)).days)
