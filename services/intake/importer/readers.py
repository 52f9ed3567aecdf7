"""The rows of a file as a stream: CSV, JSON lines or XLSX, compressed or not. A text file is never in memory as a whole."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, cast

from services.intake.importer.csv_reader import LONGEST_RECORD, read_csv
from services.intake.importer.encodings import find_encoding, opened
from services.intake.importer.errors import FileError, RowError
from services.intake.importer.mapping import Source, normalized_name
from shared.kernel import strict_json as unambiguous
from shared.kernel.text_normalization import name_form

Cell = str | float | int | bool | datetime | date | None | list[Any] | dict[str, Any]
_LARGEST_SHEET = 2_000_000_000
"""Bytes of a decompressed workbook."""


class Row(NamedTuple):
    """One row. `problem`: code of an error of the whole row, which then has no cells."""

    line: int
    cells: Sequence[Cell]
    problem: str | None = None


class Table:
    """The rows of a file. `columns` grows with the names that JSON lines bring."""

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.source = source
        self.format = source.format if source.format != "auto" else find_format(path)
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
        if self.format == "xlsx":
            yield from self._xlsx()
            return
        encoding = self.source.encoding if self.source.encoding != "auto" else find_encoding(self.path)
        if encoding == "utf-8":
            encoding = "utf-8-sig"
        # surrogateescape: damaged bytes become characters that no text has, and are reported with their row
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        with opened(self.path) as raw:
            self._position = raw.fileobj if isinstance(raw, gzip.GzipFile) else raw
            text = io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")
            try:
                yield from self._csv(text) if self.format == "csv" else self._jsonl(text)
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

    def _csv(self, text: io.TextIOWrapper) -> Iterator[Row]:
        for line, cells in read_csv(text, self.source.delimiter, self.source.header_row):
            if isinstance(cells, str):
                yield Row(line, (), cells)
            elif not self.columns:
                self._name(cells)
            else:
                yield Row(line, cells)

    def _jsonl(self, text: io.TextIOWrapper) -> Iterator[Row]:
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
        import python_calamine

        with opened(self.path) as raw, _seekable(raw) as whole:
            try:
                _check_size(whole)
                book = python_calamine.CalamineWorkbook.from_filelike(whole)
                name = self.source.sheet
                sheet = book.get_sheet_by_index(0) if name is None else book.get_sheet_by_name(name)
                rows = sheet.iter_rows()
                offset = sheet.start[0] if sheet.start else 0
            except FileError:
                raise
            except Exception:
                raise FileError("broken_workbook") from None
            header = self.source.header_row
            for line, cells in enumerate(rows, start=1 + offset):
                if line < header:
                    continue
                if not self.columns:
                    self._name(cells)
                elif any(cell not in ("", None) for cell in cells):
                    yield Row(line, [_plain(cell) for cell in cells])
            if not self.columns:
                raise FileError("no_header")


def _plain(cell: Any) -> Cell:
    """The cell of a workbook. A duration or a time of day has no meaning for a case and becomes a text."""
    if isinstance(cell, time | timedelta):
        return str(cell)
    return None if cell == "" else cast(Cell, cell)


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


def _check_size(whole: BinaryIO) -> None:
    """Raise FileError for a workbook that decompresses to more than fits in memory."""
    try:
        with zipfile.ZipFile(whole) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except zipfile.BadZipFile:
        size = 0
    whole.seek(0)
    if size > _LARGEST_SHEET:
        raise FileError("workbook_too_large")


_ENDINGS = {
    "csv": (".csv", ".tsv", ".txt"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "xlsx": (".xlsx", ".xlsm", ".xls", ".ods"),
}


def find_format(path: Path) -> str:
    """`csv`, `jsonl` or `xlsx`, by the ending of the name, else by the first bytes."""
    name = path.name.lower().removesuffix(".gz")
    for found, endings in _ENDINGS.items():
        if name.endswith(endings):
            return found
    with opened(path) as source:
        start = source.read(8)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "xlsx"
    return "jsonl" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
