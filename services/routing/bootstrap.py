"""Wiring of routing, nothing else."""

from __future__ import annotations

import services.routing.commands  # noqa: F401  # registers the commands
from services.routing.http import notices
from services.routing.http import organisation_inbox as organisations
from services.routing.notices.document_store import DocumentStore
from services.routing.notices.issuing import Issuing
from services.routing.notices.number_consumer import GROUP, NumberConsumer
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
    issuing = Issuing(ports, DocumentStore(ports.blobs, ports.files, ports.file_cipher))
    numbers = NumberConsumer(
        GROUP, ports.log, ports.views, ports.cases, ports.policies, ports.clock, complete=issuing.complete
    )
    return ServiceModule(
        "routing",
        (consumer, numbers),
        lambda runtime: [organisations.router(runtime), notices.router(runtime, issuing)],
        partners=PartnerTopics(
            ACTIONS, "routing.actions", route(ports), lambda: PartnerCommands(ports, settings.body_limit, outboxes)
        ),
    )
