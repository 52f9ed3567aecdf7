"""The contract of every index of candidates."""

from __future__ import annotations

import pytest

from shared.eventstore.candidates import LONGEST_LIST, CandidateIndex, IndexEntry
from tests.contract.adapters import Adapter, Ports
from tests.contract.conftest import Opener

BIG = 2**63 - 1


@pytest.fixture
def index(ports: Ports) -> CandidateIndex:
    return ports.candidates


async def found(index: CandidateIndex, weights: dict[int, float], limit: int = 10) -> list[tuple[str, float]]:
    return list((await index.find(weights, limit)).cases)


async def test_cases_are_ranked_by_the_weights_that_they_share(index: CandidateIndex) -> None:
    await index.put([IndexEntry("a", (1, -2, BIG)), IndexEntry("b", (1, 3)), IndexEntry("c", (4,))])
    assert await found(index, {1: 1.0, -2: 2.0, BIG: 0.5, 9: 7.0}) == [("a", 3.5), ("b", 1.0)]
    assert await found(index, {1: 1.0, -2: 2.0}, 1) == [("a", 3.0)]
    assert await found(index, {}) == [] and await found(index, {9: 1.0}) == []
    assert await index.held(["a", "c", "x"]) == {"a", "c"} and await index.held([]) == set()


async def test_put_of_a_known_case_replaces_it(index: CandidateIndex) -> None:
    await index.put([IndexEntry("a", (1, 2)), IndexEntry("b", (1,))])
    for _ in range(2):  # a batch that is delivered again
        await index.put([IndexEntry("a", (2, 3)), IndexEntry("a", (3, 5))])
    assert await found(index, {1: 1.0, 2: 1.0}) == [("b", 1.0)]
    assert await found(index, {3: 1.0, 5: 1.0}) == [("a", 2.0)]
    await index.put([])


async def test_removed_case_is_in_no_list(index: CandidateIndex) -> None:
    await index.put([IndexEntry(name, (1, 2)) for name in "abc"])
    assert await index.remove(["a", "c", "x"]) == 2 and await index.remove(["a"]) == 0
    assert await found(index, {1: 1.0, 2: 1.0}) == [("b", 2.0)]
    await index.put([IndexEntry("d", (2,))])
    assert await found(index, {1: 1.0, 2: 1.0}) == [("b", 2.0), ("d", 1.0)], "no removed case comes back under a new id"
    assert await index.remove(["b", "d"]) == 2 and await found(index, {1: 1.0, 2: 1.0}) == []


async def test_full_list_keeps_latest_cases_and_reports_that_it_is_full(index: CandidateIndex) -> None:
    every = [IndexEntry(f"{number:04}", (1, 2) if number == 0 else (1,)) for number in range(LONGEST_LIST + 3)]
    await index.put(every[:5])
    assert (await index.find({1: 1.0}, 3)).full == frozenset()
    for at in range(5, len(every), 50):
        await index.put(every[at : at + 50])
    hits = await index.find({1: 1.0, 2: 1.0}, LONGEST_LIST + 3)
    assert hits.full == {1}
    assert sorted(case for case, _sum in hits.cases) == ["0000", *(entry.case for entry in every[3:])]
    assert await index.remove(["0000"]) == 1, "also where a list has dropped it"


async def test_frequencies_count_texts(index: CandidateIndex) -> None:
    assert await index.frequencies([1, 2]) == (0, {})
    await index.put([IndexEntry("a", (1,), (1, 2, -3)), IndexEntry("b", (1,), (2,))])
    await index.put([IndexEntry("c", (1,))])
    assert await index.frequencies([1, 2, -3, 4]) == (2, {1: 1, 2: 2, -3: 1})
    assert (await index.frequencies([])).texts == 2


async def test_new_index_is_not_started_until_it_is_said(index: CandidateIndex) -> None:
    await index.put([IndexEntry("a", (1,))])
    assert not await index.started(), "entries say nothing of the log before them"
    for _ in range(2):
        await index.start()
        assert await index.started()


async def test_index_survives_restart(adapter: Adapter, opened: Opener) -> None:
    if not adapter.restarts:
        pytest.skip("nothing outlives this adapter")
    first = (await opened()).candidates
    await first.put([IndexEntry("a", (1,), (1,))])
    await first.start()
    index = (await opened()).candidates
    assert await index.started()
    assert await found(index, {1: 1.0}) == [("a", 1.0)] and await index.frequencies([1]) == (1, {1: 1})
