"""What a service consists of (`Part`) and what it is given (`Ports`): `services.*.app.build(ports)` makes a part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter

from shared.commands.command_handler import Handling
from shared.consumers.consumer import Consumer
from shared.events.fields import Service
from shared.eventstore.event_store import Log
from shared.eventstore.key_store import Keys
from shared.eventstore.read_models import Checkpoints, Views
from shared.eventstore.subscription import Feed
from shared.kernel.clock import Clock
from shared.messaging.partner_topics import PartnerTopics
from shared.repositories.case_repository import Cases
from shared.repositories.policy_repository import Policies

if TYPE_CHECKING:
    from shared.hosting.process import Runtime


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
    _handlings: dict[Service, Handling] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.policies.keep_time(self.clock)

    def handling(self, service: Service) -> Handling:
        """What appends the events of `service`, whether or not its consumers run in this process."""
        if service not in self._handlings:
            self._handlings[service] = Handling(
                service, self.log, self.keys, self.clock, self.cases, self.policies, self.feed.publish
            )
        return self._handlings[service]

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

    async def close(self) -> None: ...


class Ticking(Protocol):
    """What records due deadlines, as operations watches and steers it."""

    @property
    def paused(self) -> str | None:
        """Why no deadline fires; None while deadlines fire."""
        ...

    @property
    def jumps(self) -> int:
        """Pauses since the start."""
        ...

    @property
    def fired(self) -> int:
        """Cases of which something due was recorded."""
        ...

    def leases(self) -> int:
        """Slots of the due index that this process holds."""
        ...

    async def run(self) -> None: ...

    def accept_clock(self) -> None: ...


def _no_routers(_runtime: Runtime) -> Sequence[APIRouter]:
    return ()


@dataclass(frozen=True)
class Part:
    """One service in this process. Made by the service's bootstrap."""

    name: Service
    consumers: Sequence[Consumer]
    case_routers: Callable[[Runtime], Sequence[APIRouter]] = _no_routers
    """Routes that read or change cases. Every process that changes cases serves them, for all services."""
    routers: Callable[[Runtime], Sequence[APIRouter]] = _no_routers
    """Further routes, served only by a process that runs this service's consumers."""
    partners: PartnerTopics | None = None
    """Topics of organisations or platforms that this service reads and writes."""
    ticker: Ticking | None = None
    """The background loop that records due deadlines."""
    facts: Kept | None = None
