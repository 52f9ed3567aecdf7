"""One thing that is wrong with a policy."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """`where`: section and field, like `routing.rules[r12].org`; `line` where the loader knows it."""

    where: str
    what: str
    file: str | None = None
    line: int | None = None
    column: str | None = None
    """A letter in a table, as spreadsheets show it; a number in YAML."""

    def __str__(self) -> str:
        parts = [part for part in (self.file, self.line, self.column) if part]
        return f"{':'.join(map(str, parts))}{': ' if parts else ''}{self.where}: {self.what}"
