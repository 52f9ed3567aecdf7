"""Worker processes that a process may start for a rebuild."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import NamedTuple

from shared.eventstore.read_models import Row


class Built(NamedTuple):
    """The rows and facts that a worker process computed for some whole cases."""

    cases: int
    events: int
    rows: Mapping[str, Sequence[Row]]
    """Read model -> its rows."""
    facts: Mapping[str, bytes]
    """Service -> the argument of `absorb` of its facts."""


WorkerPool = Callable[[Sequence[str]], AsyncGenerator[Built, None]]
"""Starts a worker process for the cases whose ids begin with one of these hex digits; it ends when the generator is closed.

Raises StoreBroken where the chain does not hold, Unavailable `worker_lost` when the process ended before it was done."""
