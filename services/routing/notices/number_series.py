"""Series of numbers: one stream per jurisdiction, office, kind and year, whose version is the number. The version of a stream
has no gaps."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.events.notices import NoticeNumbered
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore

PREFIX = "notices/"
_REMEMBERED = 1_000


class Series(NamedTuple):
    """The numbers of one office, kind and year."""

    jurisdiction: str
    office: str
    kind: str
    year: int

    @property
    def stream(self) -> str:
        return f"{PREFIX}{self.jurisdiction}/{self.office}/{self.kind}/{self.year}"

    @staticmethod
    def of_stream(stream: str) -> Series:
        """The series of a stream; an office may contain a slash, the other parts do not."""
        jurisdiction, _, rest = stream.removeprefix(PREFIX).partition("/")
        office, kind, year = rest.rsplit("/", 2)
        return Series(jurisdiction, office, kind, int(year))


class Numbering:
    """Gives numbers. Use one per process: it writes each series in turn, so that only other processes can cause a conflict."""

    def __init__(self, handling: CommandHandler) -> None:
        self._handling = handling
        self._known: OrderedDict[Series, tuple[asyncio.Lock, Commit | None]] = OrderedDict()

    async def give(
        self, series: Series, stamp: EventMetadata, body: Callable[[int], NoticeNumbered]
    ) -> tuple[Commit, bool]:
        """Append the notice under the next number, once per cause. Returns its commit, and whether it was there already."""
        lock, _end = self._known.setdefault(series, (asyncio.Lock(), None))
        async with lock:
            last = self._known.get(series, (lock, None))[1]
            commit, repeated = await self._handling.append(
                series.stream, stamp, lambda head: [NewEvent(body(head.version + 1))], last
            )
            if last is None or commit.last > last.last:
                self._known[series] = (lock, commit)
            self._known.move_to_end(series)
            while len(self._known) > _REMEMBERED:
                oldest, (held, _commit) = next(iter(self._known.items()))
                if held.locked():
                    break
                del self._known[oldest]
        return commit, repeated


async def first_since(log: EventStore, stream: str, end: int, since: datetime) -> int:
    """The first version of the stream that was recorded at `since` or later; `end` + 1 if there is none. The times of a stream
    rise, so a few reads find it."""
    low, high = 1, end + 1
    while low < high:
        middle = (low + high) // 2
        commits = await log.load(stream, after=middle - 1, limit=1)
        if commits and commits[0].recorded_at < since:
            low = commits[0].last + 1
        else:
            high = middle
    return low
