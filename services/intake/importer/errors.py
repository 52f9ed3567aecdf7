"""Errors of a mapping, a file or a row. Their messages are data and never quote a value of the file."""

from __future__ import annotations

from pathlib import Path

from shared.kernel.messages import Messages

_DATA = Path(__file__).parent / "data"
MAPPING_ERRORS = Messages(_DATA / "mapping_errors.yaml")
FILE_ERRORS = Messages(_DATA / "file_errors.yaml")
ROW_ERRORS = Messages(_DATA / "row_errors.yaml")
NOTICES = Messages(_DATA / "notices.yaml")
"""What is surprising in a file, and was read all the same: said once, with a count."""


class MappingError(Exception):
    """The mapping cannot be used. `line`: line of the mapping file, where it is known; `values`: those of the message."""

    def __init__(self, message: str, *, line: int | None = None, field: str = "", **values: object) -> None:
        self.why, self.why_zh = MAPPING_ERRORS.filled(message, {**values, "field": field})
        super().__init__(f"line {line}: {self.why}" if line else self.why)
        self.line, self.field = line, field


class FileError(Exception):
    """The file cannot be read, from the start or from some row on. `rows`: number of rows before it that were processed."""

    def __init__(self, code: str, **values: object) -> None:
        self.why, self.why_zh = FILE_ERRORS.filled(code, values)
        super().__init__(self.why)
        self.code = code
        self.rows = 0


class RowError(Exception):
    """One row is rejected; the import continues with the others."""

    def __init__(self, line: int, field: str, code: str) -> None:
        super().__init__(f"line {line}, {field}: {code}")
        self.line, self.field, self.code = line, field, code

    @property
    def why(self) -> str:
        return ROW_ERRORS.sentences[self.code]["en"]

    @property
    def why_zh(self) -> str:
        return ROW_ERRORS.sentences[self.code]["zh"]
