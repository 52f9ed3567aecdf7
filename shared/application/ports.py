"""The adapters of a process, and the objects that are built on them for each service."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shared.application.file_uploads import FileUploads
from shared.application.outbound_http import OutboundHttp
from shared.application.persons import Persons
from shared.commands.command_handler import CommandHandler
from shared.consumers.consumer import CaseConsumer
from shared.events.fields import Service
from shared.eventstore.blobs import Blobs
from shared.eventstore.candidates import CandidateIndex
from shared.eventstore.event_store import EventStore
from shared.eventstore.key_store import KeyStore
from shared.eventstore.read_models import Checkpoints, ReadModelStore
from shared.eventstore.subscription import Subscriptions
from shared.eventstore.uploads import UploadStore
from shared.kernel.clock import Clock
from shared.kernel.file_ciphers import FileCipher
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository


@dataclass(frozen=True)
class Ports:
    """The adapters of this process. Services depend on the ports only."""

    log: EventStore
    feed: Subscriptions
    views: ReadModelStore
    keys: KeyStore
    clock: Clock
    cases: CaseRepository
    policies: PolicyRepository
    blobs: Blobs
    uploads: UploadStore
    candidates: CandidateIndex | None = None
    """Index of filings of the same matter; None where nobody asks for them."""
    facts_path: str | None = None
    """Path of the DuckDB file of analytics; None keeps the facts in memory."""
    file_cipher: FileCipher = "AES-256-GCM"
    """The cipher of new files."""
    alone: bool = True
    """No other process has the same stores."""
    checkpoints: Checkpoints | None = None
    """Set if the consumers' positions are dropped together with the views; None if the feed keeps them itself."""
    outbound: OutboundHttp | None = None
    """Requests to servers of others; None in a process that sends none."""
    persons: Persons = field(init=False, repr=False, compare=False)
    _handlings: dict[Service, CommandHandler] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.policies.keep_time(self.clock)
        object.__setattr__(self, "persons", Persons(self.log, self.keys, self.clock))

    @cached_property
    def files(self) -> FileUploads:
        """Files on their way in, and their content."""
        return FileUploads(self.blobs, self.uploads, self.keys, self.clock, cipher=self.file_cipher, alone=self.alone)

    def handling(self, service: Service) -> CommandHandler:
        """The command handler of `service`, whether or not its consumers run in this process."""
        if service not in self._handlings:
            self._handlings[service] = CommandHandler(
                service, self.log, self.keys, self.clock, self.cases, self.policies, self.feed.publish
            )
        return self._handlings[service]

    def consumer(self, group: str, **more: Any) -> CaseConsumer:
        """The consumer of this group on these ports; `more`: its projections, reactions and sink (see CaseConsumer)."""
        return CaseConsumer(group, self.log, self.views, self.cases, self.policies, self.clock, **more)
