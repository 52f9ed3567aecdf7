"""Leases on slots of the due index, so that the tickers of several processes share the work.

Every case belongs to one of `SLOTS` slots. A ticker leases slots in a view, each for `LEASE`, by compare-and-set: a row is only
written with the next number, so of two competing tickers one finds the other's name when it reads the row back. Leases only
save work: a rung fires once because of the log, even if several tickers assume that they hold its slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.eventstore.read_models import ReadModel, ReadModelStore, Row
from shared.kernel.clock_trust import runs
from shared.kernel.legal_time import instant_from_text, to_text

SLOTS = 16
LEASE = timedelta(seconds=30)
_RENEW = LEASE / 3
"""Age at which a lease is renewed: two renewals may fail before it is lost."""
LEASES = ReadModel(name="leases", columns={"holder": "text", "until": "text"})
"""`slot/NN`: the holder; `ticker/ID`: a running ticker. Rows of stopped tickers stay, without values."""
_TICKER = "ticker/"


class _Lease(NamedTuple):
    row: Row
    holder: str | None
    until: datetime | None

    def live(self, now: datetime) -> bool:
        return runs(self.until, now, LEASE)


class LeasedSlots:
    """The slots of one ticker."""

    def __init__(self, views: ReadModelStore, holder: str) -> None:
        self._views = views
        self._holder = holder
        self._held: dict[int, datetime] = {}
        self._next: datetime | None = None
        """When to renew, and to look for free slots."""

    async def held(self, now: datetime) -> frozenset[int]:
        """The slots that this ticker holds at `now`. Renews them, takes over expired ones and gives up those above its share.

        Between renewals it reads nothing."""
        if self._next is None or not self._next - _RENEW <= now < self._next:
            await self._lease(now)
            self._next = now + _RENEW
        return self.known(now)

    def known(self, now: datetime) -> frozenset[int]:
        """The slots held at the last read whose lease has not expired at `now`. Reads nothing."""
        return frozenset(slot for slot, until in self._held.items() if until > now)

    async def release(self) -> None:
        """Release all leases, so that other tickers need not wait for their expiry."""
        known = await self._read()
        mine = [lease for lease in known.values() if lease.holder == self._holder]
        await self._views.write({LEASES.name: [Row(one.row.key, one.row.applied + 1, None) for one in mine]})
        self._held = {}
        self._next = None

    async def _lease(self, now: datetime) -> None:
        known = await self._read()
        wanted = [f"slot/{slot:02d}" for slot in self._wanted(known, now)]
        surplus = [
            key for key, one in known.items() if one.holder == self._holder and key not in wanted and key != self._name
        ]
        gone = [key for key, one in known.items() if key.startswith(_TICKER) and one.holder and not one.live(now)]
        values = {"holder": self._holder, "until": to_text(now + LEASE)}
        rows = [Row(key, self._number(known, key), values) for key in (self._name, *wanted)]
        rows += [Row(key, self._number(known, key), None) for key in (*surplus, *gone) if key != self._name]
        await self._views.write({LEASES.name: rows})
        self._held = {
            int(key.removeprefix("slot/")): one.until
            for key, one in (await self._read()).items()
            if one.holder == self._holder and key.startswith("slot/") and one.until is not None
        }

    def _wanted(self, known: dict[str, _Lease], now: datetime) -> Sequence[int]:
        """The held slots, then free ones, up to the share of this ticker among the running ones."""
        there = {one.holder for key, one in known.items() if key.startswith(_TICKER) and one.live(now)} | {self._holder}
        share = -(-SLOTS // len(there))
        mine: list[int] = []
        free: list[int] = []
        for slot in range(SLOTS):
            lease = known.get(f"slot/{slot:02d}")
            if lease is None or not lease.live(now):
                free.append(slot)
            elif lease.holder == self._holder:
                mine.append(slot)
        return [*mine, *free][:share]

    @property
    def _name(self) -> str:
        return _TICKER + self._holder

    @staticmethod
    def _number(known: dict[str, _Lease], key: str) -> int:
        return known[key].row.applied + 1 if key in known else 1

    async def _read(self) -> dict[str, _Lease]:
        found: dict[str, _Lease] = {}
        async for rows in self._views.rows(LEASES.name):
            for row in rows:
                values = row.values or {}
                until = values.get("until")
                holder = values.get("holder")
                found[row.key] = _Lease(
                    row, str(holder) if holder else None, instant_from_text(str(until)) if until else None
                )
        return found
