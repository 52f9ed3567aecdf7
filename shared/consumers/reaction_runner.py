"""Running the reactions of a consumer group: in order, a few attempts each; a stream that fails is parked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.case import Case
from shared.consumers.parked_streams import PASSING, ParkedStreams
from shared.consumers.reaction import Reaction, Step, Trigger
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken, StoreFull, StoreUnavailable
from shared.eventstore.recorded_event import NewerEvent
from shared.kernel.clock import Clock
from shared.kernel.failpoints import failpoint
from shared.kernel.refusals import Unavailable

ATTEMPTS = 4


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
        """What follows from these commits. Most batches hold no event that a service reacts to."""
        for commit in sorted(own, key=lambda one: one.first):
            for event in commit.recorded:
                if event.origin == "history" or isinstance(event.body, NewerEvent):
                    continue
                for reaction in self.reactions.get(event.type, ()):
                    turn = Trigger(case, event)
                    if reaction.when is None or reaction.when(turn, event.body):
                        yield Step(reaction, turn, commit)

    async def _react(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if not await self._attempt(step):
                return

    async def _attempt(self, step: Step) -> bool:
        """Try a reaction a few times; False when the case was parked. A case that is only unavailable now is parked too, so that
        one case never holds up the others; the process retries it by itself (redrive.py)."""
        for attempt in range(ATTEMPTS):
            try:
                failpoint("consumer.reacts", step.turn.case.id)
                await step.reaction.do(step.turn, step.turn.event.body)
            except (StoreFull, StoreBroken, StoreUnavailable):
                raise
            except Unavailable as error:
                if attempt == ATTEMPTS - 1 or error.code not in PASSING:
                    await self.parked.park(step.commit, error)
                    return False
                await self.clock.sleep(0.05 * 2**attempt)
            except Exception as error:  # whatever one record causes, it stops only its own case
                await self.parked.park(step.commit, error)
                return False
            else:
                return True
        return False
