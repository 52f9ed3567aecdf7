"""CSV as systems export it. A broken row is one rejected row: reading continues with the line after it.

The csv module alone would take everything up to the next quotation mark, or the whole rest of the file, as one field.
Therefore only the first line of a record that does not parse is rejected, and the lines after it are read again.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from services.intake.importer.errors import FileError
from shared.kernel.text_normalization import is_empty

LONGEST_RECORD = 12_000_000
"""Characters: far above any limit of a text, so that a text that is too long is one rejected row."""
MOST_LINES = 20_000
PATIENCE = 200_000_000
"""Characters that may be read again; after that a record has at most 200,000, which bounds the cost of a hostile file."""

_UNPARSABLE = '""x'
"""Replaces a line that is too long: it is not a valid row."""


class _TooLong(Exception):
    """The record is too long: `broken_quotes`, or `too_long` if it is a single line."""

    def __init__(self, code: str = "broken_quotes") -> None:
        super().__init__(code)
        self.code = code


class _Lines:
    """The physical lines of a file; the lines of a broken record can be read again."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._limit = LONGEST_RECORD
        self._reread = 0
        self.line = 0
        """Number of the first line of the current record."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._size > self._limit or len(self._taken) > MOST_LINES:
            raise _TooLong
        line = self._again.popleft() if self._again else self._source.readline(LONGEST_RECORD + 2)
        if not line:
            raise StopIteration
        if len(line) > LONGEST_RECORD:
            self._skip_line(line)
            alone = not self._taken
            self._taken.append(_UNPARSABLE)
            self._size += len(line)
            raise _TooLong("too_long" if alone else "broken_quotes")
        self._taken.append(line)
        self._size += len(line)
        return line

    def _skip_line(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._source.readline(LONGEST_RECORD)

    def push(self, line: str) -> None:
        """Read this line next."""
        self._again.appendleft(line)

    def begin(self) -> None:
        """Begin a record with the next line."""
        self.line += max(1, len(self._taken))
        self._taken = []
        self._size = 0

    @property
    def second(self) -> str | None:
        """The second line of the current record, if it has one."""
        return self._taken[1] if len(self._taken) > 1 else None

    def give_up(self) -> None:
        """Drop the first line of the record and read the others again."""
        self._reread += self._size
        if self._reread > PATIENCE:
            self._limit = 200_000
        self._again.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]


def find_delimiter(sample: str) -> str:
    """The separator that occurs most often in the first line, the rare ones only where no usual one occurs; a comma if there is
    none."""
    for separators in ((",", "\t", ";", "|", "，"), ("；", "、", "^", "~", "\x01", "\x1f", "\x1e")):
        counts = {separator: sample.count(separator) for separator in separators}
        best = max(counts, key=lambda separator: counts[separator])
        if counts[best]:
            return best
    return ","


_SEP = re.compile(r"\ufeff?\"?sep=(.)\"?[;,\t]*\s*", re.IGNORECASE)
"""A first line that names the separator to a spreadsheet."""
_SAMPLE = 200
_LEAST = 2
"""Rows that must end in the same empty cells before these are taken for the way in which the system writes every row."""


def read_csv(source: TextIO, delimiter: str, header_row: int) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells) of each row, the header first; or (line, error code). A row has at most as many cells as the header: fewer
    where a spreadsheet left out empty cells at its end. Raises FileError `no_header`."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD + 10))
    first = source.readline(LONGEST_RECORD)
    named = _SEP.fullmatch(first)
    if named is not None:
        delimiter = named[1] if delimiter == "auto" else delimiter
        header_row = max(header_row, 2)
    for _ in range(1, header_row):
        first = source.readline(LONGEST_RECORD)
        if not first:
            raise FileError("no_header")
    if not first.strip():
        raise FileError("no_header")
    if delimiter == "auto":
        delimiter = find_delimiter(first)
    lines = _Lines(source)
    extra = _empty_ends(source, lines, first, delimiter)
    lines.push(first)
    lines.line = header_row - 1
    records = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    width = 0
    while True:
        lines.begin()
        try:
            cells = next(records)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as broken:
            if not width:
                raise FileError("no_header") from None
            lines.give_up()
            yield lines.line, broken.code if isinstance(broken, _TooLong) else "broken_quotes"
            continue
        if not width:
            width = len(cells)
            yield lines.line, cells
        elif len(cells) == width:
            yield lines.line, cells
        elif not cells or (len(cells) == 1 and is_empty(cells[0]) and "\x00" not in cells[0]):
            continue
        elif extra and len(cells) == width + extra and not any(cells[width:]):
            yield lines.line, cells[:width]
        else:
            if lines.second is not None and _is_row(lines.second, delimiter, width):
                lines.give_up()
                yield lines.line, "broken_quotes"
                continue
            yield lines.line, cells if len(cells) < width else "wrong_number_of_fields"


def _empty_ends(source: TextIO, lines: _Lines, header: str, delimiter: str) -> int:
    """The number of empty cells that this system writes at the end of every row, beyond the columns of the header.

    Only where every row of a sample has them: one row that is longer than the others and ends in an empty cell is more likely
    a row with a separator inside a text, whose cells have all moved by one column."""
    width = len(next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), []))
    taken: list[str] = []
    while len(taken) < _SAMPLE and sum(map(len, taken[-1:])) <= LONGEST_RECORD:
        line = source.readline(LONGEST_RECORD + 2)
        if not line:
            break
        taken.append(line)
    for line in reversed(taken):
        lines.push(line)
    try:
        rows = [row for row in csv.reader(taken, delimiter=delimiter, skipinitialspace=True) if row]
    except csv.Error:
        return 0
    if len(taken) == _SAMPLE:
        rows = rows[:-1]
    sizes = {len(row) for row in rows}
    if len(rows) < _LEAST or len(sizes) != 1 or (size := sizes.pop()) <= width:
        return 0
    return 0 if any(any(row[width:]) for row in rows) else size - width


def _is_row(line: str, delimiter: str, width: int) -> bool:
    """True if a line is a complete row. If the second line of a record is one, a quotation mark in the first is not closed."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error:
        return False
    return len(cells) == width
