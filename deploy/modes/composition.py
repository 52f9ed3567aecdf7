"""The four services on one set of ports, the same in every mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from deploy.modes.outbound import gateways as configured
from services.analytics import bootstrap as analytics
from services.intake import bootstrap as intake
from services.routing import bootstrap as routing
from services.supervision import bootstrap as supervision
from shared.application.access_keys import AccessKeys
from shared.application.ports import Ports
from shared.application.sessions import Sessions
from shared.application.virus_scanner import VirusScanner
from shared.events.fields import Service
from shared.hosting.process import Process
from shared.hosting.worker_pool import WorkerPool
from shared.kernel.settings import Settings
from shared.messaging.gateway import Gateway
from shared.messaging.sender_lease import SENDERS
from shared.messaging.webhooks.endpoints import WebhookEndpoints
from shared.operations.blob_sweep import sweep_forever

SERVICES: tuple[Service, ...] = ("intake", "routing", "supervision", "analytics")


def scanner_of(settings: Settings) -> VirusScanner | None:
    """The virus scanner that the settings name."""
    if settings.clamd is None:
        return None
    from shared.adapters.clamd import Clamd, ClamdAddress

    return Clamd(ClamdAddress.parsed(settings.clamd))


def compose(
    settings: Settings,
    ports: Ports,
    *,
    folder: Path | None = None,
    back_up: Callable[[Path], Awaitable[dict[str, Any]]] | None = None,
    spread: WorkerPool | None = None,
    services: Collection[Service] = SERVICES,
    loops: Sequence[Callable[[], Awaitable[None]]] = (),
    gateways: Mapping[str, Gateway] | None = None,
) -> Process:
    """A process on these ports; not started yet. The consumers, tickers and facts of `services` run in it. It can also append
    the events of the other services. `gateways`: channel -> gateway; None: those of the settings."""
    endpoints = WebhookEndpoints(ports)
    made = gateways if gateways is not None else configured(settings, ports.outbound) if ports.outbound else {}
    ports.views.declare(SENDERS)
    every = [
        intake.build(ports, settings, endpoints, made, scanner_of(settings)),
        routing.build(ports, settings, endpoints),
        supervision.build(ports),
        analytics.build(ports, settings),
    ]
    ports.handling("routing").readings.limit = settings.read_limit
    process = Process(
        settings=settings,
        ports=ports,
        parts=[part for part in every if part.name in services],
        beside=[part for part in every if part.name not in services],
        principals=AccessKeys(ports.log, ports.clock),
        webhooks=endpoints,
        sessions=Sessions(ports.keys, ports.clock, ports.persons),
        folder=folder,
        back_up=back_up,
        spread=spread,
    )
    process.loops = (*loops, partial(sweep_forever, process))
    return process
