"""Wiring of intake, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import APIRouter

import services.intake.commands  # noqa: F401  # registers the commands
from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.http import channel_items as channels
from services.intake.http import citizen_commands as citizens
from services.intake.http import citizen_documents as documents
from services.intake.http import citizen_status as status
from services.intake.http import history, messages, platforms, submissions
from services.intake.http.candidates import router as candidates
from services.intake.http.pages import routes as pages
from services.intake.messages.outgoing import OUTGOING
from services.intake.messages.requests import request_messages
from services.intake.messages.sender import MessageSender
from services.intake.platform_notifications import PlatformNotifications, tell_platforms
from services.intake.reactions import react
from services.intake.read_models import SHOWS
from services.intake.topics.encrypted_records import EncryptedRecords
from services.intake.topics.submissions import PlatformSubmissions
from services.intake.topics.updates import SUBMISSIONS, route
from shared.application.ports import Ports
from shared.consumers.reaction_table import ReactionTable
from shared.hosting.process import Process
from shared.hosting.service_module import ServiceModule
from shared.http.commands import Commands
from shared.kernel.settings import Settings
from shared.messaging.gateway import Gateway
from shared.messaging.partner_topics import PartnerTopics
from shared.messaging.webhooks.endpoints import WebhookEndpoints
from shared.messaging.webhooks.sender import WebhookSender

NO_GATEWAYS: Mapping[str, Gateway] = MappingProxyType({})


def build(
    ports: Ports,
    settings: Settings,
    endpoints: WebhookEndpoints | None = None,
    gateways: Mapping[str, Gateway] = NO_GATEWAYS,
) -> ServiceModule:
    """Intake on these ports. `gateways`: channel -> gateway; without any, no messages are requested."""
    handling = ports.handling("intake")
    updates = PlatformNotifications(handling)
    reactions = ReactionTable()
    tell_platforms(reactions, updates)
    react(reactions, handling, ports.views)
    ports.views.declare(OUTGOING)
    senders: list[MessageSender] = []
    if gateways:
        request_messages(reactions, handling, ports.views)
        link = f"{settings.public_url.rstrip('/')}/status" if settings.public_url is not None else None
        senders.append(MessageSender(ports, gateways, link=link))
    jurisdictions = ChannelJurisdictions(ports.policies, settings.jurisdiction)

    def case_routers(runtime: Process) -> list[APIRouter]:
        askers, commands = status.StatusReaders(runtime), Commands(runtime)
        return [
            submissions.router(runtime, jurisdictions),
            channels.router(runtime, jurisdictions),
            status.router(runtime, askers),
            documents.router(runtime, askers),
            citizens.router(runtime, commands, askers),
            pages.router(runtime, askers, commands),
            platforms.router(runtime),
            history.router(runtime),
            messages.router(runtime),
        ]

    def answering() -> PlatformSubmissions:
        letters = EncryptedRecords.of(settings.intake_key) if settings.intake_key is not None else None
        return PlatformSubmissions(ports, settings.body_limit, updates, jurisdictions, letters)

    entries = route(ports)
    consumer = ports.consumer("intake", shows=SHOWS, gather=0.05, reactions=reactions)
    for show in SHOWS:
        ports.views.declare(show.view)
    return ServiceModule(
        "intake",
        (consumer,),
        case_routers,
        lambda _runtime: [candidates(ports, settings.candidate_days)],
        PartnerTopics(SUBMISSIONS, "intake.submissions", entries, answering),
        webhooks=WebhookSender(ports, endpoints or WebhookEndpoints(ports), entries, "platform", updates.tell_disabled),
        senders=senders,
    )
