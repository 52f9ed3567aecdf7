"""The contract of every subscription: at-least-once delivery, to every group, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener
from tests.support.commits import commit, history

NEEDS_FEED = True


async def put(log: EventStore, commits: list[Commit]) -> list[Commit]:
    return [await log.append(each) for each in commits]


class Consumer:
    def __init__(self, fail: int = 0) -> None:
        self.seen: list[Commit] = []
        self.batches: list[int] = []
        self.fail = fail

    async def __call__(self, commits: Sequence[Commit]) -> None:
        await asyncio.sleep(0)
        if self.fail:
            self.fail -= 1
            raise OSError("the database is away")
        self.batches.append(len(commits))
        self.seen += commits

    @property
    def causes(self) -> set[str]:
        return {each.cause for each in self.seen}


async def test_every_group_receives_every_commit(ports: Ports) -> None:
    one, two = Consumer(), Consumer()
    ports.feed.subscribe("one", one)
    ports.feed.subscribe("two", two, max_commits=3)
    early = await put(ports.log, history("case/a", 20))
    await ports.feed.start()
    late = await put(ports.log, [commit(f"case/{number}") for number in range(20)])
    await ports.feed.publish(late)
    await ports.feed.drain()
    expected = {each.cause for each in (*early, *late)}
    assert one.causes == two.causes == expected
    assert max(two.batches) <= 3
    assert await ports.feed.lag() == {"one": 0, "two": 0}
    await ports.feed.stop()


async def test_failing_handler_receives_batch_again_without_blocking_other_groups(ports: Ports) -> None:
    failing, well = Consumer(fail=3), Consumer()
    ports.feed.subscribe("failing", failing)
    ports.feed.subscribe("well", well)
    await ports.feed.start()
    made = await put(ports.log, history("case/a", 10))
    await ports.feed.drain()
    assert failing.fail == 0
    assert failing.causes == well.causes == {each.cause for each in made}
    await ports.feed.stop()


async def test_commits_appended_by_handler_are_delivered(ports: Ports) -> None:
    seen: set[str] = set()

    async def react(commits: Sequence[Commit]) -> None:
        for each in commits:
            if each.stream.startswith("case/") and each.cause not in seen:
                await ports.log.append(commit(f"outbox/{each.cause}", cause=f"react:{each.cause}"))
            seen.add(each.cause)

    ports.feed.subscribe("react", react)
    await ports.feed.start()
    made = await put(ports.log, history("case/a", 10))
    await ports.feed.drain()
    assert seen == {each.cause for each in made} | {f"react:{each.cause}" for each in made}
    await ports.feed.stop()


async def test_stop_completes_current_batch(ports: Ports) -> None:
    began, go = asyncio.Event(), asyncio.Event()
    done: list[Commit] = []

    async def slow(commits: Sequence[Commit]) -> None:
        began.set()
        await go.wait()
        done.extend(commits)

    ports.feed.subscribe("slow", slow)
    await ports.feed.start()
    await put(ports.log, history("case/a", 3))
    await began.wait()
    stopping = asyncio.create_task(ports.feed.stop())
    await asyncio.sleep(0.01)
    assert not stopping.done()
    go.set()
    await stopping
    assert done


async def test_unhandled_commits_are_delivered_after_restart(ports: Ports) -> None:
    consumer = Consumer(fail=10**9)
    ports.feed.subscribe("group", consumer)
    await ports.feed.start()
    made = await put(ports.log, history("case/a", 5))
    await asyncio.sleep(0.02)
    await ports.feed.stop()
    assert (await ports.feed.lag())["group"] > 0
    more = await put(ports.log, history("case/b", 5))
    consumer.fail = 0
    await ports.feed.start()
    await ports.feed.drain()
    await ports.feed.stop()
    assert consumer.causes == {each.cause for each in (*made, *more)}


async def test_progress_advances_while_idle(ports: Ports) -> None:
    ports.feed.subscribe("group", Consumer())
    before = ports.feed.last_progress("group")
    await ports.feed.start()
    await put(ports.log, history("case/a", 1))
    await ports.feed.drain()
    assert ports.feed.last_progress("group") > before
    await ports.feed.stop()


async def test_restart_resumes_from_checkpoint(adapter: Adapter, opened: Opener) -> None:
    if not adapter.checkpoints:
        pytest.skip("this adapter keeps its positions in memory")
    ports = await opened()
    first = Consumer()
    ports.feed.subscribe("group", first)
    await ports.feed.start()
    made = await put(ports.log, history("case/a", 30))
    await ports.feed.drain()
    await ports.feed.stop()

    ports = await opened()
    second = Consumer()
    ports.feed.subscribe("group", second)
    more = await put(ports.log, history("case/b", 4))
    await ports.feed.start()
    await ports.feed.drain()
    assert first.causes == {each.cause for each in made}
    assert second.causes == {each.cause for each in more}
    await ports.feed.stop()


async def test_dropping_read_models_drops_checkpoints(adapter: Adapter, ports: Ports) -> None:
    if not (adapter.checkpoints and adapter.beside_views):
        pytest.skip("this adapter keeps its positions elsewhere: whoever drops the views rewinds the groups")
    consumer = Consumer()
    ports.feed.subscribe("group", consumer)
    await ports.feed.start()
    made = await put(ports.log, history("case/a", 30))
    await ports.feed.drain()
    consumer.seen.clear()
    await ports.views.clear()
    await ports.feed.drain()
    await ports.feed.stop()
    assert consumer.causes == {each.cause for each in made}
