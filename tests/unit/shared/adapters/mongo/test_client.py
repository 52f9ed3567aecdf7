"""Requests to MongoDB: the caller is answered in time, even if the driver is slow to cancel."""

from __future__ import annotations

import asyncio
import time

import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from shared.adapters.mongo.client import ask
from shared.eventstore.errors import StoreFull, StoreUnavailable


async def raising(error: Exception) -> None:
    raise error


async def test_slow_driver_timeout_is_not_awaited() -> None:
    ended = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.3)  # it takes its lock back first
            ended.set()
            raise AutoReconnect("it does not even end as it was told to") from None

    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await ask(stubborn(), 0.05)
    assert time.monotonic() - began < 0.25
    await asyncio.wait_for(ended.wait(), 5)


async def test_cancelled_caller_cancels_request() -> None:
    gone = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            gone.set()

    asking = asyncio.create_task(ask(long()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(gone.wait(), 5)


async def test_driver_error_is_translated_for_caller() -> None:
    assert await ask(asyncio.sleep(0, "answer")) == "answer"
    for error, meaning in (
        (AutoReconnect("gone"), StoreUnavailable),
        (OperationFailure("no primary", 10107), StoreUnavailable),
        (OperationFailure("no space", 14031), StoreFull),
        (OperationFailure("ours", 9), OperationFailure),
        (TimeoutError(), StoreUnavailable),
    ):
        with pytest.raises(meaning):
            await ask(raising(error))
