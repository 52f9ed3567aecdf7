"""Wiring of supervision, nothing else."""

from __future__ import annotations

from services.supervision import domain, escalation
from services.supervision.slots import LEASES
from services.supervision.ticker import Ticker
from services.supervision.views import SHOWS
from shared.part import Part, Ports

__all__ = ["build", "domain", "escalation"]


def build(ports: Ports) -> Part:
    """Supervision on these ports."""
    handling = ports.handling("supervision")
    consumer = ports.consumer(
        "supervision",
        shows=SHOWS,
        gather=0.05,
    )
    for show in SHOWS:
        ports.views.declare(show.view)
    ports.views.declare(LEASES)
    ticker = Ticker(handling, ports.views)
    return Part("supervision", handling, (consumer,), tasks=(ticker.run,), ticker=ticker)
