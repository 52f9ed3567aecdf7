"""The streams that a consumer group has stopped at."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from shared.eventstore.commit import Commit
from shared.eventstore.read_models import Parked, ReadModelStore
from shared.kernel.clock import Clock
from shared.kernel.clock_trust import CLOCK_WRONG
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Refused

PASSING = frozenset({"busy", "clock_behind", CLOCK_WRONG})
"""Codes of refusals whose reason passes by itself."""
REQUESTED, TAKEN = "redrive:", "redriving:"
"""Prefixes of the reason of a mark whose redrive was requested in a process that does not run its consumer, and of one that a
process of its consumer redrives now."""
log = structlog.get_logger("consumer")


@dataclass
class ParkedStreams:
    """Parks the streams of one consumer group, and lists them."""

    group: str
    views: ReadModelStore
    clock: Clock
    failed: set[str] = field(default_factory=set)
    """Streams that this process parked; a redrive checks whether its stream was parked again."""

    async def park(self, commit: Commit, error: Exception) -> None:
        """Stop at `commit` of its stream because of `error`. The first mark of a stream stays."""
        stream = commit.stream
        code = error.code if isinstance(error, Refused) else type(error).__name__
        self.failed.add(stream)
        log.error("case_parked", group=self.group, stream=stream, version=commit.first, reason=code)
        since = to_text(self.clock.now())
        await self.views.park(Parked(self.group, stream, commit.first, code, since, b"\n".join(commit.events)))

    async def version(self, stream: str) -> int | None:
        """The version that the stream was parked at; None if it is not parked."""
        marks = await self.views.parked(self.group, stream)
        return marks[0].version if marks else None

    async def take(self, mark: Parked) -> Parked | None:
        """The mark, where it has to be redriven: it was parked for a temporary reason, or its redrive was requested,
        and no other process took that request."""
        if not mark.reason.startswith(REQUESTED):
            return mark if mark.reason in PASSING else None
        taken = TAKEN + plain(mark)
        return mark._replace(reason=taken) if await self.views.restate(mark, taken) else None


def plain(mark: Parked) -> str:
    """The reason for which the stream was parked, without the state of a redrive."""
    return mark.reason.rpartition(":")[2]
