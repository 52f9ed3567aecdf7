"""Loading the sample the way an import does: in batches, through POST /v1/history:batch or what stands behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from deploy.demo.sample.complaints import complaints

BATCH = 25
"""Rows sent together: small enough for a progress bar that moves."""
Send = Callable[[list[dict[str, Any]]], Awaitable[list[dict[str, Any]]]]
"""Rows of history in, one result per row out: {"line", "result", "steps_added", "code", …}."""
Progress = Callable[[int, int], None]
"""(done, all)."""


class Summary(NamedTuple):
    """What came of the rows."""

    added: int = 0
    extended: int = 0
    same: int = 0
    refused: int = 0
    steps: int = 0
    codes: Mapping[str, int] = {}
    """Why rows were refused, with counts. Rows loaded on an earlier day are refused (`same_id_other_content`): the
    sample is shifted to the day it is loaded on, and what stands there is never overwritten."""


async def load(send: Send, today: date, zone: str, progress: Progress | None = None) -> Summary:
    """Send the sample. Again on the same day: nothing is added. What `send` raises passes through; then load again."""
    rows = complaints(today, zone)
    results: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    steps = 0
    for start in range(0, len(rows), BATCH):
        for answer in await send(rows[start : start + BATCH]):
            results[answer["result"]] += 1
            steps += answer.get("steps_added") or 0
            if answer.get("code"):
                codes[answer["code"]] += 1
        if progress is not None:
            progress(min(start + BATCH, len(rows)), len(rows))
    return Summary(results["added"], results["extended"], results["same"], results["refused"], steps, dict(codes))
