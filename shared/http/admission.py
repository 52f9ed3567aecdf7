"""Admission of routes that accept new filings: they refuse before the body is read while too many events wait."""

from __future__ import annotations

from typing import Any

from fastapi import Depends

from shared.hosting.process import Process


def admitted(runtime: Process) -> list[Any]:
    """The `dependencies` of such a route."""
    pressure = runtime.pressure
    if pressure is None:
        return []

    async def admit() -> None:
        pressure.admit()

    return [Depends(admit)]
