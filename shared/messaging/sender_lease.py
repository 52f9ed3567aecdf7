"""Leases on what is sent to the outside, so that two processes of a service do not send the same at once.

A lease saves work and keeps the order; it is not what prevents a second sending, which events of the log do.
"""

from __future__ import annotations

from datetime import timedelta

from shared.eventstore.read_models import ReadModel, ReadModelStore, Row
from shared.kernel.clock import Clock
from shared.kernel.clock_trust import runs
from shared.kernel.legal_time import instant_from_text, to_text

SENDERS = ReadModel("senders", {"holder": "text", "until": "text"})
"""Name of what is sent -> the process that sends it now. A lost row costs nothing."""
LEASE = timedelta(seconds=60)
"""Longer than one attempt takes."""


class SenderLease:
    """The leases of one process."""

    def __init__(self, views: ReadModelStore, clock: Clock, *, alone: bool) -> None:
        """`alone`: no other process exists, so that nothing has to be leased."""
        self._views = views
        self._clock = clock
        self._alone = alone
        self._holder = clock.new_id()

    async def take(self, name: str) -> bool:
        """Take or renew the lease. False if another process has it."""
        if self._alone:
            return True
        row = await self._views.get(SENDERS.name, name)
        values = (row.values if row is not None else None) or {}
        now, until = self._clock.now(), values.get("until")
        other = values.get("holder") not in (None, self._holder)
        if self._clock.trust.doubt is not None or (other and until and runs(instant_from_text(str(until)), now, LEASE)):
            return False
        mine = {"holder": self._holder, "until": to_text(now + LEASE)}
        await self._views.write({SENDERS.name: [Row(name, 1 if row is None else row.applied + 1, mine)]})
        row = await self._views.get(SENDERS.name, name)
        return row is not None and (row.values or {}).get("holder") == self._holder

    async def give_back(self, name: str) -> None:
        if self._alone:
            return
        row = await self._views.get(SENDERS.name, name)
        if row is not None and (row.values or {}).get("holder") == self._holder:
            await self._views.write({SENDERS.name: [Row(name, row.applied + 1, {"holder": None, "until": None})]})
