"""The events of a case that an answer needs: a page of them, or all without the nudges. What it costs does not grow with the rest.

Events are decoded in pieces, between which other requests go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

from shared.case import STREAM, Case
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent

_PIECE = 100
"""Commits that are decoded at a time: about 2 ms."""
_GAPS = 16
"""Stretches between nudges that are read one by one; of more, the whole stream is read."""


async def decoded(commits: Iterable[Commit]) -> list[RecordedEvent]:
    """The events of these commits. Raises Damaged."""
    events: list[RecordedEvent] = []
    for number, commit in enumerate(commits, 1):
        events += commit.recorded
        if number % _PIECE == 0:
            await asyncio.sleep(0)
    return events


async def all_events(log: EventStore, case_id: str) -> list[RecordedEvent]:
    """Every event of the case. Raises Damaged."""
    return await decoded(await log.load(STREAM + case_id))


async def page_before(
    log: EventStore, case: Case, before: int | None, most: int, hidden: Collection[str] = ()
) -> list[RecordedEvent]:
    """The last `most` events before version `before` (None: at the end of the case), without the types in `hidden`."""
    found: list[RecordedEvent] = []
    until = case.version if before is None else min(before - 1, case.version)
    while until > 0 and len(found) < most:
        start = max(0, until - most)
        events = await decoded(await log.load(STREAM + case.id, after=start, limit=until - start))
        found[:0] = [event for event in events if start < event.version <= until and event.type not in hidden]
        until = start
    return found[-most:]


async def at_versions(log: EventStore, case: Case, versions: Iterable[int]) -> list[RecordedEvent]:
    """The events of the case with these versions, in their order."""
    found: dict[int, RecordedEvent] = {}
    wanted = sorted(set(versions))
    for version in wanted:
        if version not in found:
            commits = await log.load(STREAM + case.id, after=version - 1, limit=1)
            found |= {event.version: event for event in await decoded(commits)}
    return [found[version] for version in wanted if version in found]


async def without_nudges(log: EventStore, case: Case) -> list[RecordedEvent]:
    """Every event of the case outside the runs of nudges (`Supervision.nudge_runs`)."""
    runs = case.supervision.nudge_runs
    gaps = _between(runs, case.version)
    if len(gaps) > _GAPS:
        commits: Sequence[Commit] = await log.load(STREAM + case.id)
    else:
        commits = [
            commit
            for first, last in gaps
            for commit in await log.load(STREAM + case.id, after=first - 1, limit=last - first + 1)
        ]
    nudges = {version for first, last in runs for version in range(first, last + 1)}
    wanted = {(commit.first, commit.last): commit for commit in commits if not nudges.issuperset(_versions(commit))}
    return [event for event in await decoded(wanted.values()) if event.version not in nudges]


def _versions(commit: Commit) -> range:
    return range(commit.first, commit.last + 1)


def _between(runs: Sequence[tuple[int, int]], version: int) -> list[tuple[int, int]]:
    """The stretches of versions up to `version` that are in no run.

    >>> _between([(3, 5), (8, 8)], 9)
    [(1, 2), (6, 7), (9, 9)]
    """
    firsts, lasts = [1, *(last + 1 for _first, last in runs)], [*(first - 1 for first, _last in runs), version]
    return [(first, last) for first, last in zip(firsts, lasts, strict=True) if first <= last]
