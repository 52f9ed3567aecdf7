"""Streams of notifications, one per recipient: `<prefix><jurisdiction>/<code>`, for example `inbox/cn-demo/zj`.

A stream records who was notified of what, and when; its version is the cursor of the recipient.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Generic, TypeVar

from pydantic import Field

from shared.application.response import Answer
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.events import Event
from shared.eventstore.commit import Commit
from shared.messaging.member import Member

Entry = TypeVar("Entry", bound=Answer)


class StreamPage(Answer, Generic[Entry]):
    """Entries after the cursor."""

    entries: list[Entry] = Field(description="In order, without gaps")
    after: int | str = Field(description="Cursor for the next call")
    more: bool = Field(description="True if there are more entries")


class NotificationStream:
    """Appends to the streams of one kind. Use one instance per process: it writes each stream in turn and remembers its
    end, so that only other processes can cause a conflict."""

    def __init__(self, handling: CommandHandler, prefix: str) -> None:
        self._handling = handling
        self._prefix = prefix
        self._locks: dict[Member, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ends: dict[Member, Commit] = {}

    async def append(self, recipient: Member, stamp: EventMetadata, body: Event) -> Commit:
        """Append this entry once per cause; returns its commit, or the earlier one under the same cause.

        Raises Refused where the cause was used for other content."""
        async with self._locks[recipient]:
            commit, _repeated = await self._handling.append(
                recipient.stream(self._prefix), stamp, lambda _head: [NewEvent(body)], self._ends.get(recipient)
            )
            known = self._ends.get(recipient)
            if known is None or commit.last >= known.last:
                self._ends[recipient] = commit
        return commit

    async def by_cause(self, recipient: Member, cause: str) -> Commit | None:
        """The entry that was appended under this cause; None where there is none."""
        return await self._handling.log.by_cause(recipient.stream(self._prefix), cause)
