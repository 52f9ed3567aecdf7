"""Running the reactions of a consumer group: in order, a few attempts each; a stream that fails is parked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from structlog.contextvars import bind_contextvars

from shared.case import Case
from shared.consumers.parked_streams import PASSING, ParkedStreams
from shared.consumers.reaction import Reaction, Trigger
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken, StoreFull, StoreUnavailable
from shared.kernel.clock import Clock
from shared.kernel.clock_trust import CLOCK_WRONG
from shared.kernel.failpoints import failpoint
from shared.kernel.refusals import Unavailable

ATTEMPTS = 4
Step = tuple[Reaction, Trigger, Commit]
"""A reaction to an event of the commit."""


@dataclass(frozen=True)
class ReactionRunner:
    """The reactions of one consumer group by event type."""

    reactions: Mapping[str, Sequence[Reaction]]
    parked: ParkedStreams
    clock: Clock

    async def run(self, cases: Iterable[tuple[Case, Sequence[Commit]]]) -> None:
        """React to the commits of each case; the cases at the same time, the steps of one case one after the other."""
        following = (list(self._following(case, own)) for case, own in cases)
        await asyncio.gather(*(self._react(steps) for steps in following if steps))

    def _following(self, case: Case, own: Sequence[Commit]) -> Iterator[Step]:
        """The reactions to these commits. Most batches hold no event that has one."""
        for commit in sorted(own, key=lambda one: one.first):
            for event in commit.recorded:
                if event.origin == "history":
                    continue
                for reaction in self.reactions.get(event.type, ()):
                    trigger = Trigger(case, event)
                    # An event of a newer version has another body.
                    if isinstance(event.body, reaction.kind) and reaction.when(trigger, event.body):
                        yield reaction, trigger, commit

    async def _react(self, steps: Iterable[Step]) -> None:
        """Run these reactions. The first one that fails parks its case, so that one case never delays the others. A case that
        is only unavailable now is parked too; the process retries it by itself (redrive.py)."""
        for reaction, trigger, commit in steps:
            bind_contextvars(case=trigger.case.number)
            try:
                await self._attempt(reaction, trigger)
            except (StoreFull, StoreBroken, StoreUnavailable):
                raise
            except Unavailable as error:
                if error.code == CLOCK_WRONG:  # no case is at fault: the batch is delivered again
                    raise
                await self.parked.park(commit, error)
                return
            except Exception as error:  # whatever one record causes, it stops only its own case
                await self.parked.park(commit, error)
                return

    async def _attempt(self, reaction: Reaction, trigger: Trigger) -> None:
        """Run a reaction, and retry it a few times if the reason of a refusal is temporary."""
        for attempt in range(ATTEMPTS):
            try:
                failpoint("consumer.reacts", trigger.case.id)
                await reaction.do(trigger, trigger.event.body)
                return
            except Unavailable as error:
                if attempt == ATTEMPTS - 1 or error.code == CLOCK_WRONG or error.code not in PASSING:
                    raise
            await self.clock.sleep(0.05 * 2**attempt)
