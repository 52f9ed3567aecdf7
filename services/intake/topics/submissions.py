"""Filings and commands that platforms send to their topics, with the same bodies as over HTTP. Each record is answered once in
the platform's updates stream.

    bytes + platform  ->  registered | done | refused  ->  an entry, a repeated entry, or nothing where it was answered before
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from datetime import datetime
from typing import NamedTuple

import structlog

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.platform_notifications import PlatformNotifications, first_answer
from services.intake.registration import filed
from services.intake.topics.encrypted_records import EncryptedRecords
from shared.application.case_reference import resolve
from shared.application.ports import Ports
from shared.case import STREAM as CASE
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.platforms import PlatformUpdate, SubmissionRefused
from shared.events.refusal import Refusal
from shared.eventstore.commit import Commit
from shared.kernel.identifiers import case_id
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Refused, Unavailable
from shared.messaging.inbound_handler import (
    FINAL,
    INFRASTRUCTURE,
    InboundHandler,
    command_id,
    command_named,
    not_handled,
    topic_principal,
)
from shared.messaging.inbound_record import InboundRecord
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage
from shared.messaging.platform_updates import AHEAD, LATE, REFUSED, Place

_ITEM_LIMIT = 200
"""Maximum number of characters of an item id that are stored for a refused record."""
log = structlog.get_logger("submissions")


class _Answer(NamedTuple):
    """An answer to a record. `first`: cause of the first answer to the same content; None if each record has its own answer."""

    body: PlatformUpdate
    first: str | None
    standing: Commit | None = None
    """The entry of the first answer, if it is known already."""


class PlatformSubmissions(InboundHandler):
    """Answers the records of platforms' topics; records about one case in their order."""

    def __init__(
        self,
        ports: Ports,
        limit: int,
        updates: PlatformNotifications,
        jurisdictions: ChannelJurisdictions,
        letters: EncryptedRecords | None = None,
    ) -> None:
        super().__init__(ports, limit, (letters or EncryptedRecords(())).opened)
        self._handling = ports.handling("intake")
        self._updates = updates
        self._jurisdictions = jurisdictions

    async def group(self, letter: InboundMessage, read: InboundRecord) -> str:
        """The case that a record is about. A record that names none is a group of its own."""
        alone = f"{letter.owner.dotted}/{letter.place}"
        if read.problem is not None:
            return alone
        channel, item, case = (read.value.get(name) for name in ("channel", "item", "case"))
        try:
            if "command" in read.value and isinstance(case, str):
                return await resolve(self._ports, topic_principal("platform", letter.owner), case)
        except Refused:
            return alone
        if isinstance(channel, str) and isinstance(item, str):
            return case_id(self._ports.keys.secret("case-id"), letter.owner.jurisdiction, channel, item)
        return alone

    async def answer(self, letter: InboundMessage, read: InboundRecord) -> None:
        try:
            await self._answer(letter, read)
        except (*INFRASTRUCTURE, Unavailable):
            raise
        except Exception as error:  # the regular refusal could not be written either
            log.error("record_not_answered", error=type(error).__name__)
            place, body = self._place(letter), PlatformUpdate(kind="refused", refusal=not_handled())
            await self._append(letter.owner, self._own_cause(letter), place, _of_record(body, place))

    async def _answer(self, letter: InboundMessage, read: InboundRecord) -> None:
        platform, place = letter.owner, self._place(letter)
        own = self._own_cause(letter)
        if await self._updates.by_cause(platform, own) is not None:
            return  # answered, and delivered again
        answer = await self._answered(platform, place, read, own)
        entry = _of_record(answer.body, place)
        if answer.first is not None:
            standing = answer.standing or await self._updates.by_cause(platform, answer.first)
            if standing is None:
                standing = await self._append(platform, answer.first, place, entry)
            first = standing.recorded[0].body
            if isinstance(first, PlatformUpdate) and first.record == place.record:
                return
            entry = entry.model_copy(update={"repeated": True})
        await self._append(platform, own, place, entry)

    def _place(self, letter: InboundMessage) -> Place:
        now = self._ports.clock.now()
        sent_at = letter.sent_at
        if not now - LATE < sent_at < now + AHEAD:  # implausible timestamp: use the time of reading
            sent_at = now
        return Place(letter.partition, letter.offset, to_text(sent_at))

    def _own_cause(self, letter: InboundMessage) -> str:
        """Cause of the answer to this record alone. It includes the bytes, since a recreated topic begins at offset 0 again."""
        place = f"{letter.owner.stream('record/')}/{letter.place}"
        return f"intake.record:{letter.place}:{self.digest(place, letter.value or b'')}"

    async def _append(self, platform: Member, cause: str, place: Place, body: PlatformUpdate) -> Commit:
        stamp = EventMetadata(
            topic_principal("platform", platform),
            cause,
            correlation=place.correlation,
            jurisdiction=platform.jurisdiction,
        )
        return await self._updates.append(platform, stamp, body)

    async def _answered(self, platform: Member, place: Place, read: InboundRecord, own: str) -> _Answer:
        digest = self.digest(platform.stream("submission/"), read.content)
        before = await self._refused_before(digest)
        if before is not None:
            return await self._refusal(platform, read, before, digest)

        async def work() -> _Answer:
            if "command" in read.value:
                return await self._command(platform, read)
            return await self._filing(platform, place, read)

        return await self.carried_out(
            read, work, lambda refusal: self._kept(platform, place, read, own, digest, refusal)
        )

    async def _filing(self, platform: Member, place: Place, read: InboundRecord) -> _Answer:
        receipt = await filed(
            self._handling,
            self._jurisdictions,
            topic_principal("platform", platform),
            read.value,
            correlation=place.correlation,
            files=self._ports.files,
        )
        case, _head = await self._ports.cases.get(receipt.case, at_least=1)
        (begin,) = await self._ports.log.load(CASE + case.id, limit=1)
        event = begin.recorded[0]
        standing = await self._updates.registered(case, event.event_id, event.correlation)
        body = PlatformUpdate(kind="registered", case=case.id, number=case.number, version=1, about=event.event_id)
        return _Answer(body, first_answer("registered", case.id), standing)

    async def _command(self, platform: Member, read: InboundRecord) -> _Answer:
        carried = await self.command(topic_principal("platform", platform), read)
        case = carried.case
        body = PlatformUpdate(
            kind="done",
            case=case.id,
            number=case.number,
            version=carried.version,
            command=carried.name,
            command_id=carried.command_id,
        )
        return _Answer(body, first_answer("done", case.id, carried.command_id))

    async def _refused_before(self, digest: str) -> SubmissionRefused | None:
        """The earlier final refusal of the same content; None if there is none."""
        for commit in await self._ports.log.load(REFUSED + digest):
            body = commit.recorded[0].body
            if isinstance(body, SubmissionRefused) and body.refusal.status < FINAL:
                return body
        return None

    async def _refusal(self, platform: Member, read: InboundRecord, kept: SubmissionRefused, digest: str) -> _Answer:
        named = read.value.get("case") if "command" in read.value else None
        case = await self.visible_case(topic_principal("platform", platform), named)
        body = PlatformUpdate(
            kind="refused",
            case=case.id if case is not None else None,
            number=case.number if case is not None else None,
            command=kept.command,
            command_id=kept.command_id,
            refusal=kept.refusal,
            kept=REFUSED + digest,
        )
        return _Answer(body, first_answer("refused", digest) if kept.refusal.status < FINAL else None)

    async def _kept(
        self, platform: Member, place: Place, read: InboundRecord, own: str, digest: str, refusal: Refusal
    ) -> _Answer:
        """Store the refusal, so that the same content always gets it. The record itself is stored, encrypted, only if it could
        not be read or handled."""
        value = read.value
        whole = read.problem is not None or refusal.code == "not_handled"
        named = value.get("case") if "command" in value else value.get("item")
        body = SubmissionRefused(
            platform=platform.code,
            refusal=refusal,
            command=command_named(read),
            command_id=command_id(read),
            channel=_short(value.get("channel")),
            item=_short(named),
            record=b64encode(zlib.compress(read.content)).decode() if whole else None,
        )
        cause = "intake.refused" if refusal.status < FINAL else own
        stamp = EventMetadata(
            topic_principal("platform", platform),
            cause,
            correlation=place.correlation,
            jurisdiction=platform.jurisdiction,
        )
        await self._handling.append(REFUSED + digest, stamp, lambda _head: [NewEvent(body)])
        return await self._refusal(platform, read, body, digest)


def _stamp(platform: Member, cause: str, place: Place) -> EventMetadata:
    principal = topic_principal("platform", platform)
    return EventMetadata(principal, cause, correlation=place.correlation, jurisdiction=platform.jurisdiction)


def _of_record(body: PlatformUpdate, place: Place) -> PlatformUpdate:
    return body.model_copy(update={"record": place.record, "sent_at": datetime.fromisoformat(place.sent_at)})


def _short(value: object) -> str | None:
    return value[:_ITEM_LIMIT] if isinstance(value, str) and value else None
