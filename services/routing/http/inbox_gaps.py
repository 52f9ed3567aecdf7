"""Positions of the inbox entries that a reader may not see, so that a page is found without reading all entries before it."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field

from shared.events.routing import OutboxEntry
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.organisation_inbox import STREAM

_KEPT = 200
"""Maximum number of inboxes, each for one kind of reader, whose gaps are remembered."""
_STEP = 1000
"""Entries that are read together."""


async def entries_of(log: EventStore, org: str, after: int, limit: int) -> list[RecordedEvent]:
    """The entries of an inbox after version `after`: the first `limit` commits of them."""
    commits = await log.load(STREAM + org, after=after, limit=limit)
    return [event for commit in commits for event in commit.recorded if event.version > after]


def case_of(event: RecordedEvent) -> str:
    """The id of the case of an entry."""
    assert isinstance(event.body, OutboxEntry)
    return event.body.case


@dataclass
class Gaps:
    """The versions of the entries that a reader may not see. The visible entries are numbered without them, because a gap in
    the numbers would reveal a hidden entry."""

    upto: int = 0
    """Version up to which the inbox has been examined."""
    versions: list[int] = field(default_factory=list)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def number(self, version: int) -> int:
        """The number of a visible entry for the reader."""
        return version - bisect_right(self.versions, version)

    def version(self, number: int) -> int:
        """The version of the entry that has this number for the reader; 0 for 0."""
        found = number
        for gap in self.versions:
            if gap > found:
                break
            found += 1
        return found


class AllGaps:
    """The gaps of the most recently read inboxes, by hidden cases. An inbox is read once; later calls read only its new
    entries."""

    def __init__(self, log: EventStore) -> None:
        self._log = log
        self._known: OrderedDict[tuple[str, frozenset[str]], Gaps] = OrderedDict()

    async def of(self, org: str, unseen: frozenset[str]) -> Gaps:
        """The gaps of this inbox for a reader that may not see the cases `unseen`."""
        known = self._known.setdefault((org, unseen), Gaps())
        self._known.move_to_end((org, unseen))
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        async with known.looking:
            while events := await entries_of(self._log, org, known.upto, _STEP):
                known.versions += [event.version for event in events if case_of(event) in unseen]
                known.upto = events[-1].version
        return known
