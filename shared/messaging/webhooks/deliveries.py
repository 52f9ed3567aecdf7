"""The position of an endpoint, from the last event of its stream `deliveries/<id>`, and when the next attempt is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.application.outbound_http import OutboundAnswer
from shared.events import webhooks as w
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.kernel.legal_time import instant_of

STREAM = "deliveries/"
SCHEDULE = tuple(timedelta(seconds=one) for one in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""Waiting time after the first, second, … failed attempt: about 75 hours in all (Standard Webhooks 1.0). After the last attempt the
endpoint is disabled."""
JITTER = 0.1
"""At most this part is added to each waiting time, so that endpoints that failed together do not return together."""
THROTTLED = frozenset({429, 502, 503, 504})
"""Answers of a server that has too much to do."""
GONE = 410


class Standing(NamedTuple):
    """The position of an endpoint."""

    after: int
    """It has everything up to this entry."""
    attempt: int = 0
    next_at: datetime | None = None
    replay_from: int = 0
    replay_to: int = 0
    version: int = 0
    """Version of the stream that tells it."""

    @property
    def replays(self) -> bool:
        return 0 < self.replay_from <= self.replay_to

    @property
    def next(self) -> int:
        """The position before the next entry to be sent."""
        return self.replay_from - 1 if self.replays else self.after

    def taken(self, seq: int) -> Standing:
        """After the receiver took the entry at `seq`, or did not want its kind."""
        if self.replays:
            begin = seq + 1 if seq < self.replay_to else 0
            return self._replace(attempt=0, next_at=None, replay_from=begin, replay_to=self.replay_to if begin else 0)
        return self._replace(after=seq, attempt=0, next_at=None)

    def failed(self, answer: OutboundAnswer, now: datetime, chance: float) -> Standing:
        """After a failed attempt; `chance`: a random number from 0 to 1. Without `next_at` there is no further attempt."""
        if self.attempt >= len(SCHEDULE):
            return self._replace(attempt=self.attempt + 1, next_at=None)
        wait = SCHEDULE[self.attempt] * (1 + JITTER * chance)
        if answer.retry_after is not None:
            wait = max(wait, timedelta(seconds=answer.retry_after))
        if answer.status in THROTTLED:
            wait = max(wait, timedelta(seconds=30))
        return self._replace(attempt=self.attempt + 1, next_at=now + wait)

    def fields(self) -> dict[str, Any]:
        """The fields that every event of the stream has."""
        return {
            "after": self.after,
            "attempt": self.attempt,
            "next_at": self.next_at,
            "replay_from": self.replay_from,
            "replay_to": self.replay_to,
        }


async def standing(log: EventStore, webhook: str, after: int) -> Standing:
    """The position of the endpoint; `after` if nothing was sent yet."""
    last = await last_commit(log, STREAM + webhook)
    if last is None:
        return Standing(after)
    body: Any = last.recorded[-1].body
    assert isinstance(body, w.WebhookDelivered | w.WebhookFailed | w.WebhookReplayed | w.WebhookTested)
    next_at = None if body.next_at is None else instant_of(body.next_at, "UTC")
    return Standing(body.after, body.attempt, next_at, body.replay_from, body.replay_to, last.last)


async def last_commit(log: EventStore, stream: str) -> Commit | None:
    """The last commit of a stream. The cost does not grow with the stream."""
    async for heads in log.heads(stream, batch=1):
        found, head = heads[0]
        return (await log.load(stream, after=head.version - 1))[-1] if found == stream else None
    return None
