"""A consumer that derives the rows of one stream from all of its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar

from shared.consumers.consumer import CaseConsumer
from shared.consumers.projection import FAULTS
from shared.eventstore.commit import Commit
from shared.eventstore.read_models import ReadModel, Row
from shared.eventstore.recorded_event import RecordedEvent


class StreamRowsConsumer(CaseConsumer):
    """Writes the rows of the streams that moved. A stream whose rows cannot be derived is parked; the others go on."""

    prefix: ClassVar[str]
    """Of the streams that it reads."""
    view: ClassVar[ReadModel]

    def rows_of(self, stream: str, events: Sequence[RecordedEvent]) -> list[Row]:
        """The rows of a stream, from all of its events."""
        raise NotImplementedError

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the subscription pauses and delivers the batch again."""
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(self.prefix):
                by_stream[commit.stream].append(commit)
        stopped = {mark.stream for mark in await self.views.parked(self.group)} if by_stream else set()
        await self.handle({stream: own for stream, own in by_stream.items() if stream not in stopped})
        self.handled += len(commits)

    async def handle(self, ready: Mapping[str, list[Commit]]) -> None:
        """Write the rows of these streams. `ready`: stream -> its commits."""
        rows: list[Row] = []
        whole = await self.log.load_many(ready) if ready else {}
        for stream, own in ready.items():
            try:
                commits = (
                    whole[stream] if stream in whole else await self.log.load(stream)
                )  # which says what is damaged
                rows += self.rows_of(stream, [event for commit in commits for event in commit.recorded])
            except FAULTS as error:
                await self.parked.park(own[0], error)
        if rows:
            await self.views.write({self.view.name: rows})
