"""The consumers of a process, stopped while a rebuild writes their rows and facts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from shared.application.ports import Ports
from shared.eventstore.read_models import Parked, ReadModelStore
from shared.hosting.service_module import ServiceModule

_TURNS: WeakKeyDictionary[ReadModelStore, asyncio.Lock] = WeakKeyDictionary()
"""Rebuilds of the same views run one after the other."""


@dataclass(frozen=True)
class PausedConsumers:
    """Stops the consumers and starts them again. `feeding`: they run."""

    ports: Ports
    parts: Sequence[ServiceModule]
    feeding: bool

    @property
    def _turn(self) -> asyncio.Lock:
        return _TURNS.setdefault(self.ports.views, asyncio.Lock())

    async def stop(self) -> list[Parked]:
        """Wait for other rebuilds, then stop the consumers. If that fails, or this task is cancelled, they are started again.

        Returns the marks that a complete rebuild clears. Marks of groups with reactions stay: a rebuild restores the rows, but
        only a redrive runs the reactions to a parked event."""
        await self._turn.acquire()
        stopping = asyncio.create_task(self._stop())
        try:
            return await asyncio.shield(stopping)
        except BaseException:
            await asyncio.shield(self._undo(stopping))
            raise

    async def start(self, *, whole: bool) -> None:
        """Show the new facts, or keep the old ones where the rebuild is not `whole`, and start the consumers again."""
        try:
            await self._end(whole=whole)
        finally:
            self._turn.release()

    async def _stop(self) -> list[Parked]:
        built = {one.group for part in self.parts for one in part.consumers if not one.reactions}
        marks = [mark for mark in await self.ports.views.parked() if mark.group in built]
        if self.feeding:
            await self.ports.feed.stop()
        try:
            for part in self.parts:
                if part.facts is not None:
                    await part.facts.begin_anew()
        except BaseException:  # another process has the file
            await self._end(whole=False)
            raise
        return marks

    async def _undo(self, stopping: asyncio.Task[list[Parked]]) -> None:
        try:
            await asyncio.wait([stopping])
            if not stopping.cancelled() and stopping.exception() is None:
                await self._end(whole=False)
        finally:
            self._turn.release()

    async def _end(self, *, whole: bool) -> None:
        try:
            for part in self.parts:
                if part.facts is not None:
                    await part.facts.end_anew(whole=whole)
        finally:
            if self.feeding:
                await self.ports.feed.start()
