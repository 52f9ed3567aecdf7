"""The rows of a workbook (.xlsx, .xlsm) as a stream, with what the workbook shows besides the values of its cells.

Read row by row from the XML of the sheet (ECMA-376): the first visible sheet, the date system, merged cells, formulas that were
never calculated, error values, and number formats that are part of a number (`000123`). Only cells that exist cost memory, so a
stray cell in the last row and column of the sheet is one cell. A part with a document type is refused: nothing in it expands.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import IO, BinaryIO, NamedTuple
from xml.etree import ElementTree

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.escape import unescape

from services.intake.importer.damaged_cells import Damaged, LinkedText, SerialDay, ShownNumber, ShownTime
from services.intake.importer.errors import FileError

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_DOCUMENT = ("http://schemas.openxmlformats.org/officeDocument/2006/relationships",
             "http://purl.oclc.org/ooxml/officeDocument/relationships")  # fmt: skip
_FIRST = {False: datetime(1899, 12, 30, tzinfo=UTC), True: datetime(1904, 1, 1, tzinfo=UTC)}
_LEAP_ERROR = 61
"""The first day of the 1900 system from which on its days are right: it has a 29 February 1900."""
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
_DIGITS = "0123456789"
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_MOST_MERGED = 100_000
_LARGEST_SHEET = 2_000_000_000
"""Bytes of a decompressed workbook."""
_SUSPICIOUS, _MOST_PACKED = 50_000_000, 200
"""A part of more bytes than the first that was packed more than so many times holds nothing that people wrote: sheets are packed
10 to 50 times."""
_PIECE = 1 << 18
_LONGEST_PIECE = 40_000_000
"""Bytes of one row: far above any limit of a text."""
_LONGEST_HEAD = 16_000_000
"""Bytes before the first row: those of 16,384 columns are less."""
_SHEET_DATA = re.compile(rb"<((?:[\w.-]+:)?)sheetData(?:\s[^>]*?)?(/?)>")
_WORKSHEET = re.compile(rb"<((?:[\w.-]+:)?worksheet)(?:\s[^>]*)?>")
_COLUMN = re.compile(rb"<(?:[\w.-]+:)?col\s[^>]*>")
_ATTRIBUTE = re.compile(rb"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
_SECTION = re.compile(r'((?:"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|[^;"])*)(?:;|$)', re.DOTALL)
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_(.)|\*(.)|\[([^\]]*)\]|([0#?]+(?:,[0#?]+)*)|(.)', re.DOTALL)
_EXACT = 10**15
"""Spreadsheets keep 15 digits of a number."""


_MERGE, _HYPERLINK = b"mergeCell ", b"hyperlink "
_LONGEST_PROLOG = 8_000
_ELEMENT = re.compile(rb"<[A-Za-z_]")
"""The begin of the first element, before which a document type would stand."""
_NO_SIZE = frozenset(("0", "0.0"))
"""A height or width that shows nothing."""
_WHOLE = re.compile("[0-9]{1,9}")
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_VOLATILE = re.compile(r"\b(?:TODAY|NOW|RAND|RANDBETWEEN)\(", re.IGNORECASE)
"""Functions whose value is another one at each calculation."""

WorkbookCell = str | float | bool | datetime | date | Damaged | None


class SheetRow(NamedTuple):
    """A row. `cells`: by column, from 0; only those that hold something."""

    line: int
    cells: dict[int, WorkbookCell]
    hidden: bool


class Sheet(NamedTuple):
    name: str
    path: str
    hidden: bool


class Workbook:
    """A workbook. `found`: what is surprising in it, with counts."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises FileError if it is no workbook."""
        try:
            self._zip = zipfile.ZipFile(file)
            parts = self._zip.infolist()
            if sum(part.file_size for part in parts) > _LARGEST_SHEET or any(map(_is_bomb, parts)):
                raise FileError("workbook_too_large")
            self._read_structure()
        except FileError:
            raise
        except Exception:
            raise FileError("broken_workbook") from None
        self.found: Counter[str] = Counter()

    def sheet(self, name: str | None) -> Sheet:
        """The sheet of that name, or the first visible one. Raises FileError."""
        for sheet in self.sheets:
            if (name is None and not sheet.hidden) or sheet.name == name:
                return sheet
        if name is None and self.sheets:
            return self.sheets[0]
        raise FileError("no_sheet", names=", ".join(sheet.name for sheet in self.sheets if not sheet.hidden))

    def hidden_columns(self, sheet: Sheet) -> set[int]:
        """The columns, from 0, that the sheet hides. Raises FileError."""
        try:
            with self._open(sheet.path) as part:
                text = part.read(_PIECE)
        except (KeyError, OSError, zipfile.BadZipFile, zlib.error):
            raise FileError("broken_workbook") from None
        begin = _SHEET_DATA.search(text)
        found: set[int] = set()
        for column in _COLUMN.findall(text[: begin.start()] if begin else text):
            at = dict(_ATTRIBUTE.findall(column))
            hidden = at.get(b"hidden") in (b"1", b"true") or at.get(b"width", b"").decode() in _NO_SIZE
            if hidden and at.get(b"min", b"").isdigit() and at.get(b"max", b"").isdigit():
                found.update(range(int(at[b"min"]) - 1, min(int(at[b"max"]), _LAST_COLUMN)))
        return found

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """The rows of the sheet that hold something. Raises FileError."""
        try:
            yield from self._rows(sheet)
        except FileError:
            raise
        except Exception:
            raise FileError("broken_workbook") from None

    # ------------------------------------------------------------ structure

    def _open(self, path: str) -> IO[bytes]:
        """A part. Raises FileError for one with a document type, which no workbook has and which could grow without limit."""
        with self._zip.open(path) as part:
            start = part.read(_LONGEST_PROLOG)
            if (root := _ELEMENT.search(start)) is None or b"<!DOCTYPE" in start[: root.start()]:
                raise FileError("broken_workbook")
        return self._zip.open(path)

    def _tree(self, path: str) -> ElementTree.Element:
        with self._open(path) as part:
            return ElementTree.parse(part).getroot()  # noqa: S314

    def _read_structure(self) -> None:
        root = "xl/workbook.xml"
        for relation in self._tree("_rels/.rels"):
            if relation.get("Type", "").endswith("/officeDocument"):
                root = _within("", relation.get("Target", ""))
        folder, _, name = root.rpartition("/")
        parts: dict[str, str] = {}
        strings = styles = ""
        for relation in self._tree(f"{folder}/_rels/{name}.rels"):
            target = _within(folder, relation.get("Target", ""))
            kind = relation.get("Type", "").rpartition("/")[2]
            if kind == "worksheet":
                parts[relation.get("Id", "")] = target
            strings = target if kind == "sharedStrings" else strings
            styles = target if kind == "styles" else styles
        book = self._tree(root)
        self._ns = _STRICT if book.tag.startswith(_STRICT) else _MAIN
        self._is, self._v, self._f = (f"{self._ns}{name}" for name in ("is", "v", "f"))
        properties = book.find(f"{self._ns}workbookPr")
        self.since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self.sheets: list[Sheet] = []
        for entry in book.iter(f"{self._ns}sheet"):
            place = next((entry.get(f"{{{name}}}id") for name in _DOCUMENT if entry.get(f"{{{name}}}id")), "")
            if place in parts:
                hidden = entry.get("state", "visible") != "visible"
                self.sheets.append(Sheet(entry.get("name", ""), parts[place], hidden))
        if not self.sheets:
            raise FileError("broken_workbook")
        names = set(self._zip.namelist())
        self._strings = self._read_strings(strings) if strings in names else []
        self._formats = self._read_formats(styles) if styles in names else []
        self._worded = any("@" in code and code != "@" for code in self._formats)

    def _read_strings(self, path: str) -> list[str]:
        found: list[str] = []
        with self._open(path) as part:
            for _, element in ElementTree.iterparse(part):  # noqa: S314
                if element.tag == f"{self._ns}si":
                    found.append(self._text(element))
                    element.clear()
        return found

    def _text(self, element: ElementTree.Element) -> str:
        """The text of a string: its runs, without the phonetic ones."""
        own = element.findall(f"{self._ns}t") + element.findall(f"{self._ns}r/{self._ns}t")
        text = "".join(each.text or "" for each in own)
        return unescape(text) if "_x" in text else text

    def _read_formats(self, path: str) -> list[str]:
        """The number format of each style of a cell."""
        root = self._tree(path)
        named = {
            int(entry.get("numFmtId", "0")): entry.get("formatCode", "") for entry in root.iter(f"{self._ns}numFmt")
        }
        styles = root.find(f"{self._ns}cellXfs")
        found = []
        for entry in styles if styles is not None else ():
            number = int(entry.get("numFmtId", "0"))
            found.append(named.get(number) or BUILTIN_FORMATS.get(number) or _EAST_ASIAN.get(number, "General"))
        return found

    # ------------------------------------------------------------ rows

    def _merged(self, sheet: Sheet) -> list[tuple[int, int, int, int]]:
        """(first row, last row, first column, last column) of the merged ranges, by their first row."""
        found: list[tuple[int, int, int, int]] = []
        with self._open(sheet.path) as part:
            for _, element in ElementTree.iterparse(part):  # noqa: S314
                if element.tag == f"{self._ns}mergeCell":
                    first, _, last = element.get("ref", "").partition(":")
                    left, top = _place(first)
                    right, bottom = _place(last or first)
                    found.append((top, bottom, left, right))
                    if len(found) > _MOST_MERGED:
                        raise FileError("too_many_merged")
                elif element.tag == f"{self._ns}row":
                    element.clear()
        return sorted(found)

    def _after_rows(self, sheet: Sheet) -> set[bytes]:
        """Which of merged cells and links the sheet names: they follow the rows, so their text is looked for first."""
        found: set[bytes] = set()
        rest = b""
        with self._open(sheet.path) as part:
            while chunk := part.read(1 << 20):
                text = rest + chunk
                found.update(wanted for wanted in (_MERGE, _HYPERLINK) if wanted not in found and wanted in text)
                rest = chunk[-len(_HYPERLINK) :]
        return found

    def _links(self, sheet: Sheet) -> dict[tuple[int, int], str]:
        """(row, column) -> the address to which a cell leads. A sheet whose addresses cannot be read has none."""
        folder, _, name = sheet.path.rpartition("/")
        targets: dict[str, str] = {}
        relations = f"{folder}/_rels/{name}.rels"
        if relations not in self._zip.namelist():
            return {}
        for relation in self._tree(relations):
            if relation.get("TargetMode") == "External":
                targets[relation.get("Id", "")] = relation.get("Target", "")
        found: dict[tuple[int, int], str] = {}
        with self._open(sheet.path) as part:
            for _, element in ElementTree.iterparse(part):  # noqa: S314
                if element.tag == f"{self._ns}hyperlink":
                    place = next(
                        (element.get(f"{{{name}}}id") for name in _DOCUMENT if element.get(f"{{{name}}}id")), ""
                    )
                    first, _, last = element.get("ref", "").partition(":")
                    if place in targets and not last:
                        column, line = _place(first)
                        found[line, column] = targets[place or ""]
                elif element.tag == f"{self._ns}row":
                    element.clear()
        return found

    def _rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        named = self._after_rows(sheet)
        waiting = self._merged(sheet) if _MERGE in named else []
        links = self._links(sheet) if _HYPERLINK in named else {}
        waiting.reverse()
        open_: list[tuple[int, int, int, int, WorkbookCell]] = []
        line = 0
        row_tag, cell_tag = f"{self._ns}row", f"{self._ns}c"
        with self._open(sheet.path) as part:
            for element in _children(part):
                if element.tag != row_tag:
                    continue
                line = max(int(element.get("r") or line + 1), 1)
                cells: dict[int, WorkbookCell] = {}
                column = -1
                for each in element:
                    if each.tag != cell_tag:
                        continue
                    reference = each.get("r")
                    column = _column(reference.rstrip(_DIGITS)) if reference else column + 1
                    value = self._value(each)
                    if links and isinstance(value, str) and (target := links.get((line, column))) is not None:
                        value = LinkedText(value, target)
                    if value is not None:
                        cells[column] = value if column not in cells else Damaged("broken_cell")
                while waiting and waiting[-1][0] <= line:
                    top, bottom, left, right = waiting.pop()
                    if top == line:
                        open_.append((top, bottom, left, right, cells.get(left)))
                if open_:
                    open_ = [each for each in open_ if each[1] >= line]
                if open_ and cells:  # a row that holds nothing of its own is no row
                    for top, _bottom, left, right, value in open_:
                        if value is not None:
                            self._fill(cells, line == top, left, right, value)
                yield SheetRow(line, cells, element.get("hidden") in ("1", "true") or element.get("ht") in _NO_SIZE)

    def _fill(self, cells: dict[int, WorkbookCell], first: bool, left: int, right: int, value: WorkbookCell) -> None:
        """What a merged range displays in this row. Over several columns it is unclear of which of them it is the value."""
        if not first:
            cells[left] = value
            self.found["merged_filled"] += 1
        for column in range(left + 1, min(right + 1, left + 256)):
            cells[column] = Damaged("merged_across")

    def _value(self, cell: ElementTree.Element) -> WorkbookCell:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inner = cell.find(self._is)
            return self._shown_text(self._text(inner) if inner is not None else "", cell) or None
        held = cell.find(self._v)
        text = held.text if held is not None else None
        if text is None or text == "":
            if cell.find(self._f) is None:
                return None
            return "" if kind == "str" and held is not None else Damaged("formula_without_value")
        if len(cell) > 1 and (formula := cell.find(self._f)) is not None and _VOLATILE.search(formula.text or ""):
            self.found["volatile_formula"] += 1
        if kind == "s":
            at = int(text) if _WHOLE.fullmatch(text) else len(self._strings)
            if at >= len(self._strings):
                return Damaged("broken_cell")
            return self._shown_text(self._strings[at], cell) or None
        if kind == "str":
            return self._shown_text(unescape(text) if "_x" in text else text, cell)
        if kind == "e":
            return Damaged("error_cell")
        if kind == "b":
            return text.strip() in ("1", "true")
        if kind == "d":
            return text
        if not _NUMBER.fullmatch(text):
            return Damaged("broken_cell")
        return self._number(float(text), int(cell.get("s", "0")))

    def _shown_text(self, text: str, cell: ElementTree.Element) -> str:
        """A text with the words that its format adds: `"第"@"号"`."""
        if not self._worded or not text:
            return text
        style = int(cell.get("s", "0"))
        return shown_text(text, self._formats[style]) if 0 <= style < len(self._formats) else text

    def _number(self, value: float, style: int) -> WorkbookCell:
        code = self._formats[style] if 0 <= style < len(self._formats) else "General"
        if code == "General":
            moment = self._moment(value)
            return value if moment is None else SerialDay(value, moment)
        moment = self._moment(value)
        if _is_date(code):
            if value == 0:
                self.found["zero_date"] += 1
                return None
            if _is_duration(code) or moment is None:
                return ShownTime(timedelta(days=value)) if abs(value) < 1_000_000 else Damaged("not_a_date")
            if not _shows_day(code):
                return Damaged("date_without_day")
            local = moment.replace(tzinfo=None)
            return local.date() if value == int(value) else local
        if abs(value) < _EXACT and value == int(value):
            shown = shown_number(int(value), code)
            if shown is None:
                return Damaged("number_format")
            if shown != str(int(value)):
                return ShownNumber(value, shown)
        return value if moment is None else SerialDay(value, moment)

    def _moment(self, days: float) -> datetime | None:
        least = 0 if self.since_1904 else _LEAP_ERROR
        if not least <= days < 110_000:
            return None
        return _FIRST[self.since_1904] + timedelta(seconds=round(days * 86_400))


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    return part.file_size > max(_SUSPICIOUS, _MOST_PACKED * part.compress_size)


def _children(part: IO[bytes]) -> Iterator[ElementTree.Element]:
    """The rows of a sheet. They are cut out of its text where a row ends, and many are parsed at once: only these are in memory.
    Raises FileError, and ParseError of XML."""
    text = part.read(_PIECE)
    while (begin := _SHEET_DATA.search(text)) is None:
        more = part.read(_PIECE)
        if not more or len(text) > _LONGEST_HEAD:
            raise FileError("broken_workbook")
        text += more
    root = _WORKSHEET.search(text)
    if root is None:
        raise FileError("broken_workbook")
    if begin[2]:
        return
    opening, closing = root[0], b"</" + root[1] + b">"
    row_end, data_end = (b"</" + begin[1] + name for name in (b"row>", b"sheetData"))
    waiting = bytearray(text[begin.end() :])
    searched = 0  # no end of a row or of the rows begins before
    while True:
        last = waiting.find(data_end, searched)
        cut = last if last >= 0 else waiting.rfind(row_end, searched) + len(row_end)
        if last >= 0 or cut >= len(row_end):
            yield from ElementTree.fromstring(opening + waiting[:cut] + closing)  # noqa: S314
            del waiting[:cut]
        searched = max(0, len(waiting) - len(data_end))
        more = part.read(_PIECE) if last < 0 else b""
        if not more:
            if last < 0:
                raise FileError("broken_workbook")
            return
        if len(waiting) > _LONGEST_PIECE:
            raise FileError("broken_workbook")
        waiting += more


_EAST_ASIAN = {
    27: "yyyy年m月", 28: "m月d日", 29: "m月d日", 30: "m-d-yy", 31: "yyyy年m月d日", 32: "h时mm分", 33: "h时mm分ss秒",
    34: "上午/下午h时mm分", 35: "上午/下午h时mm分ss秒", 36: "yyyy年m月", 50: "yyyy年m月", 51: "m月d日", 52: "yyyy年m月",
    53: "m月d日", 54: "m月d日", 55: "上午/下午h时mm分", 56: "上午/下午h时mm分ss秒", 57: "yyyy年m月", 58: "m月d日",
}  # fmt: skip
"""Built-in formats of Chinese editions, which the file names by number only."""


@cache
def _is_date(code: str) -> bool:
    return bool(is_date_format(code))


@cache
def _shows_day(code: str) -> bool:
    """True for a date format that shows the day of the month: not one of a month, a year or a day of the week alone."""
    plain = re.sub(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', "", code).lower()
    return re.search(r"(?<!d)d{1,2}(?!d)", plain) is not None


@cache
def _is_duration(code: str) -> bool:
    """True for a format of an elapsed time or of a time of day, which shows no day."""
    plain = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code).lower()
    if re.search(r"\[(?:h+|m+|s+)\]", plain):
        return True
    return not re.search(r"[yd]", re.sub(r"\[[^\]]*\]|general", "", plain)) and re.search(r"[hs]", plain) is not None


@cache
def _pieces(code: str) -> tuple[tuple[str, str], ...] | None:
    """(literal, digit places) of the section for positive numbers, or None for a format that is not one of whole numbers."""
    section = _SECTION.match(code)
    found: list[tuple[str, str]] = []
    for quoted, escaped, blank, repeated, bracket, digits, other in _TOKEN.findall(section[1] if section else code):
        if digits:
            found.append(("", digits))
        elif bracket:
            if bracket[:1] in "<>=":
                return None
            if bracket.startswith("$"):
                found.append((bracket[1:].partition("-")[0], ""))
        elif blank or repeated:
            continue
        elif other and other in "Ee@":
            return ()
        elif other in ("%", "/"):
            return None
        else:
            found.append((quoted or escaped or other, ""))
    return tuple(found)


def shown_number(value: int, code: str) -> str | None:
    """A whole number as its format displays it: with leading zeros and literals. Separators of thousands and decimal places are
    no part of a number. None if the format displays something else, so that the number cannot be known.

    >>> shown_number(123, "000000"), shown_number(123, '"G"000000'), shown_number(13800138000, "000-0000-0000")
    ('000123', 'G000123', '138-0013-8000')
    >>> shown_number(1234, "#,##0.00"), shown_number(5, "General"), shown_number(5, '[>3]"x";0')
    ('1234', '5', None)
    """
    if code in ("General", "@", "", "0", "#"):
        return str(value)
    pieces = _pieces(code)
    if pieces is None or (value < 0 and ";" in code):
        return None if pieces is None else str(value)
    text = "".join(literal for literal, _ in pieces)
    if not pieces or "General" in code or not any(places for _, places in pieces):
        return str(value) if not text or "General" in code else None
    whole: list[tuple[str, str]] = []
    for literal, places in pieces:  # what follows the decimal point are places of a fraction
        if literal == "." and any(kept for _, kept in whole):
            break
        whole.append((literal, places.replace(",", "")))
    wanted = sum(len(places) for _, places in whole)
    least = sum(1 for _, places in whole for one in places if one == "0")
    digits = str(abs(value)) if value or least else ""
    digits = digits.rjust(max(least, len(digits)), "0").rjust(wanted, "\0")
    built: list[str] = ["-"] if value < 0 else []
    at, extra = 0, len(digits) - wanted
    for literal, places in whole:
        if not places:
            built.append("" if literal in ("¥", "￥", "$", ",", " ") else literal)
            continue
        take = len(places) + extra
        built.append(digits[at : at + take].replace("\0", ""))
        at, extra = at + take, 0
    return "".join(built)


def shown_text(text: str, code: str) -> str:
    """A text as its format displays it. A format has a section for texts if it is the fourth, or if the last one has an @.

    >>> shown_text("12", '"第"@"号"'), shown_text("x", "0;-0;0;@"), shown_text("x", "0.00")
    ('第12号', 'x', 'x')
    """
    if "@" not in code or code == "@":
        return text
    last = next((found for found in reversed(_SECTION.findall(code)) if found), "")
    if "@" not in re.sub(r'"[^"]*"|\\.', "", last):
        return text
    parts = _TOKEN.findall(last)
    return "".join(
        text if other == "@" else quoted or escaped or other for quoted, escaped, _b, _r, _c, _d, other in parts
    )


def _place(reference: str) -> tuple[int, int]:
    """(column from 0, row from 1) of a reference such as `B12`. Raises ValueError."""
    found = _REFERENCE.fullmatch(reference)
    if found is None or not 0 < int(found[2]) <= _LAST_ROW:
        raise ValueError(reference)
    return _column(found[1]), int(found[2])


@cache
def _column(letters: str) -> int:
    """The place of a column from 0. Raises ValueError."""
    place = 0
    letters = letters.upper()
    for letter in letters[:4]:
        place = place * 26 + ord(letter) - 64
    if not (letters.isascii() and letters.isalpha()) or not 0 < place <= _LAST_COLUMN:
        raise ValueError(letters)
    return place - 1


def _within(folder: str, target: str) -> str:
    """The path of a part inside the package."""
    if target.startswith("/"):
        return target[1:]
    parts = folder.split("/") if folder else []
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
