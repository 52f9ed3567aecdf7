"""Wiring of routing, nothing else."""

from __future__ import annotations

import services.routing.commands  # noqa: F401  # registers the commands
from services.routing.http import desk
from services.routing.http import organisation_inbox as organisations
from services.routing.organisation_notifications import OrganisationNotifications
from services.routing.reactions import reactions
from services.routing.topics.assignments import ACTIONS, route
from services.routing.topics.commands import PartnerCommands
from shared.application.ports import Ports
from shared.hosting.service_module import ServiceModule
from shared.kernel.settings import Settings
from shared.messaging.partner_topics import PartnerTopics


def build(ports: Ports, settings: Settings) -> ServiceModule:
    """Routing on these ports."""
    handling = ports.handling("routing")
    outboxes = OrganisationNotifications(handling)
    consumer = ports.consumer("routing", reactions=reactions(handling, outboxes))
    return ServiceModule(
        "routing",
        (consumer,),
        lambda runtime: [organisations.router(runtime), desk.router(runtime)],
        partners=PartnerTopics(
            ACTIONS, "routing.actions", route(ports), lambda: PartnerCommands(ports, settings.body_limit, outboxes)
        ),
    )
