"""A store that falls silent, refuses or answers again: what /readyz says, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from shared.adapters.system_clock import SystemClock
from shared.eventstore.errors import Damaged, LoginRefused, StoreUnavailable
from shared.eventstore.event_store import EventStore
from shared.hosting import backpressure
from shared.hosting.backpressure import LOG_AWAY, STORE_LOGIN_REFUSED, Backpressure


class Log:
    """Answers, or hangs, or fails, for questions and counts alike."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.silent = False
        self.waiting = 0

    async def _answer(self) -> None:
        if self.silent:
            await asyncio.sleep(3600)
        if self.error is not None:
            raise self.error

    async def load(self, _stream: str, **_more: Any) -> list[Any]:
        await self._answer()
        return []

    async def backlog(self) -> int:
        await self._answer()
        return self.waiting


async def until(what: Callable[[], bool], seconds: float) -> float:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it never came to that"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as fast as the product, whose sum is checked below."""
    for name in ("LOOK", "ANSWER", "AWAY"):
        monkeypatch.setattr(backpressure, name, getattr(backpressure, name) / 10)


def test_silence_is_noticed_within_three_seconds() -> None:
    look, answer = 10 * backpressure.LOOK, 10 * backpressure.ANSWER
    assert 2 * (look + answer) < 3
    assert look + 2 * answer >= 10 * backpressure.AWAY, "the second question in vain is enough"


@pytest.mark.parametrize(
    ("error", "why"), [(None, LOG_AWAY), (StoreUnavailable("x"), LOG_AWAY), (LoginRefused("x"), STORE_LOGIN_REFUSED)]
)
async def test_silent_or_refusing_store_is_reported_until_it_answers(error: BaseException | None, why: str) -> None:
    log = Log()
    pressure = Backpressure(cast(EventStore, log), SystemClock(), 10)
    watching = asyncio.create_task(pressure.watch())
    log.waiting = 3
    await until(lambda: pressure.waiting == 3, 5)
    assert pressure.away is None
    log.error, log.silent = error, error is None
    await until(lambda: pressure.away == why, 5)
    assert pressure.waiting == 3, "the last count"
    log.error, log.silent = None, False
    await until(lambda: pressure.away is None, 5)
    watching.cancel()


async def test_one_slow_answer_or_damage_is_no_silence() -> None:
    log = Log()
    pressure = Backpressure(cast(EventStore, log), SystemClock(), 10)
    log.error = StoreUnavailable("an election")
    await pressure.look()
    assert pressure.away is None
    log.error = Damaged("principals", 1, "x")
    await asyncio.sleep(backpressure.AWAY)
    await pressure.look()
    assert pressure.away is None
