"""Ports whose operations are counted: which method of the event store, the key store and the read models a request calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from deploy.modes.composition import compose
from shared.adapters.memory import (
    MemoryBlobs,
    MemoryEventStore,
    MemoryKeyStore,
    MemoryReadModels,
    MemorySubscriptions,
    MemoryUploads,
)
from shared.application.ports import Ports
from shared.hosting.process import Process
from shared.kernel.clock import Clock
from shared.kernel.settings import Settings
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository

_COUNTED: ContextVar[Counter[str] | None] = ContextVar("counted", default=None)
_FREE = frozenset({"listen", "secret", "declare"})
"""Methods that read nothing."""


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts the operations that this task and the tasks that it starts call; not those of the consumers."""
    found: Counter[str] = Counter()
    token = _COUNTED.set(found)
    try:
        yield found
    finally:
        _COUNTED.reset(token)


@dataclass
class Counting:
    """An adapter that counts the calls of its methods by kind, as `log.load`. Everything else is the adapter itself."""

    name: str
    own: Any
    _wrapped: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.own, name)
        if name.startswith("_") or name in _FREE or not callable(found):
            return found
        if name not in self._wrapped:
            kind = f"{self.name}.{name}"

            def call(*given: Any, **more: Any) -> Any:
                counter = _COUNTED.get()
                if counter is not None:
                    counter[kind] += 1
                return found(*given, **more)

            self._wrapped[name] = call if iscoroutinefunction(found) or isasyncgenfunction(found) else found
        return self._wrapped[name]


def counting_ports(clock: Clock, *, alone: bool = True) -> Ports:
    """Adapters in memory that count. `alone=False`: as in the full mode, where every case is confirmed in the log."""
    log: Any = Counting("log", MemoryEventStore())
    views: Any = Counting("views", MemoryReadModels())
    keys: Any = Counting("keys", MemoryKeyStore())
    return Ports(
        log=log,
        feed=MemorySubscriptions(log, seed=None),
        views=views,
        keys=keys,
        clock=clock,
        cases=CaseRepository(log, alone=alone),
        policies=PolicyRepository(log),
        blobs=MemoryBlobs(),
        uploads=MemoryUploads(),
    )


@asynccontextmanager
async def opened(settings: Settings, *, clock: Clock, alone: bool = True) -> AsyncIterator[Process]:
    """A running system in memory whose operations are counted."""
    runtime = compose(settings, counting_ports(clock, alone=alone))
    try:
        await runtime.start(tasks=False)
        yield runtime
    finally:
        await runtime.stop()
