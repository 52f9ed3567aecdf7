"""Writes the rows of a jurisdiction again when its policy has changed although the cases have not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from shared.case import STREAM, Case
from shared.consumers.parked_streams import ParkedStreams
from shared.consumers.projection import FAULTS, BatchProjection, Projection, give
from shared.consumers.row_batch import RowBatch
from shared.events.policy import PolicyActivated
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModelStore
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import STREAM as POLICY
from shared.repositories.policy_repository import PolicyRepository

LAW = frozenset({"jurisdiction", "organisations", "subjects", "clocks", "calendar"})
"""Sections of a policy that rows depend on."""
log = structlog.get_logger("consumer")


@dataclass(frozen=True)
class PolicyRefresh:
    """The rows of one consumer group, as they depend on policies."""

    log: EventStore
    views: ReadModelStore
    cases: CaseRepository
    policies: PolicyRepository
    parked: ParkedStreams
    shows: Sequence[Projection]
    sink: BatchProjection | None

    async def run(self, commits: Sequence[Commit]) -> None:
        """Write the rows of the jurisdictions for which `commits` of policies activate a section that rows depend on.

        The policy's commit counts as handled only after that, so that a crash in between begins it again."""
        jurisdictions = {
            commit.stream.removeprefix(POLICY)
            for commit in commits
            if any(isinstance(event.body, PolicyActivated) and event.body.section in LAW for event in commit.recorded)
        }
        if not jurisdictions:
            return
        stopped = {mark.stream for mark in await self.views.parked(self.parked.group)}
        async for heads in self.log.heads(STREAM, batch=500):
            rows, cases = RowBatch(self.shows, self.policies), list[Case]()
            for stream, head in heads:
                if stream in stopped:
                    continue
                try:
                    case, _head = await self.cases.get(stream.removeprefix(STREAM), at_least=head.version)
                    if case.jurisdiction in jurisdictions:
                        await rows.add(case)
                        cases.append(case)
                except FAULTS as error:  # it is parked when its own commits are handled
                    self._not_renewed(stream, error)
            await rows.write(self.views, renew=True)
            if self.sink is not None and cases:
                for case, why in await give(self.sink, cases, {}):
                    self._not_renewed(case.stream, why)

    def _not_renewed(self, stream: str, error: Exception) -> None:
        log.error("row_not_renewed", group=self.parked.group, stream=stream, error=type(error).__name__)
