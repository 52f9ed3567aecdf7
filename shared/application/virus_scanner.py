"""The port of a virus scanner. Without one, files are checked by their structure only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from shared.eventstore.blobs import Piece


class ScannerUnavailable(Exception):
    """The scanner did not answer, or answered with an error. The file is held back and scanned again."""


class VirusScanner(Protocol):
    async def infected(self, content: AsyncIterator[Piece]) -> bool:
        """Scan one file. Raises ScannerUnavailable."""
        ...
