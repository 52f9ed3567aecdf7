"""The frequency of garbage collection. The objects that this program creates most (events, cases, rows) form no cycles."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""Net allocations before a collection of the youngest generation, and the number of collections before that of the next one.

With Python's defaults 700, 10, 10, collections took a tenth of the time of the benchmark `lifecycle`."""

STARTING = 200_000
"""The same while a command starts: modules, models and routes are made then, and nearly all of them stay."""


def starting() -> None:
    """Collect rarely: for a command, or for a server until it calls `settle`."""
    gc.set_threshold(STARTING, MIDDLE, OLD)


def settle() -> None:
    """Set the limits for a process that serves. What was made until now is not examined again."""
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
