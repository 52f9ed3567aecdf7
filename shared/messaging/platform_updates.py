"""Reading what a platform was told, and counting a day of it. The stream `updates/<platform>` holds no personal data; the
platform's own item id is opened where it is sealed, when an entry is read by that platform or goes to its topic.
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
from shared.messaging.notification_stream import StreamPage
from shared.messaging.organisation_inbox import OutboxDue, OutcomeProblem, TopicRecord

STREAM = "updates/"
REFUSED = "refused/"
SUBMISSION = "submission:"
LATE = timedelta(days=8)
"""An answer can come so long after the record was sent: a topic keeps records for seven days."""
AHEAD = timedelta(hours=1)
"""A sender's clock may be so far ahead of ours."""
_STEP = 500


class Place(NamedTuple):
    """Where a record of a platform's topic lies, and when it was sent by its own time."""

    partition: int
    offset: int
    sent_at: str

    @property
    def record(self) -> str:
        return f"{self.partition}:{self.offset}"

    @property
    def correlation(self) -> str:
        """What every event that follows from the record carries."""
        return f"{SUBMISSION}{self.record}:{self.sent_at}"

    @staticmethod
    def of(correlation: str | None) -> Place | None:
        """The place that a correlation names; None where it names none."""
        if correlation is None or not correlation.startswith(SUBMISSION):
            return None
        partition, offset, sent_at = correlation.removeprefix(SUBMISSION).split(":", 2)
        return Place(int(partition), int(offset), sent_at)


class Item(NamedTuple):
    """How the platform itself calls what an entry is about."""

    channel: str | None
    item: str | None


_UNKNOWN = Item(None, None)


class UpdateAnswer(Answer):
    """What a platform was told. Thin: texts and the query code are fetched by a GET of their own."""

    id: int = Field(description="Place among the updates, gapless from 1: the cursor")
    kind: str = Field(description="registered, refused, done, sent, accepted, replied, closed, …")
    channel: str | None = Field(description="Code of the channel")
    item: str | None = Field(description="The platform's own item id; of a refused command the case as it was named")
    case: str | None = Field(description="Case id")
    number: str | None = Field(description="Number that people use")
    version: int | None = Field(description="Version of the case that it tells of: orders the entries of one case")
    org: str | None = Field(description="Code of the organisation that it is about")
    due: list[OutboxDue] = Field(description="Clocks that run, where the kind says by when")
    detail: str | None = Field(description="Code that says more about the kind")
    command: str | None = Field(description="Name of the command that is answered")
    command_id: str | None = Field(description="The platform's id of that command")
    record: TopicRecord | None = Field(description="The record of the platform's topic that is answered")
    sent_at: TimeText | None = Field(description="When that record was sent, by its own time")
    repeated: bool = Field(description="True: the same was answered before, this is that answer again")
    problem: OutcomeProblem | None = Field(validation_alias="refusal", description="When it was refused: why")
    at: TimeText = Field(description="When it was put there")


class UpdatesPage(StreamPage[UpdateAnswer]):
    """Entries after the cursor."""


class DayAnswer(Answer):
    """What became of the records that a platform sent to its topic on one day: sent = registered + done + refused + same_again."""

    platform: str = Field(description="Code of the platform")
    day: str = Field(description="The day, by the records' own time")
    zone: str = Field(description="Time zone of the day")
    sent: int = Field(description="Records that were read: the sum of the next four")
    registered: int = Field(description="Filings that became cases")
    done: int = Field(description="Commands that were carried out")
    refused: int = Field(description="Records that were refused")
    same_again: int = Field(description="Records that said what was answered before, and got that answer again")
    refusals: Annotated[dict[str, int], BeforeValidator(lambda codes: dict(sorted(codes.items())))] = Field(
        validation_alias="codes", description="How many were refused for each code"
    )


async def told(ports: Ports, events: Sequence[RecordedEvent]) -> list[UpdateAnswer]:
    """Entries of one updates stream as their platform reads them, by HTTP and by its topic."""
    items = await _items(ports, events)
    return [_entry(event, items) for event in events]


def key_of(event: RecordedEvent) -> str:
    """What all entries about the same thing share and that tells nothing: the case id, else the keyed digest under which a
    refused record is on file, else the record's place."""
    body = event.body
    assert isinstance(body, PlatformUpdate)
    return body.case or (body.kept or "").removeprefix(REFUSED) or f"record-{body.record}"


async def _items(ports: Ports, events: Sequence[RecordedEvent]) -> dict[str, Item]:
    """Stream -> how the platform calls it, for what these entries are about. Erased ones are unknown."""
    streams = {stream for event in events if (stream := _sealed_in(event)) is not None}
    sealed: dict[str, RecordedEvent] = {}
    for stream in sorted(streams):
        try:
            commits = await ports.log.load(stream, limit=1)
        except Damaged:  # told without its name, rather than not at all
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
    """What became of the records that a platform sent on one day. Every record that was read is in exactly one of the
    first four, so `sent` is their sum; a record that nobody has answered yet is in none."""

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


async def reconciled(log: EventStore, platform: str, day: date, zone: str) -> Day:
    """The figures of the records that the platform sent to its topic on `day`, by the records' own time.

    Costs what was told from that day to eight days later, not the whole stream."""
    found = Day()
    begin, end = start_of_day(day, zone), instant_of(day, zone)
    async for event in since(log, STREAM + platform, begin - AHEAD):
        if event.recorded_at > end + LATE:
            break
        body = event.body
        if isinstance(body, PlatformUpdate) and body.sent_at is not None and day_of(body.sent_at, zone) == day:
            found.add(body)
    return found


async def since(log: EventStore, stream: str, begin: datetime) -> AsyncIterator[RecordedEvent]:
    """The events of a stream from the first that was recorded at or after `begin`. It is found by halving: inside a stream
    `recorded_at` never goes back."""
    low, high = 0, 1
    while (at := await _recorded_after(log, stream, high - 1)) is not None and at < begin:
        low, high = high, high * 2
    while low < high - 1:  # version `low` lies before `begin`, or is 0; version `high` does not, or is not there
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
