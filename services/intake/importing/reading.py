"""A file -> rows, streaming: CSV, JSON lines and XLSX, packed or not. Texts are never held as a whole."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from services.intake.importing.csv_rows import LONGEST_RECORD, no_header, read_csv
from services.intake.importing.encodings import find_encoding, opened
from services.intake.importing.mapping import Source, spell
from services.intake.importing.problems import FileError, RowError
from shared import unambiguous

Cell = str | float | int | bool | datetime | date | None | list[Any] | dict[str, Any]
_LARGEST_SHEET = 2_000_000_000
"""Bytes of an unpacked workbook."""


class Row(NamedTuple):
    """One row. `problem` is the code of what is wrong with it as a whole; then there are no cells."""

    line: int
    cells: Sequence[Cell]
    problem: str | None = None


class Table:
    """The rows of a file, one after the other. `columns` grows while JSON lines bring new names."""

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.source = source
        self.format = source.format if source.format != "auto" else find_format(path)
        self.columns: list[str] = []
        self._places: dict[str, int] = {}
        self.repeated: set[str] = set()
        """Names that the header gives to more than one column."""
        self._size = path.stat().st_size if path.exists() else 0
        self._tell: Any = None

    @property
    def share(self) -> float | None:
        """How much of the file has been read, 0 to 1; None where that is not known."""
        if self._tell is None or not self._size or self._tell.closed:
            return None
        return min(1.0, float(self._tell.tell()) / self._size)

    def __iter__(self) -> Generator[Row, None, None]:
        """All rows. Raises FileError when the file as a whole cannot be read."""
        self.columns, self._places, self.repeated = [], {}, set()
        if self.format == "xlsx":
            yield from self._xlsx()
            return
        encoding = self.source.encoding if self.source.encoding != "auto" else find_encoding(self.path)
        if encoding == "utf-8":
            encoding = "utf-8-sig"
        # surrogateescape: damaged bytes become signs that no text has, and are found with the row they stand in
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        with opened(self.path) as raw:
            self._tell = getattr(raw, "fileobj", None) or raw
            text = io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")
            try:
                yield from self._csv(text) if self.format == "csv" else self._jsonl(text)
            except UnicodeError:
                raise FileError(
                    "wrong_encoding",
                    "The file is not in the encoding that the mapping names (source: encoding). Use auto.",
                    "文件编码与映射文件中的 source: encoding 不符，请改为 auto。",
                ) from None
            finally:
                with suppress(ValueError):  # closed already: reading was given up
                    text.detach()

    def columns_now(self) -> list[str]:
        """The columns of the header, before any row is read; for JSON lines those of the first row."""
        with closing(iter(self)) as rows:
            next(rows, None)
        return self.columns

    def place(self, column: str) -> int | None:
        return self._places.get(spell(column))

    def _name(self, names: Sequence[object]) -> None:
        for name in names:
            plain = spell(str(name) if name is not None else "")
            self.columns.append(plain)
            if plain and self._places.setdefault(plain, len(self.columns) - 1) != len(self.columns) - 1:
                self.repeated.add(plain)
        if not any(self.columns):
            raise no_header()

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
        """The cells of one JSON object; what lies in an inner object is called `outer.inner`. New names are new columns.
        Raises RowError where two names are one column."""
        flat: dict[str, Cell] = {}
        for name, value in found.items():
            inner = value if isinstance(value, dict) else {None: value}
            for within, cell in inner.items():
                plain = spell(name if within is None else f"{name}.{within}")
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

        with opened(self.path) as raw, _whole(raw) as whole:
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
                raise FileError(
                    "broken_workbook",
                    "The workbook or the sheet that the mapping names cannot be read. Save it again as .xlsx.",
                    "无法读取该工作簿，或没有映射文件指定的工作表。请重新另存为 .xlsx。",
                ) from None
            header = self.source.header_row
            for line, cells in enumerate(rows, start=1 + offset):
                if line < header:
                    continue
                if not self.columns:
                    self._name(cells)
                elif any(cell not in ("", None) for cell in cells):
                    yield Row(line, [_plain(cell) for cell in cells])
            if not self.columns:
                raise no_header()


def _plain(cell: Any) -> Cell:
    """A duration or a time of day has no meaning for a case: as text."""
    if isinstance(cell, time | timedelta):
        return str(cell)
    found: Cell = None if cell == "" else cell
    return found


class _whole:  # noqa: N801  (used as a function)
    """A seekable file with the same bytes: the file itself, or a copy on disk of what was packed."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._copy: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        if isinstance(self._raw, io.BufferedReader):
            return self._raw
        copy = tempfile.TemporaryFile()
        shutil.copyfileobj(self._raw, copy)
        copy.seek(0)
        self._copy = copy
        return copy

    def __exit__(self, *_: object) -> None:
        if self._copy is not None:
            self._copy.close()


def _check_size(whole: BinaryIO) -> None:
    """A workbook that unpacks to more than fits in memory is refused before it is unpacked."""
    try:
        with zipfile.ZipFile(whole) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except zipfile.BadZipFile:
        size = 0
    whole.seek(0)
    if size > _LARGEST_SHEET:
        raise FileError(
            "workbook_too_large",
            "The workbook unpacks to more than 2 GB. Export it as CSV, which is read as a stream.",
            "工作簿展开后超过 2 GB，请导出为 CSV。",
        )


def find_format(path: Path) -> str:
    """By the name, else by the first bytes."""
    name = path.name.lower().removesuffix(".gz")
    for ending, found in (
        (".csv", "csv"), (".tsv", "csv"), (".txt", "csv"), (".jsonl", "jsonl"), (".ndjson", "jsonl"),
        (".json", "jsonl"), (".xlsx", "xlsx"), (".xlsm", "xlsx"), (".xls", "xlsx"), (".ods", "xlsx"),
    ):  # fmt: skip
        if name.endswith(ending):
            return found
    with opened(path) as source:
        start = source.read(8)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "xlsx"
    return "jsonl" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
