"""A few reading threads, each with its own connection: reads wait neither for writes nor for the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from shared.adapters.sqlite.connection import meaningful_errors, open_reader

T = TypeVar("T")


class _Local(threading.local):
    connection: sqlite3.Connection | None = None


class ReaderPool:
    """The reading threads of one file."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"read {path.name}")
        self._local = _Local()
        self._opened: list[sqlite3.Connection] = []

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `query` in a reading thread.

        Raises:
            StoreBroken: The file cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._call, query)

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        """All rows of a statement. Raises StoreBroken."""
        return await self.run(lambda connection: connection.execute(query, values).fetchall())

    def close(self) -> None:
        """Wait for the running reads, then close the connections."""
        self._pool.shutdown()
        for connection in self._opened:
            connection.close()

    def _call(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with meaningful_errors():
            if self._local.connection is None:
                self._local.connection = open_reader(self._path)
                self._opened.append(self._local.connection)
            return query(self._local.connection)
