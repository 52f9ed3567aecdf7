"""How many filings one network sends in a minute, counted over all processes of the deployment.

A process that is alone counts in its memory. Otherwise the processes share one short-lived record for each network, beside those of
unfinished uploads. A store that does not answer, or a record that others change without a pause, delays no filing: then the process
counts alone.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from math import ceil
from typing import NamedTuple

import orjson

from services.intake.filing_turns import LIFE, MOST_WAIT, FilingTurn, FilingTurns
from shared.application.ports import Ports
from shared.eventstore.errors import StoreFull, StoreUnavailable
from shared.eventstore.uploads import UploadChanged, UploadRecord
from shared.queries.query_code_access import MINUTE, RateLimiter

_ATTEMPTS = 8
_KEPT = timedelta(seconds=LIFE + MOST_WAIT)
_NO_DRAFT = "0" * 32
"""The record has no content."""


class _Count(NamedTuple):
    """What is known of a network: when its filings of the last minute were counted, and the time of its last turn."""

    times: tuple[float, ...] = ()
    ready: float = 0.0


class FilingLimit:
    """Counts filings and gives turns.

    Args:
        most: Filings of one network in a minute.
    """

    def __init__(self, ports: Ports, most: int) -> None:
        self._ports = ports
        self._most = most
        self._own = RateLimiter(ports.clock, most)
        self._secret = ports.keys.secret("filing-limit")
        self.turns = FilingTurns(ports.clock, ports.keys.secret("filing-turn"), most)

    async def take(self, network: str) -> int:
        """Count a filing. Returns 0, or the seconds until one of this network is counted again; this one was not counted."""
        wait = self._own.take(network)
        if wait:
            return wait
        before = await self._changed(network, self._with_one_more)
        if before is not None and len(before.times) >= self._most:
            self._own.give_back(network)
            return max(1, ceil(MINUTE - (self._now() - before.times[0])))
        return 0

    async def give_back(self, network: str) -> None:
        """The last counted filing was none: it was refused, or had been filed before."""
        self._own.give_back(network)
        await self._changed(network, lambda known: known._replace(times=known.times[:-1]))

    async def give_turn(self, network: str, filing: str) -> FilingTurn:
        """The next turn of the network, for this filing."""
        before = await self._changed(network, lambda known: known._replace(ready=self.turns.after(known.ready)))
        if before is None:
            return self.turns.give(network, filing)
        return self.turns.at(self.turns.after(before.ready), filing)

    def _with_one_more(self, known: _Count) -> _Count:
        return known if len(known.times) >= self._most else known._replace(times=(*known.times, self._now()))

    async def _changed(self, network: str, change: Callable[[_Count], _Count]) -> _Count | None:
        """Change the record of a network; returns it as it was before. None where this process counts alone."""
        if self._ports.alone:
            return None
        key = "limit-" + hmac.new(self._secret, network.encode(), sha256).hexdigest()
        uploads = self._ports.uploads
        try:
            for _attempt in range(_ATTEMPTS):
                record = (await uploads.get([key])).get(key)
                known = self._fresh(_read(record)) if record is not None else _Count()
                after = change(known)
                if after == known:
                    return known
                version = record.version + 1 if record is not None else 1
                expires, value = self._ports.clock.now() + _KEPT, orjson.dumps([after.times, after.ready])
                try:
                    await uploads.save(UploadRecord(key, version, expires, _NO_DRAFT, None, value))
                except UploadChanged:
                    continue
                return known
        except (StoreUnavailable, StoreFull):
            pass
        return None

    def _fresh(self, known: _Count) -> _Count:
        since = self._now() - MINUTE
        return known._replace(times=tuple(one for one in known.times if one > since))

    def _now(self) -> float:
        return self._ports.clock.now().timestamp()


def _read(record: UploadRecord) -> _Count:
    times, ready = orjson.loads(record.value)
    return _Count(tuple(times), ready)
