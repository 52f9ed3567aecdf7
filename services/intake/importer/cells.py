"""The text of one cell, or the error in it. No message quotes a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache

from services.intake.importer.damaged_cells import Damaged, ShownNumber, ShownTime
from services.intake.importer.errors import RowError
from services.intake.importer.readers import Cell
from shared.kernel.text_normalization import is_empty, name_form

Nothing = Callable[[str, str], None]
"""Takes (field, text) of a cell that stands for an empty one."""

# Characters that no text has: NUL, other control characters, halves of surrogate pairs (also what damaged bytes become).
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_HALVES = re.compile("[\ud800-\udfff]")
_ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#GETTING_DATA", "#SPILL!"))
_NULLS = frozenset(
    (
        "null",
        "\\n",
        "\\\\n",
        "(null)",
        "<null>",
        "[null]",
        "{null}",
        "nil",
        "none",
        "nan",
        "#null",
        "undefined",
        "nat",
        "<na>",
        "[]",
        "{}",
        "''",
        '""',
        "b''",
        "none none",
        "null null",
    )
)
"""Texts, in small letters, with which databases and programs write an empty value."""
_NOTHING = frozenset(
    (
        "无", "n/a", "na", "-", "--", "---", "/", "//", "\\", ".", "_", "*", "?", "暂无", "没有", "未知", "不详", "不明", "空",
        "空白", "无单位", "未填", "未填写", "未指定", "未分配", "unknown", "not available", "not applicable", "unassigned", "n.a.",
        "(blank)", "(空)", "(空白)", "0000-00-00", "0000-00-00 00:00:00", "0000/00/00", "00:00:00", "0000-00-00t00:00:00",
        "1900-01-00", "1900/01/00", "1900/1/0", "1900-1-0", "1900年1月0日", "1900/1/0 0:00", "1900/1/0 00:00:00",
        "不适用", "待定", "待分配", "待派单", "未签收", "未答复", "未回复", "未办结",
        "1900-01-00 00:00:00", "0001-01-01", "0001-01-01 00:00:00", "0001-01-01t00:00:00", "0001/1/1 0:00:00",
    )
)  # fmt: skip
"""Texts with which people and forms write that there is nothing. In a text they may be what was said, in a code or a date not."""
_DITTO = frozenset(("同上", "同前", "〃", "″", "ditto", "do."))
"""What stands for the value of the row above: read as it is, it would be a place or an organisation of that name."""
_PROSE = frozenset(("text", "title", "location", "address", "reason", "how_to", "proof", "reference", "constant"))
_ROUNDED = re.compile(r"[+-]?\d(?:(?:[.,]\d+)?[eE]\+|[.,]\d+[eE]-?)\d{1,3}")
_DECIMAL = re.compile(r"\d+\.0")
_TOO_NARROW = re.compile("#{3,}")
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_LIKE_A_DAY = re.compile(rf"\d{{1,2}}-{_MONTH}|{_MONTH}-\d{{2}}|\d{{1,2}}月\d{{1,2}}日", re.IGNORECASE)
"""What spreadsheets make of `3-5`."""
_LOST = re.compile("\ufffd|锟斤拷|烫烫烫|屯屯屯|(?:[ã-é][\x80-\xbf\u0152-\u0192\u02c6\u02dc\u2013-\u2122 ]{1,2}){2}")
"""What programs write for bytes that they could not read, or that they read as Western European."""
_ONLY_QUESTIONS = re.compile(r"[?\s]*\?{3}[?\s]*")
_ZEROS = re.compile(r"\d{15}000")
_PROTECTED = re.compile(r"=\"(.*)\"|['\t]+(.*)", re.DOTALL)
_KEPT_AS_TEXT = re.compile(r"=\"((?:[^\"]|\"\")*)\"", re.DOTALL)
"""How exports write a text so that a spreadsheet does not change it: ="0012"."""
_LONGEST_NOTHING = 20
_LONGEST_DAY = 12
_EXACT = 1e15
"""Spreadsheets keep 15 digits of a number."""
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
NUMBERS = frozenset(("item", "link", "phone", "id_number", "organisation", "channel"))
"""Fields whose digits identify something: a rounded number is another person or another case."""
_NO_DAYS = NUMBERS | {
    "place", "subject", "level", "location", "address", "name", "postcode", "received_by", "latitude", "longitude", "position"
}  # fmt: skip
"""Fields that hold no date: a spreadsheet has made one of a code such as `3-5`."""


def _check_digit(digits: str) -> str:
    """The check digit of an identity number, its 18th character (GB 11643)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False)) % 11]


def is_nothing(text: str, field: str) -> bool:
    """True if a text stands for an empty cell: blanks, what databases write for it, and outside of prose what people write.

    >>> is_nothing("\\\\N", "text"), is_nothing("无", "text"), is_nothing("无", "organisation"), is_nothing("—", "SignedFor.date")
    (True, False, True, True)
    """
    if len(text) > _LONGEST_NOTHING:
        return is_empty(text)
    if is_empty(text):
        return True
    plain = name_form(text)
    if not plain.isascii():
        plain = plain.replace(" ", "")
    return plain in _NULLS or (field.rpartition(".")[2] not in _PROSE and plain in _nothing_forms())


@cache
def _dittos() -> frozenset[str]:
    return frozenset(map(name_form, _DITTO))


@cache
def _nothing_forms() -> frozenset[str]:
    return frozenset(map(name_form, _NOTHING | {"—", "——", "－"}))


def cell_text(
    cell: Cell,
    line: int,
    field: str,
    cleaned: Callable[[], None],
    empty: Nothing | None = None,
    notice: Callable[[str], None] | None = None,
    *,
    prose: bool = False,
    part: bool = False,
) -> str | None:
    """The text of a cell, None if it is empty. `cleaned` is called if control characters were removed, `empty` with a text that
    was read as an empty cell, `notice` with a code of NOTICES; with `prose`, what people write for nothing is a text; with `part`,
    the cell is one of several that are joined, and may be a date. Raises RowError."""
    if cell is None:
        return None
    if not part and field.rpartition(".")[2] in _NO_DAYS and _is_day(cell):
        raise RowError(line, field, "became_date")
    if isinstance(cell, str):
        text = _of_text(cell, line, field, cleaned, empty, prose)
        coded = not prose and field.rpartition(".")[2] not in _PROSE
        if text is not None and coded and len(text) < _LONGEST_NOTHING and name_form(text) in _dittos():
            raise RowError(line, field, "ditto_cell")
        if notice is not None and text is not None:
            if (not text.isascii() and _LOST.search(text)) or ("???" in text and _ONLY_QUESTIONS.fullmatch(text)):
                notice("lost_characters")
            if (field in NUMBERS or field == "postcode") and _DECIMAL.fullmatch(text):
                notice("decimal_number")
        return text
    if isinstance(cell, Damaged):
        raise RowError(line, field, cell.code)
    if isinstance(cell, ShownNumber):
        return cell.shown
    if isinstance(cell, bool):
        if field.rpartition(".")[2] in _NO_DAYS:
            raise RowError(line, field, "not_allowed_here")
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        if notice is not None and field in NUMBERS and not cell.is_integer():
            notice("decimal_number")
        return _of_float(cell, line, field)
    if isinstance(cell, datetime | date):
        return cell.isoformat(sep=" ") if isinstance(cell, datetime) else cell.isoformat()
    raise RowError(line, field, "nested_value")


def _is_day(cell: Cell) -> bool:
    """True for what a spreadsheet makes of a code that looks like a day or a time."""
    if isinstance(cell, str):
        return isinstance(cell, ShownTime) or (
            len(cell) < _LONGEST_DAY and _LIKE_A_DAY.fullmatch(cell.strip()) is not None
        )
    return isinstance(cell, date)


def _of_text(
    cell: str, line: int, field: str, cleaned: Callable[[], None], empty: Nothing | None, prose: bool
) -> str | None:
    if _ODD.search(cell):
        if _HALVES.search(cell):
            raise RowError(line, field, "bad_encoding")
        if "\x00" in cell:
            raise RowError(line, field, "control_character")
        cell = _ODD.sub(" ", cell)
        cleaned()
    text = cell.strip()
    if text.startswith('="') and (kept := _KEPT_AS_TEXT.fullmatch(text)) is not None:
        text = kept[1].replace('""', '"').strip()
    if is_nothing(text, "text" if prose else field):
        if empty is not None and not is_empty(text):
            empty(field, text)
        return None
    if text[0] == "#":
        if text in _ERRORS:
            raise RowError(line, field, "error_cell")
        if _TOO_NARROW.fullmatch(text):
            raise RowError(line, field, "too_narrow")
    if field.rpartition(".")[2] in NUMBERS:
        protected = _PROTECTED.fullmatch(cell.strip(" "))
        if protected:
            text = (protected[1] if protected[1] is not None else protected[2] or "").strip()
        if _ROUNDED.fullmatch(text):
            raise RowError(line, field, "damaged_number")
        if field == "id_number" and _ZEROS.fullmatch(text) and text[-1] != _check_digit(text):
            raise RowError(line, field, "damaged_number")
        return text or None
    return text


def _of_float(cell: float, line: int, field: str) -> str | None:
    if cell != cell:  # noqa: PLR0124  (NaN: some programs write empty cells so)
        return None
    if abs(cell) >= _EXACT:
        raise RowError(line, field, "damaged_number")
    return str(int(cell)) if cell == int(cell) else repr(cell)
