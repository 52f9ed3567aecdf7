"""Huiyin in memory, for tests. Nothing is stored; deliveries are disturbed according to a seed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.modes.composition import compose
from deploy.modes.outbound import Outbound
from shared.adapters.memory import (
    MemoryBlobs,
    MemoryCandidates,
    MemoryEventStore,
    MemoryKeyStore,
    MemoryReadModels,
    MemorySubscriptions,
    MemoryUploads,
    SetClock,
)
from shared.application.ports import Ports
from shared.hosting.process import Process
from shared.kernel.clock import Clock
from shared.kernel.settings import Settings
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository


def memory_ports(clock: Clock | None = None, *, seed: int | None = None, settings: Settings | None = None) -> Ports:
    """Adapters that keep everything in memory."""
    log = MemoryEventStore()
    return Ports(
        log=log,
        feed=MemorySubscriptions(log, seed=seed),
        views=MemoryReadModels(),
        keys=MemoryKeyStore(),
        clock=clock or SetClock(),
        cases=CaseRepository(log),
        policies=PolicyRepository(log),
        outbound=Outbound(settings or Settings()),
        blobs=MemoryBlobs(),
        uploads=MemoryUploads(),
        candidates=MemoryCandidates(),
    )


@asynccontextmanager
async def opened(
    settings: Settings | None = None, *, clock: Clock | None = None, seed: int | None = None, tasks: bool = False
) -> AsyncIterator[Process]:
    """A running system in memory."""
    settings = settings or Settings()
    runtime = compose(settings, memory_ports(clock, seed=seed, settings=settings))
    try:
        await runtime.start(tasks=tasks)
        yield runtime
    finally:
        await runtime.stop()
