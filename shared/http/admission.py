"""Routes that take something in stop doing so, at once and before the body is read, while too much waits."""

from __future__ import annotations

from fastapi import Depends, Request

from shared.hosting.process import Process


async def _admit(request: Request) -> None:
    runtime: Process = request.app.state.runtime
    if runtime.pressure is not None:
        runtime.pressure.admit()


ADMITTED = [Depends(_admit)]
"""The `dependencies` of such a route."""
