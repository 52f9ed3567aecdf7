"""Wiring of intake, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import APIRouter

import services.intake.commands  # noqa: F401  # registers the commands
from services.intake import missed_calls
from services.intake.candidate_index import GROUP, feeding
from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.files.inspector import Inspector
from services.intake.files.reception import FileReception
from services.intake.http import (
    calls,
    files,
    history,
    me,
    messages,
    platforms,
    public_filing,
    receipts,
    sessions,
    submissions,
    telephone,
    words,
)
from services.intake.http import channel_items as channels
from services.intake.http import citizen_commands as citizens
from services.intake.http import citizen_documents as documents
from services.intake.http import citizen_status as status
from services.intake.http.candidates import router as candidates
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
from shared.application.virus_scanner import VirusScanner
from shared.consumers.reaction import Trigger
from shared.consumers.reaction_table import ReactionTable
from shared.events.intake import PartyErased
from shared.hosting.process import Process
from shared.hosting.service_module import ServiceModule
from shared.http.commands import Commands
from shared.kernel.settings import Settings
from shared.messaging.gateway import Gateway
from shared.messaging.partner_topics import PartnerTopics
from shared.messaging.webhooks.endpoints import WebhookEndpoints
from shared.messaging.webhooks.sender import WebhookSender
from shared.operations.erasure import erase_party

NO_GATEWAYS: Mapping[str, Gateway] = MappingProxyType({})


def build(
    ports: Ports,
    settings: Settings,
    endpoints: WebhookEndpoints | None = None,
    gateways: Mapping[str, Gateway] = NO_GATEWAYS,
    scanner: VirusScanner | None = None,
) -> ServiceModule:
    """Intake on these ports. `gateways`: channel -> gateway; without any, no messages are requested. `scanner`: None checks files
    by their structure only."""
    handling = ports.handling("intake")
    updates = PlatformNotifications(handling)
    reactions = ReactionTable()
    tell_platforms(reactions, updates)
    react(reactions, ports)
    reactions.on(PartyErased, do=lambda turn, body: _erased(ports, turn, body))
    ports.views.declare(OUTGOING)
    senders: list[MessageSender] = []
    if gateways:
        request_messages(reactions, handling, ports.views)
        link = f"{settings.public_url.rstrip('/')}/track" if settings.public_url is not None else None
        senders.append(MessageSender(ports, gateways, link=link))
    reception = FileReception(ports.files, Inspector(), scanner)
    jurisdictions = ChannelJurisdictions(ports.policies, settings.jurisdiction)

    def case_routers(runtime: Process) -> list[APIRouter]:
        askers, commands = status.StatusReaders(runtime), Commands(runtime)
        return [
            submissions.router(runtime, jurisdictions),
            channels.router(runtime, jurisdictions),
            public_filing.router(runtime),
            sessions.router(runtime),
            me.router(runtime),
            words.router(runtime),
            status.router(runtime, askers),
            documents.router(runtime, askers),
            citizens.router(runtime, commands, askers),
            receipts.router(runtime, askers),
            telephone.router(runtime),
            calls.router(runtime),
            platforms.router(runtime),
            history.router(runtime),
            messages.router(runtime),
            files.router(runtime, reception, askers),
        ]

    def answering() -> PlatformSubmissions:
        letters = EncryptedRecords.of(settings.intake_key) if settings.intake_key is not None else None
        return PlatformSubmissions(ports, settings.body_limit, updates, jurisdictions, letters)

    entries = route(ports)
    consumers = [ports.consumer("intake", shows=SHOWS, gather=0.05, reactions=reactions)]
    if ports.candidates is not None:
        feed = feeding(ports, ports.candidates, settings.candidate_days)
        consumers.append(ports.consumer(GROUP, sink=feed, gather=0.5, lawful=False))
    ports.views.declare(missed_calls.VIEW)
    consumers.append(
        missed_calls.CallConsumer(missed_calls.GROUP, ports.log, ports.views, ports.cases, ports.policies, ports.clock)
    )
    for show in SHOWS:
        ports.views.declare(show.view)
    return ServiceModule(
        "intake",
        tuple(consumers),
        case_routers,
        lambda runtime: [candidates(runtime)],
        PartnerTopics(SUBMISSIONS, "intake.submissions", entries, answering),
        webhooks=WebhookSender(ports, endpoints or WebhookEndpoints(ports), entries, "platform", updates.tell_disabled),
        senders=senders,
        index=(GROUP, ports.candidates) if ports.candidates is not None else None,
    )


async def _erased(ports: Ports, turn: Trigger, body: PartyErased) -> None:
    """Destroy the keys. Repeated, it finds none."""
    await erase_party(ports, turn.case.id, body.party)
