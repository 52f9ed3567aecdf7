"""A few reading threads, each with its own connection: reads wait neither for writes nor for the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from shared.adapters.sqlite.connection import open_reader, trouble

T = TypeVar("T")


class Readers:
    def __init__(self, path: Path, threads: int = 2) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"read {path.name}")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `query` in a reading thread. Raises LogBroken when the file cannot be read."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._call, query)

    def _call(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = open_reader(self._path)
                self._opened.append(connection)
            return query(connection)
        except sqlite3.Error as error:
            meaning = trouble(error)
            if meaning is None:
                raise
            raise meaning from error

    def close(self) -> None:
        """Waits for the reads under way."""
        self._pool.shutdown()
        for connection in self._opened:
            connection.close()
