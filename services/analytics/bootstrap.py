"""Wiring of analytics, nothing else."""

from __future__ import annotations

from services.analytics.fact_projection import fact_projection
from services.analytics.fact_store.store import FactLimits, Facts
from services.analytics.http import router
from shared.application.ports import Ports
from shared.hosting.service_module import ServiceModule
from shared.kernel.settings import Settings


def build(ports: Ports, settings: Settings) -> ServiceModule:
    """Analytics on these ports. The file of facts is opened by the first use."""
    facts = Facts(ports.facts_path, FactLimits(settings.facts_memory, settings.facts_threads))
    consumer = ports.consumer(
        "analytics",
        sink=fact_projection(facts, ports.log, ports.policies),
        gather=0.5,
    )
    return ServiceModule("analytics", (consumer,), routers=lambda _runtime: [router(ports, facts)], facts=facts)
