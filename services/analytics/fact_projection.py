"""The batch projection of analytics: the deadlines of each case, then one write per batch."""

from __future__ import annotations

from collections.abc import Sequence

from services.analytics.fact_rows import Snapshot
from services.analytics.fact_store.store import Facts
from shared.case import Case
from shared.consumers.projection import BatchProjection
from shared.deadlines.derivation import deadlines
from shared.eventstore.recorded_event import RecordedEvent
from shared.repositories.policy_repository import PolicyRepository


def fact_projection(facts: Facts, policies: PolicyRepository) -> BatchProjection:
    """The projection that writes batches of cases and events to the facts."""

    async def project(cases: Sequence[Case], events: Sequence[RecordedEvent]) -> None:
        snapshots = []
        for case in cases:
            book = await policies.book(case.jurisdiction)
            snapshots.append(Snapshot(case, deadlines(case, book), book.zone))
        await facts.write(snapshots, renew=not events)

    return project
