"""Huiyin in memory: for tests. Nothing is kept; the feed may misbehave by seed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.modes.composition import compose
from shared.adapters.memory import MemoryFeed, MemoryKeys, MemoryLog, MemoryViews, SetClock
from shared.hosting.process import Runtime
from shared.hosting.service_module import Ports
from shared.kernel.clock import Clock
from shared.kernel.settings import Settings
from shared.repositories.case_repository import Cases
from shared.repositories.policy_repository import Policies


def memory_ports(clock: Clock | None = None, *, seed: int | None = None) -> Ports:
    """Adapters that keep everything in memory."""
    log = MemoryLog()
    return Ports(
        log=log,
        feed=MemoryFeed(log, seed=seed),
        views=MemoryViews(),
        keys=MemoryKeys(),
        clock=clock or SetClock(),
        cases=Cases(log),
        policies=Policies(log),
    )


@asynccontextmanager
async def opened(
    settings: Settings | None = None, *, clock: Clock | None = None, seed: int | None = None, tasks: bool = False
) -> AsyncIterator[Runtime]:
    """A running system in memory."""
    runtime = compose(settings or Settings(), memory_ports(clock, seed=seed))
    try:
        await runtime.start(tasks=tasks)
        yield runtime
    finally:
        await runtime.stop()
