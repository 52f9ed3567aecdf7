"""The batch projection of analytics: the deadlines of each case, then one write per batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from services.analytics.case_history import PolicyHistory, history, known_day
from services.analytics.fact_rows import Snapshot
from services.analytics.fact_store.store import Facts
from shared.case import Case
from shared.consumers.projection import BatchProjection
from shared.deadlines.derivation import deadlines
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.policy.book import PolicyBook
from shared.repositories.policy_repository import STREAM as POLICY
from shared.repositories.policy_repository import PolicyRepository

Held = tuple[int, date]
"""Version and first day of the present row of a case."""
NOTHING: Held = (0, date.min)


class PolicyHistories:
    """The policy histories of this process, each made again when the policy has changed."""

    def __init__(self, log: EventStore, policies: PolicyRepository) -> None:
        self._log = log
        self._policies = policies
        self._made: dict[str, PolicyHistory] = {}

    async def of(self, jurisdiction: str) -> PolicyHistory:
        book: PolicyBook = await self._policies.book(jurisdiction)
        found = self._made.get(jurisdiction)
        if found is None or found.present is not book:
            commits = await self._log.load(POLICY + jurisdiction)
            events = [event for commit in commits for event in commit.recorded]
            found = self._made[jurisdiction] = PolicyHistory.of(book, events)
        return found


def fact_projection(facts: Facts, log: EventStore, policies: PolicyRepository) -> BatchProjection:
    """The projection that writes batches of cases and events to the facts."""
    histories = PolicyHistories(log, policies)

    async def project(cases: Sequence[Case], events: Sequence[RecordedEvent]) -> None:
        came: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
        for event in events:
            came[event.stream].append(event)
        held = await facts.held([case.id for case in cases])
        present: list[Snapshot] = []
        past: dict[str, list[Snapshot]] = {}
        for case in cases:
            before, policy = held.get(case.id, NOTHING), await histories.of(case.jurisdiction)
            if case.version + (not events) <= before[0]:
                continue
            own = sorted(came[case.stream], key=lambda event: event.version)
            since = _begins(case, own, before, policy)
            if since is not None:
                book = policy.present
                present.append(Snapshot(case, deadlines(case, book), book.zone, since))
                continue
            if not own or own[0].version != 1 or own[-1].version != case.version or len(own) != case.version:
                own = [event for commit in await log.load(case.stream) for event in commit.recorded]
            *earlier, latest = history(own, policy)
            present.append(latest)
            past[case.id] = earlier
        await facts.write(present, past=past, renew=not events)

    return project


def _begins(case: Case, own: Sequence[RecordedEvent], held: Held, policy: PolicyHistory) -> date | None:
    """The day on which this snapshot follows the one that is held; None where the history of the case must be computed."""
    version, since = held
    if not own:  # the policy changed, and the case did not
        day = policy.changed
        previous = policy.days[-2] if len(policy.days) > 1 else None
        known = previous is not None and policy.always_known(min(since, previous))
        return day if version == case.version and since <= day and known else None
    days = {known_day(event, policy.present.zone) for event in own}
    day = max(days)
    follows = [event.version for event in own] == list(range(version + 1, case.version + 1))
    return day if follows and len(days) == 1 and max(since, policy.changed) <= day else None
