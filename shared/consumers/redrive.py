"""Redrive: handles a parked stream again."""

from __future__ import annotations

from collections.abc import Sequence

from shared.case import STREAM
from shared.consumers.consumer import CaseConsumer
from shared.consumers.parked_streams import REQUESTED, plain
from shared.eventstore.errors import Damaged
from shared.eventstore.read_models import Parked, ReadModelStore


async def redrive(consumer: CaseConsumer, stream: str) -> bool:
    """Handle the stream again from the version that it was parked at, and clear the mark. False if it was not parked, or still
    cannot be handled; then the mark stays.

    The mark is cleared last, so that a process that ends in between finds it again."""
    parked = consumer.parked
    version = await parked.version(stream)
    if version is None:
        return False
    consumer.cases.forget([stream.removeprefix(STREAM)])
    done = version - 1
    while True:
        try:
            commits = await consumer.log.load(stream, after=done)
        except Damaged:
            return False
        if commits:
            parked.failed.discard(stream)
            await consumer.handle({stream: commits})
            if stream in parked.failed:
                return False
            done = commits[-1].last
        elif not await consumer.views.unpark(consumer.group, stream):
            return True  # commits that came while the mark was cleared have been handled now, too


async def retry(consumer: CaseConsumer) -> int:
    """Redrive the streams that were parked for a temporary reason, and those whose redrive another process
    requested. Returns the number of those that continue."""
    continued = 0
    for mark in await consumer.views.parked(consumer.group):
        if (taken := await consumer.parked.take(mark)) is None:
            continue
        if await redrive(consumer, taken.stream):
            continued += 1
        elif taken.reason != plain(taken):
            await consumer.views.restate(taken, plain(taken))
    return continued


async def request(views: ReadModelStore, marks: Sequence[Parked]) -> None:
    """Ask the processes that run the consumers of these marks to redrive them; they look every few seconds."""
    for mark in marks:
        await views.restate(mark, REQUESTED + plain(mark))
