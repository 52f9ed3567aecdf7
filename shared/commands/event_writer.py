"""Writing decided events: seal, serialise once, chain, append, publish."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.case import STREAM
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.events.fields import Service
from shared.eventstore.commit import Commit, StreamHead
from shared.eventstore.event_store import EventStore
from shared.eventstore.field_encryption import obtain, parts_of, seal
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import Origin, RecordedEvent
from shared.kernel.clock import Clock
from shared.kernel.failpoints import failpoint
from shared.kernel.legal_time import LegalTime
from shared.kernel.refusals import Refused, Unavailable

CLOCK_TOLERANCE = timedelta(seconds=60)

Published = Callable[[Sequence[Commit]], Awaitable[None]]


class EventMetadata(NamedTuple):
    """What a new event records besides its body."""

    principal: Principal
    cause: str
    at: LegalTime | None = None
    """Legal time; None: now."""
    request: str | None = None
    correlation: str | None = None
    origin: Origin = "live"
    jurisdiction: str = ""
    policy: str | None = None


@dataclass(frozen=True)
class EventWriter:
    """Appends events for one service: only the types that this service owns."""

    service: Service
    log: EventStore
    keys: KeyStore
    clock: Clock
    published: Published

    def recording_time(self, last: datetime | None) -> datetime:
        """Now, but never before `last`, the time of recording of the stream's last event; unless another clock was wrong then.

        Raises:
            Unavailable: `clock_wrong`; `clock_behind`, this clock is far behind `last` and nobody confirms that it is right.
        """
        now = self.clock.trust.now()
        if last is not None and last - now > CLOCK_TOLERANCE:
            if self.clock.trust.confirmed:
                return now
            raise Unavailable(
                "clock_behind",
                "This machine's clock is more than 60 s behind the log. Correct the clock; no data was written.",
                detail_zh="本机时钟比记录落后六十秒以上，请先校正时钟；未写入任何内容。",
            )
        return now if last is None else max(now, last)

    async def append(
        self, stream: str, head: StreamHead, fresh: Sequence[NewEvent], stamp: EventMetadata, now: datetime,
        last: datetime | None,
    ) -> tuple[Commit, tuple[RecordedEvent, ...]]:  # fmt: skip
        """Append `fresh` as one commit that follows `head`, which was recorded at `last`. Returns the commit and its events, still
        in the clear.

        Raises:
            Conflict: `stream` does not end at `head`.
            DuplicateCommand: `stream` has a commit of this cause.
            Refused: `party_erased`, `too_large_to_keep`.
            StoreFull, StoreBroken, StoreUnavailable: the store cannot write.
        """
        self._check_owner(fresh)
        actor = stamp.principal.actor
        parts = [parts_of(item.body, actor.org) if item.body.personal else {} for item in fresh]
        wanted = {part for one in parts for part in one}
        keys = await obtain(self.keys, stream.removeprefix(STREAM), wanted) if wanted else {}
        recorded = []
        for version, (item, own) in enumerate(zip(fresh, parts, strict=True), start=head.version + 1):
            body, event_id = item.body, item.id or self.clock.new_id()
            recorded.append(
                RecordedEvent(
                    event_id=event_id,
                    stream=stream,
                    version=version,
                    type=type(body).__name__,
                    schema=body.schema_version,
                    jurisdiction=stamp.jurisdiction,
                    effective_at=item.at or stamp.at or now,
                    recorded_at=max(now, last or now),
                    origin=stamp.origin,
                    actor=actor,
                    cause=stamp.cause,
                    request=stamp.request,
                    correlation=stamp.correlation,
                    policy=stamp.policy,
                    body=body,
                    sealed=seal(own, keys, event_id, stream, version) if own else (),
                )
            )
        commit = Commit.following(head, recorded)
        return await self.log.append(commit), tuple(recorded)

    async def publish(self, commit: Commit) -> None:
        """Hand an appended commit on to the consumers."""
        failpoint("log.appended")
        await self.published([commit])

    def _check_owner(self, fresh: Iterable[NewEvent]) -> None:
        for body in (item.body for item in fresh):
            if body.owner != self.service and self.service not in body.also:
                raise TypeError(f"{self.service} may not append {type(body).__name__}, {body.owner} owns it")


def first_answer(commit: Commit, stamp: EventMetadata) -> Commit:
    """`commit`, which was written under the cause of `stamp`. Raises Refused where its request had other content."""
    if stamp.request is not None and commit.request is not None and commit.request != stamp.request:
        raise Refused(
            "same_id_other_content",
            "This id was used before with different content. Use a new id, or send exactly what was sent first.",
            detail_zh="该编号此前已提交过不同的内容。请使用新的编号，或原样重新提交。",
            field="command_id",
        )
    return commit
