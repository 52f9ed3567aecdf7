"""How often Python looks for garbage in cycles. What this program makes all day (events, cases, rows) has none."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""Objects more than were freed before the youngest are looked at, and how many such looks before the older ones are.

With Python's own 700, 10, 10 a tenth of the time of the benchmark `lifecycle` went into looking."""


def settle() -> None:
    """For this process, from now on."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
