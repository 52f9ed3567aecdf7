"""Errors of a mapping, a file or a row. Their messages state what to do and never quote a value."""

from __future__ import annotations

from shared.kernel import data_file


class MappingError(Exception):
    """The mapping cannot be used. `line` is the line of the mapping file, if known."""

    def __init__(self, why: str, *, why_zh: str, line: int | None = None, field: str = "") -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.why, self.why_zh, self.line, self.field = why, why_zh, line, field


class FileError(Exception):
    """The file cannot be read, as a whole or from some row on. `rows`: number of rows processed before."""

    def __init__(self, code: str, why: str, why_zh: str) -> None:
        super().__init__(why)
        self.code, self.why, self.why_zh = code, why, why_zh
        self.rows = 0


class RowError(Exception):
    """One row cannot be imported; the others can."""

    def __init__(self, line: int, field: str, code: str) -> None:
        super().__init__(f"line {line}, {field}: {code}")
        self.line, self.field, self.code = line, field, code

    @property
    def why(self) -> str:
        return REASONS[self.code]["en"]

    @property
    def why_zh(self) -> str:
        return REASONS[self.code]["zh"]


REASONS: dict[str, dict[str, str]] = data_file.load("services.intake", "importer/row_errors.toml")
"""Reason code -> sentence in English (`en`) and Chinese (`zh`), for the rejects file."""
