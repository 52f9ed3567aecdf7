"""The parts of a service. `services.*.bootstrap.build(ports, settings)` creates one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter

from shared.consumers.consumer import CaseConsumer
from shared.events.fields import Service
from shared.eventstore.candidates import CandidateIndex
from shared.messaging.gateway import GatewayFigures
from shared.messaging.partner_topics import PartnerTopics
from shared.messaging.webhooks.sender import WebhookSender

if TYPE_CHECKING:
    from shared.hosting.process import Process


class FactStore(Protocol):
    """Derived rows outside the read models: the facts of analytics."""

    @property
    def tables(self) -> Sequence[str]: ...

    def columns(self, table: Any) -> Sequence[str]:
        """The columns of that table, in order."""
        ...

    def rows(self, table: Any) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """Every row in canonical order."""
        ...

    async def absorb(self, packed: bytes) -> None:
        """Write whole cases whose rows another process has computed."""
        ...

    async def begin_anew(self) -> None:
        """From now on, write to a copy next to the facts that are shown, which do not change until end_anew()."""
        ...

    async def end_anew(self, *, whole: bool) -> None:
        """Replace the facts in one step by those written since begin_anew(); discard these unless they are `whole`. They are also
        discarded when the process ends before."""
        ...

    async def empty(self) -> bool:
        """True if there is no case: nothing was written yet, or the file was deleted or has another schema."""
        ...

    async def close(self) -> None: ...


class SchedulerState(Protocol):
    """The loop that records due deadlines, as seen by its operators."""

    fired: int
    """Number of cases for which a due deadline was recorded."""

    def leases(self) -> int:
        """Number of slots of the due index that this process holds."""
        ...

    async def run(self) -> None: ...


class Sender(Protocol):
    """A loop that sends messages to the outside."""

    async def run(self) -> None: ...

    async def figures(self) -> Mapping[str, GatewayFigures]:
        """Channel -> its figures."""
        ...

    async def by_hand(self) -> int:
        """The number of messages that wait for a letter or a call."""
        ...


def _no_routers(_runtime: Process) -> Sequence[APIRouter]:
    return ()


@dataclass(frozen=True)
class ServiceModule:
    """One service in this process. Created by the bootstrap of the service."""

    name: Service
    consumers: Sequence[CaseConsumer]
    case_routers: Callable[[Process], Sequence[APIRouter]] = _no_routers
    """Routes that read or change cases. Every process that changes cases serves them, for all services."""
    routers: Callable[[Process], Sequence[APIRouter]] = _no_routers
    """Further routes, served only by a process that runs this service's consumers."""
    partners: PartnerTopics | None = None
    """Topics of organisations or platforms that this service reads and writes."""
    ticker: SchedulerState | None = None
    """The background loop that records due deadlines."""
    facts: FactStore | None = None
    index: tuple[str, CandidateIndex] | None = None
    """The index of candidates, and the consumer group that feeds it: all of the log again while it is empty."""
    webhooks: WebhookSender | None = None
    """Sends the entries of the service's streams to webhooks."""
    senders: Sequence[Sender] = ()
    """Further loops that send something to the outside."""
