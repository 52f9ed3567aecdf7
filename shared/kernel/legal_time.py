"""Instants, dates and the order between them.

Legal time has two precisions: an *instant* (a click, a delivery to an inbox) or a *date* (a postmark, a letter handed
over). We keep whichever was given. A date means the whole day, and where one instant is needed, its end in the zone of
the jurisdiction.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.kernel.validation_messages import WrongValue

# `datetime` is a subclass of `date`: always ask is_instant(), never isinstance(x, date).
LegalTime = datetime | date

LAST_MOMENT = time(23, 59, 59, 999999)
_DATE_LENGTH = len("2026-01-31")
_BEFORE_OFFSET = -len("+00:00")


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
    """For people: the day, or the instant on the clocks of that zone, to the second."""
    if isinstance(when, datetime):
        return when.astimezone(ZoneInfo(zone)).isoformat(sep=" ", timespec="seconds")
    return when.isoformat()


def from_text(text: str) -> LegalTime:
    """The inverse of to_text(). Raises ValueError for anything else, and for an instant without an offset."""
    if len(text) == _DATE_LENGTH:
        return date.fromisoformat(text)
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset, for example 2026-01-31T10:00:00+08:00")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def instant_from_text(text: str) -> datetime:
    """from_text() for fields that are always instants, as written by to_text() (always UTC)."""
    return datetime.fromisoformat(text)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises WrongValue when there is none."""
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
    return when.astimezone(zone(zone_name)).date() if isinstance(when, datetime) else when


def before(first: LegalTime, second: LegalTime, zone_name: str) -> bool:
    """Is `first` surely before `second`? Two instants compare as instants; where one is a date, days compare."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first < second
    return day_of(first, zone_name) < day_of(second, zone_name)


def elapsed(first: LegalTime, second: LegalTime, zone_name: str) -> timedelta:
    """Time from `first` to `second`. Two instants give exact time; where one is a date, whole days."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        return second - first
    return timedelta(days=(day_of(second, zone_name) - day_of(first, zone_name)).days)
