"""Waits for an event with a time limit."""

from __future__ import annotations

import asyncio


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """True as soon as `event` is set, False if `seconds` pass first. None: without a limit."""
    try:
        return await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
