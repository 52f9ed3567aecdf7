"""A log is rebuilt from the commits of a topic: in any order, with duplicates, and with gaps."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from shared.adapters.kafka.records import Headers, to_records
from shared.adapters.kafka.topic_reader import Pieces
from shared.adapters.memory import MemoryEventStore
from shared.eventstore.commit import Commit
from shared.kernel.refusals import Refused
from shared.operations.digests import log_digest
from shared.operations.log_recovery import LogRecovery
from tests.support.commits import commit, history


@dataclass
class Record:
    """One record of the topic."""

    value: bytes | None
    headers: Headers = field(default_factory=list)
    topic: str = "case-events"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0


def records(*commits: Commit) -> list[Record]:
    return [Record(one.value, one.headers) for each in commits for one in to_records(each)]


async def filled() -> tuple[MemoryEventStore, list[Commit]]:
    """A log of some streams, one with a request, and its commits in order."""
    log = MemoryEventStore(outbox=True)
    made = [each for number in range(6) for each in history(f"case/{number}", 5, events=3)]
    made.append(commit("policy/cn", request="hmac:1", cause="clerk:1"))
    return log, [await log.append(each) for each in made]


@pytest.mark.parametrize("seed", range(5))
async def test_log_is_rebuilt_from_records_in_any_order(seed: int) -> None:
    old, made = await filled()
    chance = random.Random(seed)
    found = records(*made) + chance.sample(records(*made), 20)
    chance.shuffle(found)
    new, pieces = MemoryEventStore(outbox=True), Pieces()
    refilling = await LogRecovery.begun(new)
    while found:
        batch, found = found[:7], found[7:]
        await refilling.take(pieces.add(batch))
    assert await log_digest(new) == await log_digest(old)
    assert (await new.load("policy/cn"))[0].request == "hmac:1"
    assert (refilling.written, refilling.left(), pieces.unusable) == (len(made), [], 0)
    assert all(refilling.holds(part.stream, part.last) for part in pieces.missing())
    assert await new.backlog() == 0, "the topic has them: nobody publishes them again"


async def test_recovery_resumes_and_second_run_adds_nothing() -> None:
    old, made = await filled()
    new = MemoryEventStore(outbox=True)
    await (await LogRecovery.begun(new)).take(made[:10])  # and it was killed
    for written in (len(made) - 10, 0):
        refilling = await LogRecovery.begun(new)
        await refilling.take(made)
        assert (refilling.written, refilling.left()) == (written, [])
    assert await log_digest(new) == await log_digest(old)


async def test_recovery_names_missing_or_changed_commit_and_stops_there() -> None:
    _old, made = await filled()
    spoilt = replace(made[7], events=tuple(data.replace(b"cn", b"CN") for data in made[7].events))
    new, pieces = MemoryEventStore(outbox=True), Pieces()
    refilling = await LogRecovery.begun(new)
    half = records(made[12])[1:]
    garbage = [Record(b"nobody can read this"), Record(None), Record(b"{}", [("ce_subject", b"case/0")])]
    kept = [each for each in made if each not in (made[2], made[7], made[12])]
    await refilling.take(pieces.add([*records(*kept, spoilt), *half, *garbage]))
    assert pieces.unusable == 3
    assert {stream for stream, _version in refilling.left()} == {"case/0", "case/1", "case/2"}
    assert [(part.stream, part.first) for part in pieces.missing()] == [("case/2", 7)]
    assert [len(await new.load(f"case/{number}")) for number in range(4)] == [2, 2, 2, 5]


async def test_log_with_other_data_is_left_unchanged() -> None:
    _old, made = await filled()
    new = MemoryEventStore(outbox=True)
    other = await new.append(commit("case/0", cause="elsewhere"))
    with pytest.raises(Refused) as refused:
        await (await LogRecovery.begun(new)).take([made[0], commit("case/0", cause="a third one")])
    assert refused.value.code == "log_differs"
    assert await new.load("case/0") == [other]


async def test_fork_is_reported_and_not_resolved() -> None:
    one, two = commit("case/f", cause="one"), commit("case/f", cause="two")
    new = MemoryEventStore(outbox=True)
    refilling = await LogRecovery.begun(new)
    await refilling.take([one, two])
    assert (refilling.written, refilling.left()) == (0, [("case/f", 1)])
