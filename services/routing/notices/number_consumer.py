"""The consumer of numbers: it completes the notice of each, a few at the same time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.routing.notices.number_series import PREFIX
from shared.consumers.consumer import CaseConsumer
from shared.consumers.parked_streams import PASSING
from shared.consumers.reaction_runner import ATTEMPTS
from shared.events.notices import NoticeNumbered
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken, StoreFull, StoreUnavailable
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.clock_trust import CLOCK_WRONG
from shared.kernel.failpoints import failpoint
from shared.kernel.refusals import Unavailable

GROUP = "routing.notices"
_AT_ONCE = 8
"""Notices in work at the same time: enough that storing one and rendering another overlap."""
_WHOLE = (StoreFull, StoreBroken, StoreUnavailable)
"""Errors of the store: no notice is at fault, the batch is delivered again."""


@dataclass
class NumberConsumer(CaseConsumer):
    """The consumer group of the series of numbers. A notice that cannot be completed parks its series: what follows in it waits, so
    that no notice is skipped unseen."""

    complete: Callable[[RecordedEvent], Awaitable[None]] = field(kw_only=True)

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the subscription pauses and delivers the batch again."""
        self.policies.forget(commits)
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(PREFIX):
                by_stream[commit.stream].append(commit)
        stopped = {mark.stream for mark in await self.views.parked(self.group)} if by_stream else set()
        await self.handle({stream: own for stream, own in by_stream.items() if stream not in stopped})
        self.handled += len(commits)

    async def handle(self, ready: Mapping[str, list[Commit]]) -> None:
        """Complete the numbers of these commits. `ready`: stream -> its commits."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(commit: Commit) -> Exception | None:
            async with turn:
                return await self._commit(commit)

        for own in ready.values():
            ordered = sorted(own, key=lambda commit: commit.first)
            results = await asyncio.gather(*map(one, ordered))
            failed = next(
                ((commit, why) for commit, why in zip(ordered, results, strict=True) if why is not None), None
            )
            if failed is not None:
                await self.parked.park(*failed)

    async def _commit(self, commit: Commit) -> Exception | None:
        """Complete the numbers of a commit. Returns why that is not possible."""
        try:
            for event in commit.recorded:
                if isinstance(event.body, NoticeNumbered) and event.origin != "history":
                    failpoint("consumer.reacts", event.body.case)
                    await self._attempt(event)
        except _WHOLE:
            raise
        except Unavailable as error:
            if error.code == CLOCK_WRONG:
                raise
            return error
        except Exception as error:  # whatever one notice causes, it stops only its own series
            return error
        return None

    async def _attempt(self, event: RecordedEvent) -> None:
        for attempt in range(ATTEMPTS):
            try:
                await self.complete(event)
                return
            except Unavailable as error:
                if attempt == ATTEMPTS - 1 or error.code == CLOCK_WRONG or error.code not in PASSING:
                    raise
            await self.clock.sleep(0.05 * 2**attempt)
