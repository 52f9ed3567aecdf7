"""A platform's side for tests: records as its topic would bring them, and what its updates stream says."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import orjson

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.platform_notifications import Updates
from services.intake.topics.encrypted_records import SealedLetters
from services.intake.topics.submissions import Submissions
from shared.eventstore.recorded_event import Recorded
from shared.hosting.process import Runtime
from shared.messaging.partner_topics import Answering, Letter
from shared.messaging.platform_updates import STREAM, told

PLATFORM = "province"
"""A platform of the demo county; it feeds the channel of the same code."""


class Topic:
    """What a platform has sent. Each record gets the next offset, and can be delivered again."""

    def __init__(self, runtime: Runtime, platform: str = PLATFORM, letters: SealedLetters | None = None) -> None:
        self.runtime = runtime
        self.platform = platform
        self.intake: Answering = submissions(runtime, letters)
        self._offsets = count()

    def record(self, value: Any, at: datetime | None = None) -> Letter:
        data = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
        return Letter(self.platform, 0, next(self._offsets), at or self.runtime.ports.clock.now(), data)

    async def sends(self, *values: Any) -> list[dict[str, Any]]:
        """Send these together; the entries that are new since, once everything has followed."""
        records = [self.record(value) for value in values]
        return await self.delivers(*records)

    async def delivers(self, *records: Letter) -> list[dict[str, Any]]:
        before = len(await self.events())
        await self.intake(records)
        await self.runtime.drain()
        return (await self.told())[before:]

    async def events(self) -> list[Recorded]:
        commits = await self.runtime.ports.log.load(STREAM + self.platform)
        return [event for commit in commits for event in commit.recorded]

    async def told(self) -> list[dict[str, Any]]:
        return [entry.model_dump() for entry in await told(self.runtime.ports, await self.events())]


def submissions(runtime: Runtime, letters: SealedLetters | None = None, updates: Updates | None = None) -> Submissions:
    """What intake answers records with."""
    ports, settings = runtime.ports, runtime.settings
    jurisdictions = ChannelJurisdictions(ports.policies, settings.jurisdiction)
    updates = updates or Updates(runtime.handling("intake"))
    return Submissions(ports, settings.body_limit, updates, jurisdictions, letters)


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
