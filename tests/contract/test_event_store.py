"""The contract of every event store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from shared.eventstore.commit import Commit, StreamHead
from shared.eventstore.event_store import Conflict, DuplicateCommand, EventStore
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener
from tests.support.commits import START, commit, history


@pytest.fixture
def log(ports: Ports) -> EventStore:
    return ports.log


async def put(log: EventStore, commits: list[Commit]) -> list[Commit]:
    return [await log.append(each) for each in commits]


async def scanned(log: EventStore, prefix: str = "", batch: int = 500) -> list[Commit]:
    return [each async for commits in log.scan(prefix, batch=batch) for each in commits]


async def test_load_returns_appended_bytes(log: EventStore) -> None:
    commits = [*history("case/a", 3, events=2), commit("case/b", request="hmac:1")]
    written = await put(log, commits)
    assert written == commits
    assert await log.load("case/a") == commits[:3]
    (loaded,) = await log.load("case/b")
    assert loaded == commits[3]
    assert loaded.request == "hmac:1"
    assert loaded.recorded[0].stream == "case/b"
    assert await log.load("case/none") == []


async def test_load_after_version_returns_whole_commits(log: EventStore) -> None:
    commits = await put(log, history("case/a", 4, events=3))
    for after in range(14):
        assert await log.load("case/a", after) == [each for each in commits if each.last > after]


async def test_load_with_limit_returns_first_commits(log: EventStore) -> None:
    commits = await put(log, history("case/a", 7, events=3))
    await put(log, history("outbox/long", 300))
    for after in (0, 1, 3, 4, 20, 21):
        whole = await log.load("case/a", after)
        for limit in (1, 2, 6, 7, 8, 100):
            assert await log.load("case/a", after, limit) == whole[:limit]
    assert await log.load("case/a", limit=1) == commits[:1]
    place, seen = 0, []
    while page := await log.load("outbox/long", place, limit=7):
        assert len(page) <= 7
        seen += [commit.first for commit in page]
        place = page[-1].last
    assert seen == list(range(1, 301)), "page by page, whatever is remembered of the stream"


async def test_several_streams_are_loaded_at_once(log: EventStore) -> None:
    written = {name: await put(log, history(name, length, events=2)) for name, length in (("case/a", 3), ("case/b", 1))}
    many = {f"drafts/{number}": await put(log, history(f"drafts/{number}", 1)) for number in range(230)}
    assert await log.load_many([]) == {}
    assert await log.load_many(["case/b", "case/a", "case/b"]) == written
    assert await log.load_many(["case/none", "case/a"]) == {"case/none": [], "case/a": written["case/a"]}
    assert await log.load_many([*many, *written]) == many | written, "more than one statement reads"
    (more,) = await put(log, [commit("case/b", after=written["case/b"][-1])])
    assert await log.load_many(["case/b", "case/a"]) == written | {"case/b": [*written["case/b"], more]}
    assert await log.load("case/b") == [*written["case/b"], more]


async def test_commit_with_wrong_expected_version_conflicts(log: EventStore) -> None:
    first, second = await put(log, history("case/a", 2))
    for wrong in (
        commit("case/a"),
        commit("case/a", after=first),
        commit("case/a", after=StreamHead(3, second.hash)),
        commit("case/a", after=StreamHead(2, first.hash)),
        commit("case/new", after=StreamHead(1, first.hash)),
    ):
        with pytest.raises(Conflict) as raised:
            await log.append(wrong)
        assert raised.value.stream == wrong.stream
    assert await log.load("case/a") == [first, second]
    assert await log.load("case/new") == []


async def test_known_causation_id_is_answered_before_version_check(log: EventStore) -> None:
    first = await log.append(commit("case/a", cause="clerk:1"))
    second = await log.append(commit("case/a", after=first, cause="clerk:2"))
    for again in (
        commit("case/a", cause="clerk:1"),
        commit("case/a", after=second, cause="clerk:1"),
        commit("case/a", after=StreamHead(9, "sha256:x"), cause="clerk:1"),
    ):
        with pytest.raises(DuplicateCommand) as raised:
            await log.append(again)
        assert raised.value.commit == first
    other = await log.append(commit("case/b", cause="clerk:1"))
    assert await log.by_cause("case/b", "clerk:1") == other
    assert await log.by_cause("case/a", "clerk:2") == second
    assert await log.by_cause("case/a", "clerk:3") is None
    assert await log.by_cause("case/c", "clerk:1") is None


async def test_64_concurrent_appends_to_one_stream_have_one_winner_each_round(log: EventStore) -> None:
    for version in range(5):
        stream = await log.load("case/a")
        after = stream[-1] if stream else None
        tries = [commit("case/a", after=after) for _ in range(64)]
        results = await asyncio.gather(*(log.append(each) for each in tries), return_exceptions=True)
        won = [result for result in results if isinstance(result, Commit)]
        assert len(won) == 1
        assert all(isinstance(result, Conflict) for result in results if not isinstance(result, Commit))
        assert (await log.load("case/a"))[version:] == won


async def test_64_appends_with_one_causation_id_get_one_answer(log: EventStore) -> None:
    tries = [commit("case/a", cause="platform:9") for _ in range(64)]
    results = await asyncio.gather(*(log.append(each) for each in tries), return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, Commit)]
    others = [result for result in results if not isinstance(result, Commit)]
    assert all(isinstance(other, DuplicateCommand) and other.commit == won for other in others)


async def test_bad_commit_does_not_affect_rest_of_batch(log: EventStore) -> None:
    before = await log.append(commit("case/known", cause="c"))
    good = [commit(f"case/{number}") for number in range(60)]
    bad = [
        commit("case/known"),
        commit("case/known", after=before, cause="c"),
        commit("case/9", after=StreamHead(4, "")),
    ]
    mixed = [*good, *bad]
    Random(3).shuffle(mixed)
    results = await asyncio.gather(*(log.append(each) for each in mixed), return_exceptions=True)
    for each, result in zip(mixed, results, strict=True):
        if each in good:
            assert result == each
        else:
            assert isinstance(result, Conflict | DuplicateCommand)


async def test_64_writers_on_few_streams_create_no_gap_and_no_fork(log: EventStore) -> None:
    async def writer(seed: int) -> None:
        random = Random(seed)
        for _ in range(6):
            stream = f"case/{random.randrange(5)}"
            while True:
                known = await log.load(stream)
                try:
                    await log.append(commit(stream, after=known[-1] if known else None, events=random.randrange(1, 4)))
                    break
                except Conflict:
                    continue

    await asyncio.gather(*(writer(seed) for seed in range(64)))
    assert len(await scanned(log)) == 64 * 6
    assert [finding async for finding in log.verify()] == []


STREAMS = ("case/a", "case/a 2", "case/a-1", "case/ab", "case/b", "outbox/a", "policy/cn", "事/一")
"""In the order of their names, also where one begins with another."""


async def test_scan_returns_whole_streams_in_order(log: EventStore) -> None:
    histories = [history(stream, 5) for stream in STREAMS]
    mixed = [each for step in zip(*histories, strict=True) for each in step]
    await put(log, mixed)
    for batch in (1, 2, 3, 500):
        assert await scanned(log, batch=batch) == [each for commits in histories for each in commits]
        assert await scanned(log, "case/", batch) == [each for commits in histories[:5] for each in commits]
        assert await scanned(log, "case/a", batch) == [each for commits in histories[:4] for each in commits]
        assert await scanned(log, "事", batch) == histories[7]
        assert await scanned(log, "nothing", batch) == []


async def test_append_during_scan_leaves_no_gap(log: EventStore) -> None:
    made = {f"case/{number}": history(f"case/{number}", 6) for number in range(8)}
    for commits in made.values():
        await put(log, commits[:3])
    seen: dict[str, list[Commit]] = {}
    async for part in log.scan(batch=2):
        for each in part:
            seen.setdefault(each.stream, []).append(each)
        for commits in made.values():
            known = await log.load(commits[0].stream)
            if len(known) < 6:
                await log.append(commits[len(known)])
    for stream, commits in seen.items():
        assert commits == made[stream][: len(commits)]
        assert len(commits) >= 3


async def test_heads_match_ends_of_streams(log: EventStore) -> None:
    made = {stream: history(stream, length) for stream, length in (("case/a", 3), ("case/b", 1), ("outbox/x", 4))}
    for commits in made.values():
        await put(log, commits)
    for batch in (1, 2, 3, 1000):
        heads = [each async for part in log.heads(batch=batch) for each in part]
        assert heads == [(stream, commits[-1].head) for stream, commits in made.items()]
        assert [stream async for part in log.heads("case/", batch=batch) for stream, _ in part] == ["case/a", "case/b"]
    assert [part async for part in log.heads("none")] == []


async def test_commit_is_unpublished_until_marked(opened: Opener) -> None:
    log = (await opened(outbox=True)).log
    late = await log.append(commit("case/a", at=START + timedelta(seconds=30)))
    early = await log.append(commit("case/b", at=START + timedelta(seconds=10)))
    assert await log.unpublished(START + timedelta(seconds=10)) == []
    assert await log.unpublished(START + timedelta(seconds=31)) == [early, late]
    assert await log.unpublished(START + timedelta(seconds=31), 1) == [early]
    await log.mark_published([early])
    await log.mark_published([early])
    assert await log.unpublished(START + timedelta(seconds=31)) == [late]


async def test_claimed_commit_is_exclusive_until_claim_expires(opened: Opener) -> None:
    log = (await opened(outbox=True)).log
    made = [await log.append(commit(f"case/{number}", at=START + timedelta(seconds=number))) for number in range(40)]
    now = START + timedelta(minutes=1)
    until = now + timedelta(seconds=30)
    assert await log.backlog() == 40
    assert await log.claim(START, until) == []
    oldest = await log.claim(now, until, 5)
    assert oldest == made[:5]
    claims = await asyncio.gather(*(log.claim(now, until, 10) for _ in range(8)))
    claimed = [each for claim in claims for each in claim]
    while more := await log.claim(now, until, 10):  # several at once may have wanted the same ones
        claimed += more
    assert sorted(each.stream for each in claimed) == sorted(each.stream for each in made[5:])
    assert await log.unpublished(now) == []
    assert await log.backlog() == 40
    await log.mark_published(made[10:])
    assert await log.claim(until, until + timedelta(seconds=30)) == []
    again = await log.claim(until + timedelta(seconds=1), until + timedelta(minutes=1))
    assert sorted(each.stream for each in again) == sorted(each.stream for each in made[:10])
    await log.mark_published(made)
    assert await log.backlog() == 0
    assert await log.claim(until + timedelta(days=1), until + timedelta(days=2)) == []


async def test_time_that_a_wrong_clock_set_does_not_keep_a_commit_from_being_claimed(opened: Opener) -> None:
    log = (await opened(outbox=True)).log
    commits = [await log.append(commit(f"case/{number}", at=START)) for number in range(3)]
    now = START + timedelta(days=1)
    wrong = now + timedelta(days=20)
    await log.hold(commits, wrong)
    assert await log.unpublished(now) == []
    claimed = await log.claim(now, now + timedelta(seconds=30))
    assert {one.stream for one in claimed} == {one.stream for one in commits}
    assert await log.claim(now, now + timedelta(seconds=30)) == [], "the claim is an ordinary one now"


async def test_commit_held_by_another_process_is_not_claimed(opened: Opener) -> None:
    log = (await opened(outbox=True)).log
    made = [await log.append(commit(f"case/{number}", at=START + timedelta(seconds=number))) for number in range(4)]
    now = START + timedelta(minutes=1)
    until = now + timedelta(seconds=30)
    await log.mark_published(made[:1])
    await log.hold(made[:3], until)
    assert await log.backlog() == 3, "what is published stays so"
    assert await log.claim(now, until) == made[3:]
    later = until + timedelta(seconds=1)
    assert await log.claim(later, later + timedelta(seconds=30), 2) == made[1:3]
    await log.hold(made[1:], later + timedelta(minutes=5))
    assert await log.claim(later + timedelta(minutes=1), later + timedelta(minutes=2)) == []
    await log.hold([], until)
    await log.mark_published(made)
    await log.hold(made, START)
    assert await log.backlog() == 0


async def test_store_without_outbox_has_no_unpublished_commits(log: EventStore) -> None:
    await log.append(commit())
    assert await log.unpublished(START + timedelta(days=9)) == []
    assert await log.claim(START + timedelta(days=9), START + timedelta(days=10)) == []
    assert await log.backlog() == 0


async def test_commits_survive_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    log = (await opened()).log
    commits = await put(log, [*history("case/a", 4), *history("case/b", 2)])
    log = (await opened()).log
    assert await log.load_many(["case/b", "case/a"]) == {"case/a": commits[:4], "case/b": commits[4:]}
    assert await scanned(log) == commits
    with pytest.raises(DuplicateCommand):
        await log.append(replace(commits[0]))
    with pytest.raises(Conflict):
        await log.append(commit("case/b"))
    await log.append(commit("case/b", after=commits[-1]))


async def test_cancelled_caller_does_not_affect_other_callers(log: EventStore) -> None:
    tasks = [asyncio.create_task(log.append(commit(f"case/{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, Commit) for result in results[1::2])
    assert [finding async for finding in log.verify()] == []


async def test_long_streams_are_read_completely(log: EventStore) -> None:
    commits = await put(log, history("outbox/org", 700))
    assert await log.load("outbox/org") == commits
    for after in (0, 100, 443, 444, 445, 572, 699, 700, 701):
        assert await log.load("outbox/org", after) == commits[after:]
    for each in commits[::97]:
        assert await log.by_cause("outbox/org", each.cause) == each
    assert await log.by_cause("outbox/org", "none") is None
