"""Dates as exports write them. A cell without a time is a date; a time without zone is in the zone of the source.

A local time that a change to summer time skips moves forward by the gap; of one that occurs twice the first is meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from services.intake.importer.damaged_cells import SerialDay, ShownNumber
from shared.kernel.legal_time import LegalTime
from shared.kernel.legal_time import zone as zone_of
from shared.kernel.text_normalization import identifier_form
from shared.kernel.validation_messages import WrongValue

_TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short_year>\d{2})",
    "MON": r"(?P<name>[A-Za-z]{3,9})\.?",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "hh": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "ss": r"(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?",
    "AM": r"(?P<half>[AaPp]\.?[Mm]\.?|上午|下午)",
    "ZZ": r"(?P<offset>\S.*?)",
}
_FORMAT = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))
NUMBERS = ("serial", "serial1904", "unix", "unix_ms")
"""Formats of numbers: days of a spreadsheet since 1900 or 1904, and seconds or milliseconds since 1970-01-01 UTC."""
_HALF = r"(?P<half>[AaPp]\.?[Mm]\.?|凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜间)"
_OFFSET = (
    r"(?P<offset>[+-]\d{1,2}(?::?\d{2}(?::\d{2})?)?(?:\s+[A-Z]{1,5})?"
    r"|\(?[A-Za-z\u4e00-\u9fff][A-Za-z\u4e00-\u9fff +:\d/_-]*\)?(?:\s*\([^()]*\))?)"
)
_WEEKDAY = r"(?:[\s,]*[(]?(?P<weekday>(?:星期|周|礼拜)[一二三四五六日天])[)]?)?"
_TIME = (
    r"(?P<hour>\d{1,2})(?:\s*:\s*|\s*[时点時]\s*)(?:(?P<minute>\d{1,2})"
    r"(?:(?:\s*:\s*|\s*分\s*)(?:(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9}))?\s*秒?)?)?分?)?"
)
_USUAL = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})-|/(?P<m2>\d{1,2})/|\.(?P<m3>\d{1,2})\.|\s*年\s*(?P<m4>\d{1,2})\s*月\s*)"
    rf"(?P<day>\d{{1,2}})\s*[日号]?{_WEEKDAY}"
    rf"(?:(?:\s*[Tt]\s*|,?\s+|(?<=[日号)一二三四五六天])|(?=[上下中凌早清傍晚夜]))(?:{_HALF}\s*)?{_TIME}"
    rf"(?:\s*{_HALF.replace('half', 'half2')})?\s*{_OFFSET}?|(?<=\d)(?P<day_offset>Z|[+-]\d{{2}}:\d{{2}}))?"
)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20|21)\d{2})(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:[\sTt]?(?P<hour>\d{2})(?P<minute>\d{2})(?:(?P<second>\d{2})(?:\.?(?P<fraction>\d{3}|(?<=\.)\d{1,9}))?)?"
    r"\s*(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
_COMPACT_DAY = re.compile(
    rf"(?P<year>(?:19|20|21)\d{{2}})(?P<month>\d{{2}})(?P<day>\d{{2}})[\sTt]+{_TIME}\s*{_OFFSET}?"
)
_DATE_OF_JSON = re.compile(r"\\?/Date\((-?\d{1,15})(?:[+-]\d{4})?\)\\?/")
"""Milliseconds since 1970 as .NET writes them in JSON; the offset says only how they were shown."""
_HOURS_FROM_TO = re.compile(r".*\d\s+\d{1,2}:\d{2}\s*-\d{1,2}(?::\d{2})?", re.DOTALL)
"""`08:00-09:00`: from and to, or a time west of Greenwich."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
                "december", "sept")  # fmt: skip
_NAME = rf"(?P<name>{'|'.join(sorted((*_LONG_MONTHS, *_MONTHS), key=len, reverse=True))})\.?"
_DAY_NAME = r"(?:(?P<english>(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*)\.?,?\s+)?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?(?:\s*(?P<half>[ap]\.?m\.?))?"
_ENGLISH = tuple(
    re.compile(_DAY_NAME + form, re.IGNORECASE)
    for form in (
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-]+{_NAME}[\s,-]+(?P<year>\d{{4}})(?:[\s,]+{_CLOCK}\s*{_OFFSET}?)?",
        rf"{_NAME}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})(?:[\s,]+(?:at\s+)?{_CLOCK}\s*{_OFFSET}?)?",
        rf"{_NAME}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s+(?:(?P<offset>[A-Z]{{1,5}})\s+)?(?P<year>\d{{4}})",
        rf"(?P<year>\d{{4}})-{_NAME}-(?P<day>\d{{1,2}})(?:[\s,]+{_CLOCK}\s*{_OFFSET}?)?",
    )
)
_NUMERALS = re.compile(
    r"(?P<year>[〇○零一二三四五六七八九]{4})年"
    r"(?P<month>[一二三四五六七八九十]{1,2})月(?P<day>[一二三四五六七八九十廿卅]{1,3})[日号]"
)
_DIGITS = {one: str(place % 10) for place, one in enumerate("〇一二三四五六七八九")} | {"零": "0", "○": "0"}
_EITHER_WAY = re.compile(r"\d{1,2}\s*[./-]\s*\d{1,2}\s*[./-]\s*(\d{4}|\d{2})\b.*")
_NAMED_ZONE = re.compile(r"(.*?\d\s*([Zz]|[+-]\d{2}:?\d{2})?)\[([A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*)\]")
"""A zone beside the offset, as Java writes it: 2024-03-05T08:00+08:00[Asia/Shanghai]."""
_NUMERIC_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?(\d{2})(?::(\d{2}))?)?", re.IGNORECASE)
_NAME_AFTER_OFFSET = re.compile(r"(?<=\d)\s+[A-Z]{1,5}$")
"""What Go writes behind the offset: 2024-03-05 15:20:00 +0800 CST."""
_ZONE_WORDS = {"z": 0, "utc": 0, "gmt": 0, "zulu": 0, "北京时间": 8, "中国标准时间": 8, "北京": 8, "香港时间": 8, "台北标准时间": 8,
               "协调世界时": 0, "格林尼治标准时间": 0, "格林尼治时间": 0, "世界标准时间": 0}  # fmt: skip
"""Words for an offset that mean one thing everywhere, with its hours."""
_HOURS = {
    "凌晨": (0, 6, 0), "清晨": (3, 9, 0), "早上": (3, 11, 0), "早晨": (3, 11, 0), "中午": (1, 2, 12), "傍晚": (4, 8, 12),
    "晚上": (5, 11, 12), "夜间": (6, 11, 12),
}  # fmt: skip
"""Words of the day: first and last hour of a clock of twelve that they go with, and what is added to it. 晚上1点 is of an unclear
day."""
_SERIAL_FIRST = datetime(1899, 12, 30)  # noqa: DTZ001  (a local time; the zone is set later)
_SERIAL_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_LEAP_ERROR = 61
"""Spreadsheets count a 29 February 1900; from this day on their days are right."""
YEARS = range(1900, 2201)
_PLAUSIBLE = range(1990, 2100)
"""Years in which a number without any mark of a date may be one: 2024 would be 1905-07-16."""


class BadDate(ValueError):
    """`code`: not_a_date, ambiguous_date, impossible_date or other_zone."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class UnclearHour(datetime):
    """An instant whose local time occurs twice or not at all. `code`: of NOTICES."""

    code: str

    @classmethod
    def of(cls, found: datetime, code: str) -> UnclearHour:
        own = cls.combine(found.date(), found.timetz())
        own.code = code
        return own


@lru_cache(maxsize=256)
def compile_format(text: str) -> re.Pattern[str]:
    """The pattern of a date format such as `MM/DD/YYYY hh:mm:ss AM`. Raises WrongValue for an unusable format."""
    if text in NUMBERS:
        return re.compile(r"[+-]?\d+(?:\.\d+)?")
    used = _FORMAT.findall(text)
    between = [re.escape(part).replace(r"\ ", r"\s+") for part in _FORMAT.split(text)]
    month = {"MM", "MON"} & set(used)
    year = {"YYYY", "YY"} & set(used)
    if len(set(used)) != len(used) or "DD" not in used or len(month) != 1 or len(year) != 1 or _needs_hour(used):
        raise WrongValue(
            "a date format is made of YYYY (or YY), MM (or MON), DD, hh, mm, ss, AM, ZZ, each once: for example MM/DD/YYYY hh:mm "
            f"AM; or it is one of {', '.join(NUMBERS)}",
            "日期格式由 YYYY（或 YY）、MM（或 MON）、DD、hh、mm、ss、AM、ZZ 组成，各用一次，例如 MM/DD/YYYY hh:mm AM；或为 "
            f"{'、'.join(NUMBERS)} 之一。",
        )
    tokens = [*(_TOKENS[token] for token in used), ""]
    return re.compile("".join(map("".join, zip(between, tokens, strict=True))))


def _needs_hour(used: list[str]) -> bool:
    return ("AM" in used or "ZZ" in used) and "hh" not in used


def literal_zone(text: str) -> str | None:
    """The words of a date format that may name a zone, such as `UTC`; None if it has none."""
    rest = " ".join(part for part in _FORMAT.split(text) if text not in NUMBERS)
    found = re.findall(
        r"(?:UTC|GMT)\s*(?:[+-]\s*\d{1,2}(?::?\d{2})?)?|[+-]\d{2}:?\d{2}\b|\b[A-Z]{1,5}\b|北京时间", rest
    )
    return next((word for word in found if word != "T"), None)


def contradicts(word: str, zone: str) -> bool:
    """True if a word for a zone never is what the clocks of `zone` show. Of a zone with summer time, both of its offsets count."""
    for month in (1, 7):
        wall = datetime(2026, month, 15, 12)  # noqa: DTZ001
        with suppress(BadDate):
            if _in_zone(wall, word, zone) == _checked(wall, zone):
                return False
    return True


Date = Callable[..., LegalTime]


def reader(zone: str, formats: tuple[str, ...] = (), *, whole_days: bool = False) -> Date:
    """A function that reads cells: texts, numbers (days of a spreadsheet, or digits YYYYMMDD), dates. It raises BadDate.

    `whole_days`: the column holds days; a time of 00:00 that the source's program added is none."""
    patterns = tuple(compile_format(text) for text in formats if text not in NUMBERS)
    numbers = tuple(text for text in formats if text in NUMBERS)

    @lru_cache(maxsize=20_000)
    def of_text(text: str) -> LegalTime:
        return _of_text(_plain(text), zone, patterns, numbers)

    def any_cell(cell: object) -> LegalTime:
        if isinstance(cell, str):
            return of_text(cell)
        if isinstance(cell, datetime):
            return _checked(cell, zone)
        if isinstance(cell, date):
            return _day(cell)
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return _of_number(cell, zone, patterns, numbers)
        raise BadDate("not_a_date")

    def day_only(cell: object) -> LegalTime:
        found = any_cell(cell)
        if isinstance(found, datetime):
            local = found.astimezone(zone_of(zone))
            return local.date() if local.time() == time() else found
        return found

    return day_only if whole_days else any_cell


def _plain(text: str) -> str:
    """Half-width, without invisible characters, with one kind of hyphen and colon."""
    if not text.isascii():
        text = identifier_form(text)
        text = (
            re.sub("[\u2010-\u2015\u2212]", "-", text)
            .replace("\u2236", ":")
            .replace("\u202f", " ")
            .replace("\u2009", " ")
        )
        text = re.sub("(?<=[点时點時])半", "30分", re.sub("(?<=[点时點時])[整正]$", "", text))
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):  # written so that a spreadsheet keeps it as text
        text = text[2:-1].strip()
    text = text.removeprefix("'")
    if text.endswith("]") and (named := _NAMED_ZONE.fullmatch(text)) is not None:
        return named[1] if named[2] else f"{named[1]} {named[3]}"
    return text


def _of_number(cell: float, zone: str, patterns: tuple[re.Pattern[str], ...], numbers: tuple[str, ...]) -> LegalTime:
    if isinstance(cell, ShownNumber):  # its format makes a date of it: 2024-03-05 of 20240305
        return _of_text(_plain(cell.shown), zone, patterns, ())
    if not math.isfinite(cell):
        raise BadDate("not_a_date")
    if numbers:
        return _by_format(float(cell), zone, numbers)
    if cell == int(cell):
        compact = _COMPACT.fullmatch(str(int(cell)))
        if compact is not None:
            return _of_parts(compact.groupdict(), zone)
    wall = cell.moment.replace(tzinfo=None) if isinstance(cell, SerialDay) else _serial_wall(cell, _SERIAL_FIRST)
    if wall is None or wall.year not in _PLAUSIBLE:
        raise BadDate("not_a_date")
    return _day(wall.date()) if cell == int(cell) else _checked(wall, zone)


def _by_format(value: float, zone: str, numbers: tuple[str, ...]) -> LegalTime:
    """A number by the forms that the mapping names. Two forms of which both give a possible date leave it unclear."""
    found: set[LegalTime] = set()
    for form in numbers:
        try:
            if form.startswith("unix"):
                seconds = value / 1000 if form == "unix_ms" else value
                found.add(_checked(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), zone))
                continue
        except (OverflowError, BadDate):
            continue
        wall = _serial_wall(value, _SERIAL_1904 if form == "serial1904" else _SERIAL_FIRST)
        if wall is not None and wall.year in YEARS:
            found.add(wall.date() if value == int(value) else _checked(wall, zone))
    if len(found) == 1:
        return found.pop()
    raise BadDate("ambiguous_date" if found else "not_a_date")


def _serial_wall(days: float, first: datetime) -> datetime | None:
    least = _LEAP_ERROR if first is _SERIAL_FIRST else 0
    return first + timedelta(seconds=round(days * 86_400)) if least <= days < 110_000 else None


def _of_text(text: str, zone: str, patterns: tuple[re.Pattern[str], ...], numbers: tuple[str, ...]) -> LegalTime:
    found: set[LegalTime] = set()
    impossible = False
    for pattern in patterns:
        match = pattern.fullmatch(text)
        if match is not None:
            try:
                found.add(_of_parts(match.groupdict(), zone))
            except BadDate as bad:
                if bad.code == "other_zone":
                    raise
                impossible = True
    if len(found) == 1:
        return found.pop()
    if found:
        raise BadDate("ambiguous_date")
    if numbers and re.fullmatch(r"\d+(?:\.\d+)?", text) and len(text) < _LONGEST_NUMBER:
        return _by_format(float(text), zone, numbers)
    if (milliseconds := _DATE_OF_JSON.fullmatch(text)) is not None:
        return _by_format(float(milliseconds[1]), zone, ("unix_ms",))
    match = _USUAL.fullmatch(text) or _COMPACT.fullmatch(text) or _COMPACT_DAY.fullmatch(text)
    if match is not None and _HOURS_FROM_TO.fullmatch(text) and contradicts(match["offset"], zone):
        raise BadDate("ambiguous_date")
    if match is None and (numerals := _NUMERALS.fullmatch(text)) is not None:
        return _of_parts(_numerals(numerals), zone)
    for pattern in _ENGLISH if match is None and text[-1:].isascii() else ():
        match = match or pattern.fullmatch(text)
    if match is not None:
        return _of_parts(match.groupdict(), zone)
    if impossible:
        raise BadDate("impossible_date")
    raise BadDate("ambiguous_date" if _EITHER_WAY.fullmatch(text) else "not_a_date")


_LONGEST_NUMBER = 25


def _numerals(found: re.Match[str]) -> dict[str, str | None]:
    """The parts of a date in Chinese numerals, as documents write it: 二〇二四年三月五日."""
    return {
        "year": "".join(_DIGITS[one] for one in found["year"]),
        "month": str(_small(found["month"])),
        "day": str(_small(found["day"])),
    }


def _small(text: str) -> int:
    """The number 1 to 39 in Chinese numerals; 0 for what is none."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = text.rpartition("十")
    if len(tens) > 1 or len(ones) > 1 or "十" in tens:
        return 0
    return (int(_DIGITS[tens]) if tens else 1) * 10 * bool(ten) + (int(_DIGITS[ones]) if ones else 0)


def _of_parts(parts: dict[str, str | None], zone: str) -> LegalTime:
    month = parts.get("month") or parts.get("m2") or parts.get("m3") or parts.get("m4")
    name = parts.get("name")
    if name:
        month = str(next((place for place, short in enumerate(_MONTHS, 1) if name.lower().startswith(short)), 0))
    try:
        day = date(_year(parts), int(month or 0), int(parts["day"] or 0))
        _check_weekday(parts, day)
        if parts.get("hour") is None:
            if offset := parts.get("day_offset"):  # xs:date of XML: a day of this zone, if its clocks show this offset
                midnight = datetime.combine(day, time())
                if _in_zone(midnight, offset, zone) != _checked(midnight, zone):
                    raise BadDate("other_zone")
            return _day(day)
        hour = _hour(int(parts["hour"] or 0), parts.get("half") or parts.get("half2"))
        minute, second = int(parts.get("minute") or 0), int(parts.get("second") or 0)
        micro = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
        if hour == 24:  # the end of the day
            if minute or second or micro:
                raise BadDate("impossible_date")
            wall = datetime.combine(day, time()) + timedelta(days=1)
        else:
            wall = datetime.combine(day, time(hour, minute, second, micro))
        _day(day)
        offset = parts.get("offset")
        if offset:
            return _in_zone(wall, offset, zone)
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadDate):
            raise
        raise BadDate("impossible_date") from None
    return _checked(wall, zone)


def _year(parts: dict[str, str | None]) -> int:
    """The year; one of two digits is in 1969 to 2068, as POSIX says."""
    short = parts.get("short_year")
    if short:
        return int(short) + (1900 if int(short) > _LAST_SHORT_YEAR else 2000)
    return int(parts.get("year") or 0)


_LAST_SHORT_YEAR = 68


def _hour(hour: int, half: str | None) -> int:
    """The hour of the day. Of a clock of twelve hours, 12 am is 0; a word of the day beside 13 to 24 changes nothing. Raises
    BadDate if hour and word contradict each other, or leave the day unclear."""
    if half is None:
        return hour
    if half[0] in "AaPp" or half in ("上午", "下午"):
        late = half == "下午" or half[0] in "Pp"
        if not 1 <= hour <= 12 and not (late and 13 <= hour <= 23) and not (not late and hour == 0):
            raise BadDate("impossible_date")
        return hour if hour > 12 else hour % 12 + (12 if late else 0)  # 13:30 PM is written by hh:mm tt of 24 hours
    if hour == 12 and half in _TWELVE:
        return _TWELVE[half]
    first, last, more = _HOURS[half]
    if first <= hour <= last:
        return hour + more
    if (more and first + more <= hour <= last + more) or (half == "中午" and hour in (10, 11)):
        return hour
    if hour == 24 and half in ("晚上", "夜间"):
        return hour
    raise BadDate("impossible_date")


_TWELVE = {"凌晨": 0, "中午": 12, "晚上": 24, "夜间": 24}


def _check_weekday(parts: dict[str, str | None], day: date) -> None:
    """Raises BadDate if the cell names another day of the week than the date has: one of both is wrong."""
    chinese, english = parts.get("weekday"), parts.get("english")
    if chinese and "一二三四五六日".find(chinese[-1].replace("天", "日")) != day.weekday():
        raise BadDate("impossible_date")
    if english and ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()] != english[:3].lower():
        raise BadDate("impossible_date")


def _in_zone(wall: datetime, word: str, zone: str) -> datetime:
    """The instant of a local time beside which the cell names an offset or a zone. Raises BadDate `other_zone` for a word that
    means different offsets (CST), unless it is how the clocks of the source's zone are called at that time."""
    word = re.sub(r"\s*\([^()]*\)\s*$", "", word).strip(" ()") or word.strip(" ()")
    numeric = _NUMERIC_OFFSET.fullmatch(_NAME_AFTER_OFFSET.sub("", word))
    if numeric is not None:
        away = timedelta(hours=int(numeric[2]), minutes=int(numeric[3] or 0), seconds=int(numeric[4] or 0))
        if away >= timedelta(hours=18) or int(numeric[3] or 0) > 59 or int(numeric[4] or 0) > 59:
            raise BadDate("impossible_date")
        away = -away if numeric[1] == "-" else away
        return _checked((wall - away).replace(tzinfo=UTC), zone)
    hours = _ZONE_WORDS.get(word.lower())
    if hours is not None:
        return _checked((wall - timedelta(hours=hours)).replace(tzinfo=UTC), zone)
    if "/" in word:
        with suppress(WrongValue):
            return _checked(wall.replace(tzinfo=zone_of(word)), zone)
    for fold in (0, 1):
        local = wall.replace(tzinfo=zone_of(zone), fold=fold)
        if (local.tzname() or "").lower() == word.lower():
            return _checked(local, zone)
    raise BadDate("other_zone" if word.isascii() and (word.isalpha() or "/" in word) else "not_a_date")


def _day(day: date) -> date:
    if day.year not in YEARS:
        raise BadDate("impossible_date")
    return day


def _checked(wall: datetime, zone: str) -> datetime:
    _day(wall)
    if wall.tzinfo is not None:
        return wall.astimezone(UTC)
    first, second = (wall.replace(tzinfo=zone_of(zone), fold=fold) for fold in (0, 1))
    found = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return found
    again = found.astimezone(first.tzinfo).replace(tzinfo=None)
    return UnclearHour.of(found, "repeated_hour" if again == wall else "skipped_hour")


_DEFAULTS = frozenset({date(1900, 1, 1), date(1970, 1, 1)})
_LAST_DEFAULT = 1970


def surprise(found: LegalTime, zone: str) -> str | None:
    """The code of NOTICES of a date that is read, and surprising: with what databases write for an empty one, or in an hour of the
    change of clocks. `zone`: that of the source.

    >>> surprise(date(1900, 1, 1), "Asia/Shanghai"), surprise(date(2024, 3, 5), "Asia/Shanghai")
    ('default_date', None)
    """
    if isinstance(found, UnclearHour):
        return found.code
    if found.year > _LAST_DEFAULT:
        return None
    if isinstance(found, datetime):
        if found == datetime(1970, 1, 1, tzinfo=UTC):
            return "default_date"
        local = found.astimezone(zone_of(zone))
        return "default_date" if local.date() in _DEFAULTS and local.time() == time() else None
    return "default_date" if found in _DEFAULTS else None
