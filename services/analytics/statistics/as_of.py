"""Facts as of an earlier day, rebuilt from the log up to that day. Exact by construction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from services.analytics.fact_rows import Snapshot
from services.analytics.fact_store.store import Facts
from services.analytics.fact_store.visibility import EVERYTHING, Visibility
from shared.case import STREAM, cut, fold
from shared.deadlines.derivation import deadlines
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime, instant_of
from shared.policy.book import PolicyBook
from shared.repositories.policy_repository import STREAM as POLICY
from shared.repositories.policy_repository import PolicyRepository

BATCH = 1000


async def facts_as_of(
    log: EventStore,
    policies: PolicyRepository,
    when: LegalTime,
    known_at: LegalTime | None = None,
    *,
    visibility: Visibility = EVERYTHING,
) -> Facts:
    """Facts in memory of what was true by `when` and known by `known_at`. The caller closes them.

    The policy is the one known then, so that a later change of a clock does not change the answer for that day.

    Args:
        known_at: None means `when`.
        visibility: the cases that count now, whatever was known then.
    """
    known = known_at if known_at is not None else when
    facts = Facts()
    await facts.start()
    books: dict[str, PolicyBook] = {}
    snapshots: list[Snapshot] = []
    try:
        async for stream in _streams(log):
            jurisdiction = stream[0].jurisdiction
            if jurisdiction not in books:
                books[jurisdiction] = await _book(log, policies, jurisdiction, known)
            book = books[jurisdiction]
            if visibility.hides(fold(stream)):
                continue
            kept = cut(stream, book.zone, as_of=when, known_at=known)
            case = fold(kept)
            if not case.exists or not case.state:
                continue
            snapshots.append(Snapshot(case, deadlines(case, book), book.zone))
            if len(snapshots) >= BATCH:
                await facts.write(snapshots)
                snapshots = []
        await facts.write(snapshots)
    except BaseException:
        await facts.close()
        raise
    return facts


async def _streams(log: EventStore) -> AsyncIterator[Sequence[RecordedEvent]]:
    """The events of each case in turn; a scan delivers the commits of a stream together."""
    stream: list[RecordedEvent] = []
    async for commits in log.scan(STREAM):
        for commit in commits:
            if stream and stream[0].stream != commit.stream:
                yield stream
                stream = []
            stream.extend(commit.recorded)
    if stream:
        yield stream


async def _book(log: EventStore, policies: PolicyRepository, jurisdiction: str, known_at: LegalTime) -> PolicyBook:
    """The policy book as known then; the present one if the policy was loaded later than the cases (a first import)."""
    present = await policies.book(jurisdiction)
    known = instant_of(known_at, present.zone)
    events = [event for commit in await log.load(POLICY + jurisdiction) for event in commit.recorded]
    kept = [event for event in events if event.recorded_at <= known]
    if len(kept) == len(events):
        return present
    book = PolicyBook.of(kept)
    return book if book.settings is not None else present
