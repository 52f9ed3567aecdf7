"""Wiring of routing, nothing else."""

from __future__ import annotations

import services.routing.commands  # noqa: F401  # registers the commands
from services.routing.http import organisation_inbox as organisations
from services.routing.organisation_notifications import OrganisationNotifications
from services.routing.reactions import reactions
from services.routing.topics.assignments import ACTIONS, route
from services.routing.topics.commands import PartnerCommands
from shared.application.ports import Ports
from shared.hosting.service_module import ServiceModule
from shared.kernel.settings import Settings
from shared.messaging.partner_topics import PartnerTopics
from shared.messaging.webhooks.endpoints import WebhookEndpoints
from shared.messaging.webhooks.sender import WebhookSender


def build(ports: Ports, settings: Settings, endpoints: WebhookEndpoints | None = None) -> ServiceModule:
    """Routing on these ports."""
    handling = ports.handling("routing")
    outboxes = OrganisationNotifications(handling)
    entries = route(ports)
    consumer = ports.consumer("routing", reactions=reactions(handling, outboxes))
    return ServiceModule(
        "routing",
        (consumer,),
        lambda runtime: [organisations.router(runtime)],
        partners=PartnerTopics(
            ACTIONS, "routing.actions", entries, lambda: PartnerCommands(ports, settings.body_limit, outboxes)
        ),
        webhooks=WebhookSender(
            ports, endpoints or WebhookEndpoints(ports), entries, "organisation", outboxes.tell_disabled
        ),
    )
