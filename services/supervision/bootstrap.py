"""Wiring of supervision, nothing else."""

from __future__ import annotations

from fastapi import APIRouter

import services.supervision.commands  # noqa: F401  # registers the commands
from services.supervision.deadline_scheduler import DeadlineScheduler
from services.supervision.http import calendars, cases, matters, policies
from services.supervision.leases import LEASES
from services.supervision.reactions import reactions
from services.supervision.read_models import SHOWS
from shared.application.ports import Ports
from shared.hosting.process import Process
from shared.hosting.service_module import ServiceModule


def build(ports: Ports) -> ServiceModule:
    """Supervision on these ports."""
    handling = ports.handling("supervision")
    consumer = ports.consumer(
        "supervision",
        shows=SHOWS,
        reactions=reactions(handling, ports.views),
        gather=0.2,
    )
    for show in SHOWS:
        ports.views.declare(show.view)
    ports.views.declare(LEASES)
    return ServiceModule("supervision", (consumer,), case_routers, ticker=DeadlineScheduler(handling, ports.views))


def case_routers(runtime: Process) -> list[APIRouter]:
    """The routes of cases, matters and policies. Those of cases come last: a reference may contain slashes."""
    return [policies.router(runtime), calendars.router(runtime), matters.router(runtime), cases.router(runtime)]
