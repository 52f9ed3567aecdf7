"""Appending to streams whose only state is their head: inboxes of organisations, reads, access keys, policies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata, EventWriter, first_answer
from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead
from shared.eventstore.event_store import Conflict, DuplicateCommand, EventStore
from shared.kernel.refusals import Unavailable

ATTEMPTS = 12
DecideStream = Callable[[StreamHead], list[NewEvent]]


async def append_to(
    writer: EventWriter, stream: str, stamp: EventMetadata, decide: DecideStream, last: Commit | None = None
) -> tuple[Commit, bool]:
    """Append what `decide` returns on the head of a stream, once per cause. Returns the commit, and whether it was there already.

    Args:
        last: A remembered last commit of the stream. An outdated one only costs a second attempt.

    Raises:
        Refused: the cause was used with other content, or what `decide` and EventWriter.append raise.
        Unavailable: `busy`, other writers were first each time; `clock_wrong`, `clock_behind`.
    """
    for attempt in range(ATTEMPTS):
        if last is None:
            last = await _last(writer.log, stream)
        head = last.head if last is not None else EMPTY_HEAD
        before = last.recorded_at if last is not None else None
        now = writer.recording_time(before)
        try:
            commit, _recorded = await writer.append(stream, head, decide(head), stamp, now, before)
        except DuplicateCommand as same:
            return first_answer(same.commit, stamp), True
        except Conflict:
            last = None
            await pause(attempt)
        else:
            await writer.publish(commit)
            return commit, False
    raise Unavailable(
        "busy",
        "There are many concurrent writes to this stream. Try again in a moment.",
        detail_zh="此处正有多项写入，请稍后重试。",
    )


async def _last(log: EventStore, stream: str) -> Commit | None:
    """The last commit of the stream. The cost does not grow with the stream."""
    async for heads in log.heads(stream, batch=1):
        found, head = heads[0]
        if found == stream:
            return (await log.load(stream, after=head.version - 1))[-1]
        break
    return None


async def pause(attempt: int) -> None:
    """Let the other writer finish: without a pause the first time, then with a growing pause."""
    await asyncio.sleep(0 if attempt == 0 else random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
