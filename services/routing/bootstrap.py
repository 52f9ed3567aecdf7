"""Wiring of routing, nothing else."""

from __future__ import annotations

import services.routing.commands  # noqa: F401  # registers the commands
from services.routing.draft_queues import GROUP as DRAFTS
from services.routing.draft_queues import VIEW, DraftConsumer
from services.routing.http import desk, knowledge, notices
from services.routing.http import organisation_inbox as organisations
from services.routing.matter_answers import MatterAnswers
from services.routing.notices.document_store import DocumentStore
from services.routing.notices.issuer import NoticeIssuer
from services.routing.notices.number_consumer import GROUP, NumberConsumer
from services.routing.organisation_notifications import OrganisationNotifications
from services.routing.reactions import reactions
from services.routing.topics.assignments import ACTIONS, route
from services.routing.topics.commands import PartnerCommands
from shared.application.ports import Ports
from shared.events.routing import FollowersAnswered, MatterAnswered
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
    issuing = NoticeIssuer(ports, DocumentStore(ports.blobs, ports.files, ports.file_cipher))
    table = reactions(handling, outboxes)
    answers = MatterAnswers(handling, ports.views, issuing)
    table.on(FollowersAnswered, do=answers.answer)
    table.on(MatterAnswered, do=answers.number)
    consumer = ports.consumer("routing", reactions=table)
    numbers = NumberConsumer(
        GROUP, ports.log, ports.views, ports.cases, ports.policies, ports.clock, complete=issuing.complete
    )
    ports.views.declare(VIEW)
    drafts = DraftConsumer(DRAFTS, ports.log, ports.views, ports.cases, ports.policies, ports.clock)
    return ServiceModule(
        "routing",
        (consumer, numbers, drafts),
        lambda runtime: [
            organisations.router(runtime),
            notices.router(runtime, issuing),
            desk.router(runtime),
            knowledge.router(runtime),
        ],
        partners=PartnerTopics(
            ACTIONS, "routing.actions", entries, lambda: PartnerCommands(ports, settings.body_limit, outboxes)
        ),
        webhooks=WebhookSender(
            ports, endpoints or WebhookEndpoints(ports), entries, "organisation", outboxes.tell_disabled
        ),
    )
