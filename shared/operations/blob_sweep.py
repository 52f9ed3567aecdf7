"""The sweep of files: removes upload records that have expired, abandoned drafts, and blobs that no event names.

A blob is removed when it is older than every command that could still name it, and no row of the read model `files` has it. The
read model is brought up to the log first; while a stream is parked, it cannot be, and nothing is removed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from shared.application.file_uploads import LIFETIME
from shared.application.ports import Ports
from shared.eventstore.errors import StoreUnavailable
from shared.hosting.process import Process
from shared.hosting.service_module import ServiceModule
from shared.kernel.failpoints import failpoint
from shared.operations.reconcile import reconcile
from shared.queries.file_index import FILES, named

GRACE = timedelta(hours=1)
"""How long after an upload has expired a command that took it before may still append its event."""
_AT_ONCE = 1000
SECONDS = 3600.0
"""Interval of the sweep."""
log = structlog.get_logger("blob_sweep")


class Swept(NamedTuple):
    """What was removed."""

    uploads: int = 0
    drafts: int = 0
    blobs: int = 0
    postponed: int = 0
    """Blobs that no row names while the read model is not up to the log; they are looked at again."""


async def sweep(ports: Ports, indexing: ServiceModule) -> Swept:
    """Sweep once.

    Args:
        indexing: The service whose consumer writes the read model `files`.
    """
    now = ports.clock.now()
    until = now - LIFETIME - GRACE
    uploads = drafts = blobs = 0
    kept: set[str] = set()
    async for records in ports.uploads.all():
        gone = [one for one in records if one.expires_at + GRACE <= now]
        kept |= {one.draft for one in records} - {one.draft for one in gone}
        uploads += await ports.uploads.erase([one.key for one in gone])
        drafts += await ports.blobs.discard([one.draft for one in gone])
    async for unfinished in ports.blobs.drafts():
        old = [one.draft for one in unfinished if one.changed_at <= until and one.draft not in kept]
        drafts += await ports.blobs.discard(old)
    failpoint("blob.swept")
    unnamed = await _unnamed(ports, until)
    if unnamed:
        found = await reconcile(ports, [indexing])
        if found.parked or found.ahead or found.behind > found.mended:
            return Swept(uploads, drafts, 0, len(unnamed))
        for start in range(0, len(unnamed), _AT_ONCE):
            some = unnamed[start : start + _AT_ONCE]
            still = await named(ports.views, some)
            blobs += await ports.blobs.erase([one for one in some if one not in still])
    return Swept(uploads, drafts, blobs)


async def _unnamed(ports: Ports, until: datetime) -> list[str]:
    """Blobs stored before `until` that no row names yet."""
    found: list[str] = []
    async for page in ports.blobs.scan(batch=_AT_ONCE):
        old = [one.address for one in page if one.stored_at <= until]
        known = await named(ports.views, old)
        found += [one for one in old if one not in known]
    return found


async def sweep_forever(process: Process) -> None:
    """Sweep at every interval, where the clock is trusted and the read models are whole."""
    clock = process.ports.clock
    indexing = next(
        (one for one in process.parts if any(show.view is FILES for each in one.consumers for show in each.shows)), None
    )
    if indexing is None:  # another process writes the read model
        return
    while True:
        await clock.sleep(SECONDS)
        if process.filling or clock.trust.doubt is not None:
            continue
        try:
            swept = await sweep(process.ports, indexing)
        except StoreUnavailable:
            continue
        if any(swept):
            log.info("files_swept", count=sum(swept))
