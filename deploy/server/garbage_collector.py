"""The frequency of garbage collection. The objects that this program creates most (events, cases, rows) form no cycles."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""Net allocations before a collection of the youngest generation, and the number of collections before that of the next one.

With Python's defaults 700, 10, 10, collections took a tenth of the time of the benchmark `lifecycle`."""


def settle() -> None:
    """Set these limits for this process."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
