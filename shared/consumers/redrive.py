"""Redrive: handles a parked stream again."""

from __future__ import annotations

from shared.case import STREAM
from shared.consumers.consumer import CaseConsumer
from shared.eventstore.errors import Damaged


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
    """Redrive the streams that were parked for a reason that passes by itself. Returns the number of those that continue."""
    return sum([await redrive(consumer, stream) for stream in await consumer.parked.passing()])
