"""The platform's side for tests: records as its topic delivers them, and the content of its updates stream."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import orjson

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.platform_notifications import PlatformNotifications
from services.intake.topics.encrypted_records import EncryptedRecords
from services.intake.topics.submissions import PlatformSubmissions
from shared.eventstore.recorded_event import RecordedEvent
from shared.hosting.process import Process
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage, MessageHandler
from shared.messaging.platform_updates import STREAM, told

DEMO = "cn-demo"
PLATFORM = "province"
"""A platform of the demo county; it feeds the channel of the same code."""
OWNER = Member(DEMO, PLATFORM)


class Topic:
    """The records of a platform. Each gets the next offset and can be redelivered."""

    def __init__(self, runtime: Process, platform: str = PLATFORM, letters: EncryptedRecords | None = None) -> None:
        self.runtime = runtime
        self.platform = platform
        self.intake: MessageHandler = submissions(runtime, letters)
        self._offsets = count()

    def record(self, value: Any, at: datetime | None = None) -> InboundMessage:
        data = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
        return InboundMessage(
            Member(DEMO, self.platform), 0, next(self._offsets), at or self.runtime.ports.clock.now(), data
        )

    async def sends(self, *values: Any) -> list[dict[str, Any]]:
        """Send these together; the entries that are new since, once everything has followed."""
        records = [self.record(value) for value in values]
        return await self.delivers(*records)

    async def delivers(self, *records: InboundMessage) -> list[dict[str, Any]]:
        before = len(await self.events())
        await self.intake(records)
        await self.runtime.drain()
        return (await self.told())[before:]

    async def events(self) -> list[RecordedEvent]:
        commits = await self.runtime.ports.log.load(Member(DEMO, self.platform).stream(STREAM))
        return [event for commit in commits for event in commit.recorded]

    async def told(self) -> list[dict[str, Any]]:
        return [entry.model_dump() for entry in await told(self.runtime.ports, await self.events())]


def submissions(
    runtime: Process, letters: EncryptedRecords | None = None, updates: PlatformNotifications | None = None
) -> PlatformSubmissions:
    """The handler with which intake answers records."""
    ports, settings = runtime.ports, runtime.settings
    jurisdictions = ChannelJurisdictions(ports.policies, settings.jurisdiction)
    updates = updates or PlatformNotifications(runtime.handling("intake"))
    return PlatformSubmissions(ports, settings.body_limit, updates, jurisdictions, letters)


def filing(item: str, **more: Any) -> dict[str, Any]:
    return {
        "channel": PLATFORM,
        "item": item,
        "text": "楼道漏水",
        "place": "dh-yl",
        "subject": "0102",
        "petitioner": {"name": "张三", "phone": "13800000000"},
        **more,
    }
