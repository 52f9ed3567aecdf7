"""Dates as exports write them. A cell without a time is a date; a time without zone is in the zone of the source.

A local time that a change to summer time skips moves forward by the gap; of one that occurs twice the first is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from shared.kernel.legal_time import LegalTime
from shared.kernel.legal_time import zone as zone_of
from shared.kernel.validation_messages import WrongValue

_TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "hh": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "ss": r"(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?",
    "AM": r"(?P<half>[AaPp]\.?[Mm]\.?|上午|下午)",
}
_FORMAT = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))
_USUAL = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})-|/(?P<m2>\d{1,2})/|\.(?P<m3>\d{1,2})\.|\s*年\s*(?P<m4>\d{1,2})\s*月\s*)"
    r"(?P<day>\d{1,2})\s*日?"
    r"(?:(?:\s*T\s*|\s+|(?<=日))(?P<hour>\d{1,2})(?::|\s*[时点]\s*)(?:(?P<minute>\d{1,2})"
    r"(?:(?::|\s*分\s*)(?:(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?秒?)?)?分?)?"
    r"\s*(?P<offset>Z|z|[+-]\d{2}:?\d{2})?)?"
)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20|21)\d{2})(?P<month>\d{2})(?P<day>\d{2})(?:\s?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?)?"
)
_EITHER_WAY = re.compile(r"\d{1,2}\s*[./-]\s*\d{1,2}\s*[./-]\s*(\d{4}|\d{2})\b.*")
_SERIAL_FIRST = datetime(1899, 12, 30)  # noqa: DTZ001  (a local time; the zone is set later)
YEARS = range(1900, 2201)


class BadDate(ValueError):
    """`code`: not_a_date, ambiguous_date or impossible_date."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@lru_cache(maxsize=256)
def compile_format(text: str) -> re.Pattern[str]:
    """The pattern of a date format such as `MM/DD/YYYY hh:mm:ss AM`. Raises WrongValue for an unusable format."""
    used = _FORMAT.findall(text)
    between = [re.escape(part).replace(r"\ ", r"\s+") for part in _FORMAT.split(text)]
    if len(set(used)) != len(used) or not {"YYYY", "MM", "DD"} <= set(used) or ("AM" in used and "hh" not in used):
        raise WrongValue(
            "a date format is made of YYYY, MM, DD, hh, mm, ss, AM, each once: for example MM/DD/YYYY hh:mm AM",
            "日期格式由 YYYY、MM、DD、hh、mm、ss、AM 组成，各用一次，例如 MM/DD/YYYY hh:mm AM。",
        )
    tokens = [*(_TOKENS[token] for token in used), ""]
    return re.compile("".join(map("".join, zip(between, tokens, strict=True))))


def reader(zone: str, formats: tuple[str, ...] = ()) -> Callable[[object], LegalTime]:
    """A function that reads cells: texts, numbers (days of a spreadsheet), dates. It raises BadDate."""
    patterns = tuple(compile_format(text) for text in formats)

    @lru_cache(maxsize=20_000)
    def of_text(text: str) -> LegalTime:
        return _of_text(text, zone, patterns)

    def read(cell: object) -> LegalTime:
        if isinstance(cell, str):
            return of_text(cell.strip())
        if isinstance(cell, datetime):
            return _checked(cell, zone)
        if isinstance(cell, date):
            return _day(cell)
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return _serial(float(cell), zone)
        raise BadDate("not_a_date")

    return read


def _of_text(text: str, zone: str, patterns: tuple[re.Pattern[str], ...]) -> LegalTime:
    found: set[LegalTime] = set()
    impossible = False
    for pattern in patterns:
        match = pattern.fullmatch(text)
        if match is not None:
            try:
                found.add(_of_parts(match.groupdict(), zone))
            except BadDate:
                impossible = True
    if len(found) == 1:
        return found.pop()
    if found:
        raise BadDate("ambiguous_date")
    match = _USUAL.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is not None:
        return _of_parts(match.groupdict(), zone)
    if impossible:
        raise BadDate("impossible_date")
    raise BadDate("ambiguous_date" if _EITHER_WAY.fullmatch(text) else "not_a_date")


def _of_parts(parts: dict[str, str | None], zone: str) -> LegalTime:
    month = parts.get("month") or parts.get("m2") or parts.get("m3") or parts.get("m4")
    try:
        day = date(int(parts["year"] or 0), int(month or 0), int(parts["day"] or 0))
        if parts.get("hour") is None:
            return _day(day)
        hour = int(parts["hour"] or 0)
        half = parts.get("half")
        if half:
            if not 1 <= hour <= 12:
                raise BadDate("impossible_date")
            hour = hour % 12 + (12 if half[0] in "Pp下" else 0)
        second = int(parts.get("second") or 0)
        micro = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
        wall = datetime.combine(day, time(hour, int(parts.get("minute") or 0), second, micro))
        offset = parts.get("offset")
        if offset:
            sign = -1 if offset[0] == "-" else 1
            away = timedelta() if offset in "Zz" else sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
            _day(day)
            return (wall - away).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadDate("impossible_date") from None
    return _checked(wall, zone)


def _day(day: date) -> date:
    if day.year not in YEARS:
        raise BadDate("impossible_date")
    return day


def _checked(wall: datetime, zone: str) -> datetime:
    _day(wall)
    if wall.tzinfo is None:
        wall = wall.replace(tzinfo=zone_of(zone), fold=0)
    return wall.astimezone(UTC)


def _serial(days: float, zone: str) -> LegalTime:
    """The date or instant of a number of days since 1899-12-30, as spreadsheets count."""
    if days != days or not 1 <= days < 110_000:  # noqa: PLR0124  (not a number)
        raise BadDate("not_a_date")
    wall = _SERIAL_FIRST + timedelta(seconds=round(days * 86_400))
    return _day(wall.date()) if days == int(days) else _checked(wall, zone)
