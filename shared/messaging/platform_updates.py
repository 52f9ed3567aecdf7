"""Notifications to platforms, and the figures of one day. The stream `updates/<jurisdiction>/<platform>` holds no personal data.

The platform's own item id is decrypted from the case when the platform reads an entry over HTTP. It is not sent to the topic of
the platform, from which an erasure could not remove it (ADR 33).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from shared.application.ports import Ports
from shared.application.response import Answer, TimeText
from shared.case import STREAM as CASE
from shared.events.intake import CaseRegistered
from shared.events.platforms import PlatformUpdate
from shared.eventstore.errors import Damaged
from shared.eventstore.event_store import EventStore
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import day_of, instant_of, start_of_day
from shared.messaging.member import Member
from shared.messaging.notification_stream import StreamPage
from shared.messaging.organisation_inbox import OutboxDue, OutcomeProblem, TopicRecord

STREAM = "updates/"
REFUSED = "refused/"
SUBMISSION = "submission:"
LATE = timedelta(days=8)
"""Maximum time between a record and its answer: a topic keeps records for seven days."""
AHEAD = timedelta(hours=1)
"""Maximum time by which a sender's clock may be ahead of ours."""
_STEP = 500


class Place(NamedTuple):
    """The position of a record in a platform's topic, and its timestamp."""

    partition: int
    offset: int
    sent_at: str

    @property
    def record(self) -> str:
        return f"{self.partition}:{self.offset}"

    @property
    def correlation(self) -> str:
        """The correlation of every event that the record causes."""
        return f"{SUBMISSION}{self.record}:{self.sent_at}"

    @staticmethod
    def of(correlation: str | None) -> Place | None:
        """The place that a correlation names; None if it names none."""
        if correlation is None or not correlation.startswith(SUBMISSION):
            return None
        partition, offset, sent_at = correlation.removeprefix(SUBMISSION).split(":", 2)
        return Place(int(partition), int(offset), sent_at)


class Item(NamedTuple):
    """The platform's own name of the subject of an entry."""

    channel: str | None
    item: str | None


_UNKNOWN = Item(None, None)


class UpdateAnswer(Answer):
    """A notification to a platform. It holds no texts and no query code: read these with GET requests of their own."""

    id: int = Field(description="Position in the updates, from 1 without gaps: the cursor")
    kind: str = Field(description="registered, refused, done, sent, accepted, replied, closed, …")
    channel: str | None = Field(description="Code of the channel")
    item: str | None = Field(
        description="The platform's own item id; for a refused command the case reference as sent. Null after erasure, and in the"
        " topic: there `record` or `case` tells which item it is"
    )
    case: str | None = Field(description="Case id")
    number: str | None = Field(description="Case number for people")
    version: int | None = Field(description="Version of the case; orders the entries of one case")
    org: str | None = Field(description="Code of the organisation")
    due: list[OutboxDue] = Field(description="Running clocks, for kinds with due dates")
    detail: str | None = Field(description="Code that refines the kind")
    command: str | None = Field(description="Name of the answered command")
    command_id: str | None = Field(description="The platform's id of that command")
    record: TopicRecord | None = Field(description="The answered record of the platform's topic")
    sent_at: TimeText | None = Field(description="Timestamp of that record")
    repeated: bool = Field(description="True for the repeated answer to content that was answered before")
    problem: OutcomeProblem | None = Field(validation_alias="refusal", description="Why the record was refused")
    at: TimeText = Field(description="When the entry was appended")


class UpdatesPage(StreamPage[UpdateAnswer]):
    """Entries after the cursor."""

    after: int = Field(description="Cursor for the next call")


class DayAnswer(Answer):
    """The results of a platform's records of one day: sent = registered + done + refused + same_again."""

    platform: str = Field(description="Code of the platform")
    day: str = Field(description="The day, by the timestamps of the records")
    zone: str = Field(description="Time zone of the day")
    sent: int = Field(description="Answered records: the sum of the next four")
    registered: int = Field(description="Filings that became cases")
    done: int = Field(description="Commands that were carried out")
    refused: int = Field(description="Records that were refused")
    same_again: int = Field(description="Records with content that was answered before, which got that answer again")
    refusals: Annotated[dict[str, int], BeforeValidator(lambda codes: dict(sorted(codes.items())))] = Field(
        validation_alias="codes", description="Number of refused records by code"
    )


async def told(ports: Ports, events: Sequence[RecordedEvent]) -> list[UpdateAnswer]:
    """Entries of one updates stream as their platform reads them over HTTP."""
    items = await _items(ports, events)
    return [_entry(event, items) for event in events]


def for_topic(event: RecordedEvent) -> UpdateAnswer:
    """The same entry for the topic of the platform, without channel and item."""
    return _entry(event, {})


def key_of(event: RecordedEvent) -> str:
    """A key that entries about the same subject share and that reveals nothing: the case id, else the keyed digest of a
    stored refusal, else the place of the record."""
    body = event.body
    assert isinstance(body, PlatformUpdate)
    return (
        body.case or (body.kept or "").removeprefix(REFUSED) or (f"record-{body.record}" if body.record else "webhooks")
    )


async def _items(ports: Ports, events: Sequence[RecordedEvent]) -> dict[str, Item]:
    """Stream -> the platform's own name of its subject. Erased names are left out."""
    streams = {stream for event in events if (stream := _sealed_in(event)) is not None}
    sealed: dict[str, RecordedEvent] = {}
    for stream in sorted(streams):
        try:
            commits = await ports.log.load(stream, limit=1)
        except Damaged:  # the entry is delivered without the name
            continue
        if commits:
            sealed[stream] = commits[0].recorded[0]
    opened: dict[str, dict[str, Any]] = {}
    for part in await open_sealed(ports.keys, list(sealed.values()), frozenset({"text"})):
        opened.setdefault(part.stream, {}).update(part.values)
    found = {}
    for stream, event in sealed.items():
        values = opened.get(stream, {})
        channel = event.body.channel if isinstance(event.body, CaseRegistered) else values.get("channel")
        found[stream] = Item(channel, values.get("item"))
    return found


def _sealed_in(event: RecordedEvent) -> str | None:
    body = event.body
    assert isinstance(body, PlatformUpdate)
    return CASE + body.case if body.case is not None else body.kept


def _entry(event: RecordedEvent, items: dict[str, Item]) -> UpdateAnswer:
    item = items.get(_sealed_in(event) or "", _UNKNOWN)
    return UpdateAnswer.built_from(
        event.body, id=event.version, channel=item.channel, item=item.item, at=event.recorded_at
    )


@dataclass
class Day:
    """The results of the records that a platform sent on one day. Every answered record counts in exactly one of the
    first four figures, so `sent` is their sum. Unanswered records count in none."""

    registered: int = 0
    done: int = 0
    refused: int = 0
    same_again: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    """Refusals, first answers only, by code."""

    @property
    def sent(self) -> int:
        return self.registered + self.done + self.refused + self.same_again

    def add(self, body: PlatformUpdate) -> None:
        if body.repeated:
            self.same_again += 1
        elif body.kind == "registered":
            self.registered += 1
        elif body.kind == "done":
            self.done += 1
        elif body.kind == "refused":
            self.refused += 1
            if body.refusal is not None:
                self.codes[body.refusal.code] += 1


async def reconciled(log: EventStore, platform: Member, day: date, zone: str) -> Day:
    """The figures of the records that the platform sent to its topic on `day`, by their timestamps.

    Reads the entries from that day to eight days later, not the whole stream."""
    found = Day()
    begin, end = start_of_day(day, zone), instant_of(day, zone)
    async for event in since(log, platform.stream(STREAM), begin - AHEAD):
        if event.recorded_at > end + LATE:
            break
        body = event.body
        if isinstance(body, PlatformUpdate) and body.sent_at is not None and day_of(body.sent_at, zone) == day:
            found.add(body)
    return found


async def since(log: EventStore, stream: str, begin: datetime) -> AsyncIterator[RecordedEvent]:
    """The events of a stream that were recorded at or after `begin`. The first is found by binary search, since
    `recorded_at` never decreases within a stream."""
    low, high = 0, 1
    while (at := await _recorded_after(log, stream, high - 1)) is not None and at < begin:
        low, high = high, high * 2
    while low < high - 1:  # version `low` is before `begin`, or 0; version `high` is not, or does not exist
        middle = (low + high) // 2
        at = await _recorded_after(log, stream, middle - 1)
        low, high = (middle, high) if at is not None and at < begin else (low, middle)
    after = low
    while commits := await log.load(stream, after=after, limit=_STEP):
        for commit in commits:
            for event in commit.recorded:
                if event.version > after and event.recorded_at >= begin:
                    yield event
        after = commits[-1].last


async def _recorded_after(log: EventStore, stream: str, version: int) -> datetime | None:
    """When the event after that version was recorded; None where there is none."""
    commits = await log.load(stream, after=version, limit=1)
    return commits[0].recorded_at if commits else None
