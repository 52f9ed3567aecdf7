"""What becomes of commits that the broker refuses, and of a producer that is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
)

from shared.adapters.kafka import KafkaFeed, parking
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.publishing import MOST, Publisher, Sweeper
from shared.adapters.memory import MemoryLog, MemoryViews, SetClock
from shared.log import Commit
from tests.support.commits import START, commit
from tests.support.servers.kafka import free_ports

NOBODY = f"127.0.0.1:{free_ports(1)[0]}"


def publisher(log: MemoryLog) -> tuple[Publisher, list[str]]:
    ended: list[str] = []
    return Publisher(log, Connection(NOBODY), "t", ended=ended.append), ended


async def answered(of: Publisher, one: Commit, error: Exception | None) -> None:
    """The broker's answer to one commit, given to the publisher as its producer gives it."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
    producer = AIOKafkaProducer(bootstrap_servers=NOBODY)
    of._producer = producer
    try:
        await of._settle(producer, [(one, [future])])
    finally:
        await producer.stop()


async def test_only_what_is_acknowledged_is_marked() -> None:
    log = MemoryLog(outbox=True)
    of, ended = publisher(log)
    made = await log.append(commit())
    of.add([made])
    await answered(of, made, MessageSizeTooLargeError())
    assert (await log.backlog(), of.refused, of.waiting) == (1, "MessageSizeTooLargeError", 0)
    of.add([made])
    await answered(of, made, None)
    assert (await log.backlog(), of.refused, of.published) == (0, None, 1)
    assert not ended


@pytest.mark.parametrize("error", [KafkaTimeoutError(), NotEnoughReplicasError()])
async def test_what_passes_by_itself_renews_no_producer_and_is_no_refusal(error: KafkaError) -> None:
    log = MemoryLog(outbox=True)
    of, ended = publisher(log)
    made = await log.append(commit())
    for _ in range(3):
        await answered(of, made, error)
        assert of._producer is not None
    assert of.refused is None and not ended and await log.backlog() == 1


async def test_a_producer_that_is_lost_is_made_anew_and_twice_within_a_minute_is_the_end() -> None:
    log = MemoryLog(outbox=True)
    of, ended = publisher(log)
    made = await log.append(commit())
    await answered(of, made, OutOfOrderSequenceNumber())
    assert of._producer is None and not ended
    await answered(of, made, OutOfOrderSequenceNumber())
    assert len(ended) == 1 and "OutOfOrderSequenceNumber" in ended[0]


async def test_the_sweeper_takes_what_is_old_and_nothing_while_too_much_waits() -> None:
    log = MemoryLog(outbox=True)
    of, _ended = publisher(log)
    clock = SetClock(START)
    sweeper = Sweeper(log, of, clock)
    old = await log.append(commit(at=START - timedelta(seconds=11)))
    await log.append(commit("case/young", at=START - timedelta(seconds=9)))
    await sweeper.look()
    assert of.waiting == 1 and (old.stream, old.first) in of._waiting
    clock.advance(29)
    await sweeper.look()
    assert of.waiting == 2, "the claim on the old one holds; the young one has grown old"
    of.add(commit(f"case/{number}") for number in range(MOST))
    assert of.waiting == MOST, "the rest stays in the log"
    claimed = sweeper.claimed
    clock.advance(100)
    assert not await sweeper.look() and sweeper.claimed == claimed


async def test_the_sweeper_asks_with_one_commit_until_the_broker_has_answered_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = MemoryLog(outbox=True)
    of, _ended = publisher(log)
    sweeper = Sweeper(log, of, SetClock(START))
    for number in range(30):
        await log.append(commit(f"case/{number}", at=START - timedelta(minutes=1)))
    instant = 1000.0
    monkeypatch.setattr("shared.adapters.kafka.publishing.time", SimpleNamespace(monotonic=lambda: instant))
    taken = []
    for seconds in (0, 5, 5, 1):  # one a look, each of them acknowledged
        instant += seconds
        before = sweeper.claimed
        await sweeper.look()
        taken.append(sweeper.claimed - before)
        for one in list(of._waiting.values()):
            await answered(of, one, None)
    assert taken == [1, 1, 28, 0], "it has answered for ten seconds"
    instant += 60
    await log.append(commit("case/after", at=START - timedelta(minutes=1)))
    await log.append(commit("case/after-2", at=START - timedelta(minutes=1)))
    await sweeper.look()
    assert of.waiting == 1, "after a minute without a word it is asked again"


async def test_a_process_that_may_only_read_leaves_publishing_to_others() -> None:
    log, clock = MemoryLog(outbox=True), SetClock(START)
    feed = KafkaFeed(
        log, Connection(NOBODY), "t", clock=clock, instance="one", park=parking(MemoryViews(), clock),
        ended=pytest.fail, sweep=0.01, age=timedelta(0), publishes=False,
    )  # fmt: skip
    await feed.start()
    try:
        made = await log.append(commit(at=START))
        await feed.publish([made])
        clock.advance(timedelta(minutes=1))
        await asyncio.sleep(0.1)
        assert (feed.publisher.waiting, feed.sweeper.claimed, await log.backlog()) == (0, 0, 1)
        assert len(await log.claim(clock.now(), clock.now() + timedelta(seconds=30))) == 1, "another one can take it"
    finally:
        await feed.stop()
