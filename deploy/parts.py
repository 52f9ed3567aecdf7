"""The four services on one set of ports: the same for every way to run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from services.analytics import app as analytics
from services.intake import app as intake
from services.intake.domain import FileCase
from services.intake.filing import file_case
from services.intake.history import record_batch
from services.intake.items import understood
from services.routing import app as routing
from services.supervision import app as supervision
from shared.access import Principal
from shared.events.base import Service
from shared.history import HistoryItem, ItemResult
from shared.operations.rebuild_readers import Spread
from shared.part import Ports
from shared.principals import Principals
from shared.runtime import Filing, Receipt, Runtime
from shared.settings import Settings

SERVICES: tuple[Service, ...] = ("intake", "routing", "supervision", "analytics")


def compose(
    settings: Settings,
    ports: Ports,
    *,
    folder: Path | None = None,
    back_up: Callable[[Path], Awaitable[dict[str, Any]]] | None = None,
    spread: Spread | None = None,
    services: Collection[Service] = SERVICES,
    loops: Sequence[Callable[[], Awaitable[None]]] = (),
) -> Runtime:
    """A runtime on these ports; not started yet. Of the `services` the consumers, tickers and facts run here; what the others
    append to a case can be appended here, too."""
    every = [
        intake.build(ports, settings.candidate_days),
        routing.build(ports),
        supervision.build(ports),
        analytics.build(ports),
    ]
    hands = {part.name: part.handling for part in every}
    parts = [part for part in every if part.name in services]
    beside = [part for part in every if part.name not in services]

    async def file(principal: Principal, command: Any, jurisdiction: str, correlation: str | None = None) -> Receipt:
        return await file_case(hands["intake"], principal, command, jurisdiction, correlation)

    async def record(principal: Principal, items: Sequence[HistoryItem], jurisdiction: str) -> list[ItemResult]:
        return await record_batch(items, hands, principal=principal, jurisdiction=jurisdiction)

    return Runtime(
        settings=settings,
        ports=ports,
        parts=parts,
        beside=beside,
        principals=Principals(ports.log, ports.clock),
        filing=Filing(FileCase, file, understood),
        record_history=record,
        folder=folder,
        back_up=back_up,
        spread=spread,
        hands=hands,
        loops=loops,
    )
