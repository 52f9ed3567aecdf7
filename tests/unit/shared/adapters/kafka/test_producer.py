"""Handling of commits that the broker refuses, and of a lost producer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.producer import MOMENT, MOST, CommitProducer
from shared.adapters.kafka.subscription import KafkaSubscriptions, parking
from shared.adapters.kafka.sweeper import Sweeper
from shared.adapters.memory import MemoryEventStore, MemoryReadModels, SetClock
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreUnavailable
from tests.support.commits import START, commit
from tests.support.servers.kafka import free_ports

NOBODY = f"127.0.0.1:{free_ports(1)[0]}"


def publisher(log: MemoryEventStore) -> tuple[CommitProducer, list[str]]:
    ended: list[str] = []
    return CommitProducer(log, Connection(NOBODY), "t", ended=ended.append), ended


async def answered(of: CommitProducer, one: Commit, error: Exception | None) -> None:
    """The broker's answer to one commit, given to the publisher as its producer gives it."""
    future: asyncio.Future[list[BaseException]] = asyncio.get_running_loop().create_future()
    future.set_result([] if error is None else [error])
    producer = AIOKafkaProducer(bootstrap_servers=NOBODY)
    of._producer = producer
    try:
        await of._settle(producer, [(one, future)])
        await of._marks.mark()
    finally:
        await producer.stop()


async def test_only_acknowledged_commits_are_marked() -> None:
    log = MemoryEventStore(outbox=True)
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
async def test_transient_error_neither_renews_producer_nor_counts_as_refusal(error: KafkaError) -> None:
    log = MemoryEventStore(outbox=True)
    of, ended = publisher(log)
    made = await log.append(commit())
    for _ in range(3):
        await answered(of, made, error)
        assert of._producer is not None
    assert of.refused is None and not ended and await log.backlog() == 1


async def test_lost_producer_is_recreated_and_second_loss_within_minute_is_fatal() -> None:
    log = MemoryEventStore(outbox=True)
    of, ended = publisher(log)
    made = await log.append(commit())
    await answered(of, made, OutOfOrderSequenceNumber())
    assert of._producer is None and not ended
    await answered(of, made, OutOfOrderSequenceNumber())
    assert len(ended) == 1 and "OutOfOrderSequenceNumber" in ended[0]


async def test_sweeper_takes_old_commits_unless_backlog_is_full() -> None:
    log = MemoryEventStore(outbox=True)
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


async def test_commits_waiting_for_unresponsive_broker_stay_with_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes and a broker that is unresponsive for a minute: the second takes the first one's commits only after the first
    has stopped and its claim has expired."""
    log, clock, instant = MemoryEventStore(outbox=True), SetClock(START), 1000.0
    monkeypatch.setattr("shared.adapters.kafka.producer.time", SimpleNamespace(monotonic=lambda: instant))
    (one, _), (two, _) = publisher(log), publisher(log)
    sweepers = [Sweeper(log, one, clock), Sweeper(log, two, clock)]
    for _ in range(12):
        one.add([await log.append(commit(f"case/{clock.now():%M%S}", at=clock.now()))])
        instant += 5
        clock.advance(5)
        for sweeper in sweepers:
            assert not await sweeper.look()
    assert (one.waiting, two.waiting) == (12, 0)
    instant += 60
    clock.advance(60)
    await sweepers[1].look()
    assert two.waiting == 12


async def test_commit_acknowledged_under_claim_is_not_sent_again() -> None:
    log, clock = MemoryEventStore(outbox=True), SetClock(START)
    of, _ended = publisher(log)
    sweeper = Sweeper(log, of, clock, every=60)  # every waiting commit is examined
    made = await log.append(commit(at=START))
    of.add([made])
    assert of.ending(90) == [made]
    await answered(of, made, None)
    of.keep([made], timedelta(seconds=30))
    await log.hold([made], START + timedelta(seconds=30))
    assert not await sweeper.look()
    assert (of.waiting, of.ending(90), await log.backlog(), len(of._queue)) == (0, [], 0, 1)


async def test_publisher_without_acknowledgements_yields_backlog_and_probes_with_one_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, clock, instant = MemoryEventStore(outbox=True), SetClock(START), 1000.0
    monkeypatch.setattr("shared.adapters.kafka.producer.time", SimpleNamespace(monotonic=lambda: instant))
    (cut_off, _), (other, _) = publisher(log), publisher(log)
    sweepers = [Sweeper(log, one, clock, patience=60) for one in (cut_off, other)]
    cut_off.add([await log.append(commit(f"case/{number}", at=START)) for number in range(9)])
    for _ in range(20):
        instant += 5
        clock.advance(5)
        for sweeper in sweepers:
            await sweeper.look()
    assert (cut_off.silent, cut_off.waiting, other.waiting) == (True, 0, 9)
    await sweepers[1].look()
    instant += 200
    clock.advance(200)  # the other one has stopped, too
    for _ in range(3):
        await sweepers[0].look()
    assert cut_off.waiting == 1, "it asks with one"
    for one in cut_off.ending(9999):
        await answered(cut_off, one, None)
    await sweepers[0].look()
    assert (cut_off.silent, cut_off.waiting) == (False, 8)


class Deaf(MemoryEventStore):
    """Does not take a mark while `deaf`."""

    deaf = True
    marks = 0

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        self.marks += 1
        if self.deaf:
            raise StoreUnavailable
        await super().mark_published(commits)


async def test_acknowledgements_are_marked_together_when_log_recovers() -> None:
    """Until then acknowledged commits stay claimed, and no sweeper takes them."""
    log = Deaf(outbox=True)
    of, _ended = publisher(log)
    made = [await log.append(commit(f"case/{number}")) for number in range(30)]
    of.add(made)
    for one in made:
        await answered(of, one, None)
    assert (of.published, of.waiting, await log.backlog()) == (30, 30, 30)
    assert of.ending(60) == made
    log.deaf, log.marks = False, 0
    assert await of._marks.mark()
    assert (of.waiting, await log.backlog(), log.marks) == (0, 0, 1)


async def test_unresponsive_partition_does_not_delay_marking_of_others() -> None:
    log = MemoryEventStore(outbox=True)
    of, _ended = publisher(log)
    quick, slow = [await log.append(commit(stream)) for stream in ("case/quick", "case/slow")]
    of.add([quick, slow])
    loop = asyncio.get_running_loop()
    said: asyncio.Future[list[BaseException]] = loop.create_future()
    silent: asyncio.Future[list[BaseException]] = loop.create_future()
    said.set_result([])
    producer = AIOKafkaProducer(bootstrap_servers=NOBODY)
    settling = asyncio.create_task(of._settle(producer, [(slow, silent), (quick, said)]))
    try:
        await asyncio.wait([settling], timeout=2 * MOMENT)
        await of._marks.mark()
        assert (await log.unpublished(START + timedelta(days=1)), of.waiting) == ([slow], 1)
        silent.set_result([])
        await settling
        await of._marks.mark()
        assert (await log.backlog(), of.waiting) == (0, 0)
    finally:
        await producer.stop()


async def test_read_only_process_leaves_publishing_to_others() -> None:
    log, clock = MemoryEventStore(outbox=True), SetClock(START)
    feed = KafkaSubscriptions(
        log, Connection(NOBODY), "t", clock=clock, instance="one", park=parking(MemoryReadModels(), clock),
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
