"""Clients at a fixed rate, and the journal of their answers."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.checker import Op
from tests.faults.filing import MATTERS
from tests.faults.load import Load


class Journal(list[Op]):
    """A history that is also written to a file, line by line, as soon as each entry is known."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("a", encoding="utf-8")

    def append(self, op: Op) -> None:
        super().append(op)
        line = {"i": len(self), **asdict(op)}
        line["t_mono"] = op.t_mono or time.monotonic_ns()
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


@dataclass
class Paced(Load):
    """So many new complaints a second, whatever the answers do; each is one client that carries its own on.

    More than `most` at once are none: a machine that cannot follow gets as many as it can, and the record says how many
    were not begun."""

    matters: Sequence[tuple[str, str]] = MATTERS
    late: float = 0.2
    most: int = 300
    not_begun: int = 0
    took: list[float] = field(default_factory=list)
    """Seconds of each answer to a filing, refusals too."""
    _lives: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, rate: float) -> None:
        """Begin them until `stopping`."""
        began, number = time.monotonic(), 0
        while not self.stopping:
            number += 1
            if len(self._lives) < self.most:
                task = asyncio.create_task(self.client(number))
                self._lives.add(task)
                task.add_done_callback(self._ended)
            else:
                self.not_begun += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._lives.discard(task)
        if not task.cancelled():
            task.result()

    async def client(self, number: int) -> None:
        await self._life(f"p{number}", self.random(number))

    async def finish(self) -> None:
        """Let each client complete its current request."""
        self.stopping = True
        await asyncio.gather(*self._lives)

    async def _once(self, method: str, as_: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        began = time.monotonic()
        try:
            return await super()._once(method, as_, path, body)
        finally:
            if path == "/v1/submissions":
                self.took.append(time.monotonic() - began)

    def counts(self) -> dict[str, int]:
        """The number of clients by outcome."""
        found = Counter(f"{op.kind}_{op.outcome}" for op in self.history)
        return {**dict(sorted(found.items())), "repeated": self.repeats, "not_begun": self.not_begun}
