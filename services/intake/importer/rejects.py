"""The rejects file: the rows that were rejected, with the reason. It holds no value, and only its owner may read it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from shared.kernel.plain_text import formula

COLUMNS = ("line", "field", "code", "reason", "reason_zh", "column")


class Reject(NamedTuple):
    line: int
    field: str
    code: str
    why: str
    why_zh: str
    column: str = ""
    """The columns of the file from which the mapping takes the field."""


class RejectsFile:
    """Writes the file batch by batch. It is created with the first reject; the file of an earlier run is removed."""

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        """`keep`: number of bytes to keep of an interrupted run."""
        self.path = path
        self.size = 0
        if keep and path.exists() and path.stat().st_size >= keep:
            os.truncate(path, keep)
            self.size = keep
        else:
            path.unlink(missing_ok=True)

    def write(self, rejects: Iterable[Reject]) -> None:
        rows = sorted(rejects)
        if not rows:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(self.path, flags, 0o600)
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if not self.size:
                file.write("\ufeff")  # spreadsheets find the encoding by it
                writer.writerow(COLUMNS)
            writer.writerows(
                [f"'{cell}" if isinstance(cell, str) and formula(cell) else cell for cell in row] for row in rows
            )
            file.flush()
            self.size = file.tell()
