"""The rejects file: which rows were not taken, and why. Never a value, and only its owner may read it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

COLUMNS = ("line", "field", "code", "reason", "reason_zh")


class Reject(NamedTuple):
    line: int
    field: str
    code: str
    why: str
    why_zh: str


class Rejects:
    """Written batch by batch. Appears with the first reject; one of an earlier run is removed."""

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        """`keep`: how many bytes of an interrupted run stay."""
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
                file.write("\ufeff")  # so that spreadsheets see the encoding
                writer.writerow(COLUMNS)
            writer.writerows(rows)
            file.flush()
            self.size = file.tell()
