"""The rows of a file as a stream: CSV, JSON lines or XLSX, compressed or not. A text file is never in memory as a whole."""

from __future__ import annotations

import gzip
import io
import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, TextIO, cast

from services.intake.importer.csv_reader import LONGEST_RECORD, read_csv
from services.intake.importer.damaged_cells import Damaged
from services.intake.importer.encodings import DAMAGED, GbText, find_encoding, opened
from services.intake.importer.errors import FileError, RowError
from services.intake.importer.mapping import Source, normalized_name
from shared.kernel import strict_json as unambiguous
from shared.kernel.text_normalization import is_empty, name_form

Cell = str | float | int | bool | datetime | date | Damaged | None | list[Any] | dict[str, Any]


class Row(NamedTuple):
    """One row. `problem`: code of an error of the whole row, which then has no cells."""

    line: int
    cells: Sequence[Cell]
    problem: str | None = None
    short: bool = False
    """It has fewer cells than the header: empty ones at its end were left out, or a line break outside quotes cut it."""


class Table:
    """The rows of a file. `columns` grows with the names that JSON lines bring."""

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.source = source
        self.format = source.format if source.format != "auto" else find_format(path)
        self.sheet: str | None = None
        """The sheet of a workbook that is read."""
        self.found: Counter[str] = Counter()
        """What is surprising in the file, by code of NOTICES, with counts."""
        self.columns: list[str] = []
        self._places: dict[str, int] = {}
        self.repeated: set[str] = set()
        """Names that more than one column of the header has."""
        self._size = path.stat().st_size if path.exists() else 0
        self._position: IO[bytes] | None = None
        """The file on disk, whose position shows the progress."""

    @property
    def share(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None where it is unknown."""
        if self._position is None or not self._size or self._position.closed:
            return None
        return min(1.0, self._position.tell() / self._size)

    def __iter__(self) -> Generator[Row, None, None]:
        """All rows. Raises FileError if the file as a whole cannot be read."""
        self.columns, self._places, self.repeated = [], {}, set()
        self.found.clear()
        check_kind(self.path, self.format)
        if self.format == "xlsx":
            yield from self._xlsx()
            return
        encoding = self.source.encoding if self.source.encoding != "auto" else find_encoding(self.path)
        encoding = {"utf-8": "utf-8-sig", "big5": "big5hkscs"}.get(encoding, encoding)
        if encoding == "big5hkscs":
            self.found["big5"] = 1
        # surrogateescape: damaged bytes become characters that no text has, and are reported with their row
        errors = DAMAGED if encoding.startswith("utf-16") else "surrogateescape"
        with opened(self.path) as raw:
            self._position = raw.fileobj if isinstance(raw, gzip.GzipFile) else raw
            text = io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")
            source = cast(TextIO, GbText(text)) if encoding == "gb18030" else text
            try:
                yield from self._csv(source) if self.format == "csv" else self._jsonl(source)
            except UnicodeError:
                raise FileError("wrong_encoding") from None
            finally:
                with suppress(ValueError):  # closed already: reading was cancelled
                    text.detach()

    def read_columns(self) -> None:
        """Set `columns` before any row is read: those of the header, for JSON lines those of the first row."""
        with closing(iter(self)) as rows:
            next(rows, None)

    def place(self, column: str) -> int | None:
        """The index of a column in the cells of a row: of that name, else of the same name in other signs; None if the file
        lacks it."""
        place = self._places.get(normalized_name(column))
        if place is not None:
            return place
        form = name_form(column)
        same = [place for name, place in self._places.items() if name_form(name) == form]
        if not same:  # a heading that is broken into lines, or spaced: 承办 单位
            form = form.replace(" ", "")
            same = [place for name, place in self._places.items() if name_form(name).replace(" ", "") == form]
        return same[0] if len(same) == 1 else None

    def _name(self, names: Sequence[object]) -> None:
        for name in names:
            plain = normalized_name(str(name) if name is not None else "")
            self.columns.append(plain)
            if plain and self._places.setdefault(plain, len(self.columns) - 1) != len(self.columns) - 1:
                self.repeated.add(plain)
        if not any(self.columns):
            raise FileError("no_header")

    # ------------------------------------------------------------ formats

    def _csv(self, text: TextIO) -> Iterator[Row]:
        for line, cells in read_csv(text, self.source.delimiter, self.source.header_row):
            if isinstance(cells, str):
                yield Row(line, (), cells)
            elif not self.columns:
                self._name(cells)
            else:
                if all(map(_blank, cells)):
                    self.found["blank_row"] += 1
                    continue
                if short := len(cells) < len(self.columns):
                    self.found["short_row"] += 1
                self._unnamed(enumerate(cells))
                yield Row(line, cells, None, short)

    def _unnamed(self, cells: Iterable[tuple[int, object]]) -> None:
        """Count the cells that hold something where the header names no column."""
        columns = self.columns
        for place, cell in cells:
            if (
                (place >= len(columns) or not columns[place])
                and cell
                and not (isinstance(cell, str) and is_empty(cell))
            ):
                self.found["cell_without_column"] += 1

    def _jsonl(self, text: TextIO) -> Iterator[Row]:
        line = 0
        while True:
            content = text.readline(LONGEST_RECORD)
            if not content:
                return
            line += 1
            if len(content) >= LONGEST_RECORD:
                while content and not content.endswith("\n"):
                    content = text.readline(LONGEST_RECORD)
                yield Row(line, (), "too_long")
                continue
            content = content.removeprefix("\ufeff")  # of files that were put together
            if not content.strip():
                continue
            try:
                data = content.encode()
            except UnicodeEncodeError:
                yield Row(line, (), "bad_encoding")
                continue
            try:
                found = unambiguous.loads(data)
                if not isinstance(found, dict):
                    raise ValueError
                yield Row(line, self.cells_of(found, line))
            except unambiguous.RepeatedKey:
                yield Row(line, (), "repeated_key")
            except RowError as error:
                yield Row(line, (), error.code)
            except ValueError:
                yield Row(line, (), "broken_json")

    def cells_of(self, found: dict[str, Any], line: int = 1) -> list[Cell]:
        """The cells of one JSON object; a value of an inner object is named `outer.inner`. New names become new columns.
        Raises RowError if two names are one column."""
        flat: dict[str, Cell] = {}
        for name, value in found.items():
            inner = value if isinstance(value, dict) else {None: value}
            for within, cell in inner.items():
                plain = normalized_name(name if within is None else f"{name}.{within}")
                if plain in flat:
                    raise RowError(line, plain, "repeated_key")
                flat[plain] = cell
        for plain in flat:
            if plain not in self._places:
                self._places[plain] = len(self.columns)
                self.columns.append(plain)
        cells: list[Cell] = [None] * len(self.columns)
        for plain, cell in flat.items():
            cells[self._places[plain]] = cell
        return cells

    def _xlsx(self) -> Iterator[Row]:
        from services.intake.importer.workbook import Workbook

        with opened(self.path) as raw, _seekable(raw) as whole:
            book = Workbook(whole)
            book.found = self.found
            sheet = book.sheet(self.source.sheet)
            self.sheet = sheet.name
            self.found["other_sheet"] = sum(1 for each in book.sheets if each is not sheet and not each.hidden)
            self.found["hidden_sheet"] = sum(1 for each in book.sheets if each is not sheet and each.hidden)
            header = self.source.header_row
            hidden = book.hidden_columns(sheet)
            for row in book.rows(sheet):
                if row.line < header:
                    continue
                if not self.columns:
                    if row.line > header or not row.cells:
                        break
                    last = max(row.cells)
                    self._name([_heading(row.cells.get(place)) for place in range(last + 1)])
                    self.found["hidden_column"] = sum(
                        1 for place in hidden if self.columns[place : place + 1] not in ([], [""])
                    )
                    continue
                self._unnamed(row.cells.items())
                width = len(self.columns)
                cells = [row.cells.get(place) for place in range(width)]
                if any(cell is not None and not (isinstance(cell, str) and is_empty(cell)) for cell in cells):
                    self.found["hidden_row"] += row.hidden
                    yield Row(row.line, cells)
            if not self.columns:
                raise FileError("no_header_in_sheet", name=sheet.name)


def _blank(cell: str) -> bool:
    """True if nothing of a cell is visible, and no NUL shows that the file is damaged."""
    return not cell or (is_empty(cell) and "\x00" not in cell)


def _heading(cell: object) -> object:
    """The name of a column as the workbook shows it."""
    if isinstance(cell, Damaged):
        return None
    return int(cell) if isinstance(cell, float) and cell == int(cell) else cell


@contextmanager
def _seekable(raw: BinaryIO) -> Iterator[BinaryIO]:
    """A seekable file with the same bytes: the file itself, or a copy on disk of a compressed one."""
    if isinstance(raw, io.BufferedReader):
        yield raw
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(raw, copy)
        copy.seek(0)
        yield copy


_ENDINGS = {
    "csv": (".csv", ".tsv", ".txt"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "xlsx": (".xlsx", ".xlsm"),
}
_ZIP = b"PK\x03\x04"
_OTHERS = (
    (b"\xd0\xcf\x11\xe0", "old_workbook"),
    (b"%PDF", "not_a_table"),
    (b"7z\xbc\xaf", "packed"),
    (b"Rar!", "packed"),
    (b"\xfd7zXZ", "packed"),
    (b"\x28\xb5\x2f\xfd", "packed"),
    (b"BZh", "packed"),
    (b"\x1f\x8b", "packed"),
    (b"PAR1", "not_a_table"),
    (b"SQLite format 3", "not_a_table"),
    (b"{\\rtf", "not_a_table"),
    (b"\xff\xfe\0\0", "utf_32"),
    (b"\0\0\xfe\xff", "utf_32"),
)
"""First bytes of files that are no table, whatever their names say."""
_MARKUP = re.compile(rb"<(?:!doctype|\?xml|html|head|meta|table|style|workbook|ss:workbook|!--)", re.IGNORECASE)


def find_format(path: Path) -> str:
    """`csv`, `jsonl` or `xlsx`: what the first bytes say, and only then the ending of the name."""
    named = _by_ending(path)
    start = _start(path) if path.exists() else b""
    if start.startswith(_ZIP):
        return "xlsx"
    if re.match(rb'\{\s*"', _in_utf8(start)):
        return "jsonl"
    return named or "csv"


def check_kind(path: Path, wanted: str) -> None:
    """Raise FileError for a file that is no table of the format `wanted`, with what it is."""
    start = _start(path)
    if start.startswith(_ZIP):
        with opened(path) as source, _seekable(source) as whole:
            whole.seek(0)
            _check_workbook(whole)
        if wanted != "xlsx":
            raise FileError("is_workbook")
        return
    for first, code in _OTHERS:
        if start.startswith(first):
            raise FileError(code)
    text = _in_utf8(start)
    if _MARKUP.match(text):
        raise FileError("web_page")
    if wanted == "xlsx":
        raise FileError("not_workbook")
    if re.match(rb"\[\s*(?:\{|\])", text):
        raise FileError("json_array")


def _start(path: Path) -> bytes:
    with opened(path) as source:
        return source.read(2048)


def _in_utf8(start: bytes) -> bytes:
    text = start.decode("utf-16", "ignore").encode() if start[:2] in (b"\xff\xfe", b"\xfe\xff") else start
    return text.removeprefix(b"\xef\xbb\xbf").lstrip()


def _by_ending(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return next((found for found, endings in _ENDINGS.items() if name.endswith(endings)), None)


def _check_workbook(whole: BinaryIO) -> None:
    """Raise FileError for an archive that is no workbook of this kind."""
    try:
        with zipfile.ZipFile(whole) as packed:
            names = set(packed.namelist())
    except (zipfile.BadZipFile, OSError):
        raise FileError("broken_workbook") from None
    if "xl/workbook.bin" in names or "mimetype" in names:
        raise FileError("old_workbook")
    if "_rels/.rels" not in names:
        raise FileError("packed")
