"""What a service is made of (`Part`) and what it is given (`Ports`): `services.*.app.build(ports)` makes a part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import APIRouter

from shared.cases import Cases
from shared.clock import Clock
from shared.events.base import Service
from shared.feed import Feed
from shared.handling import Handling
from shared.keys import Keys
from shared.log import Log
from shared.policies import Policies
from shared.projecting import Consumer
from shared.views import Checkpoints, Views


@dataclass(frozen=True)
class Ports:
    """The adapters of this process. Services never know which they got."""

    log: Log
    feed: Feed
    views: Views
    keys: Keys
    clock: Clock
    cases: Cases
    policies: Policies
    facts_path: str | None = None
    """Where analytics keeps its DuckDB file; None keeps the facts in memory."""
    checkpoints: Checkpoints | None = None
    """Set where dropping the views drops also how far the consumers have come; None: the feed keeps that itself."""

    def __post_init__(self) -> None:
        self.policies.keep_time(self.clock)

    def handling(self, service: Service) -> Handling:
        """The hands of `service` on these ports."""
        return Handling(service, self.log, self.keys, self.clock, self.cases, self.policies, self.feed.publish)

    def consumer(self, group: str, **more: Any) -> Consumer:
        """The consumer of this group on these ports; `more` is what it shows, reacts to and keeps (see Consumer)."""
        return Consumer(group, self.log, self.views, self.cases, self.policies, self.clock, **more)


class Kept(Protocol):
    """Derived rows outside the views: the facts of analytics."""

    @property
    def tables(self) -> Sequence[str]: ...

    def columns(self, table: Any) -> Sequence[str]:
        """What stands in a row of that table, in order."""
        ...

    def rows(self, table: Any) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """Every row in canonical order."""
        ...

    async def absorb(self, packed: bytes) -> None:
        """Write whole cases whose rows another process has made."""
        ...

    async def begin_anew(self) -> None:
        """From now on what is written stands beside what is shown, which stays as it is, until end_anew()."""
        ...

    async def end_anew(self, *, whole: bool) -> None:
        """Show what was written since begin_anew() in place of what was, at once; or, unless it is `whole`, forget it.
        A process that ends before has forgotten it."""
        ...

    async def empty(self) -> bool:
        """No case is held: nothing was written yet, or the file was deleted or is of another schema."""
        ...


@dataclass(frozen=True)
class Part:
    """One service in this process."""

    name: Service
    handling: Handling
    consumers: Sequence[Consumer]
    routers: Mapping[str, APIRouter] = field(default_factory=dict)
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    """Background loops, cancelled at stop: the ticker."""
    close: Callable[[], Awaitable[None]] | None = None
    ticker: Any = None
    facts: Kept | None = None
    teller: Any = None
    """What tells platforms. Whoever else tells them in this process uses the same, so that the two do not race each other."""
