"""The index of candidates in memory, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from shared.eventstore.candidates import LONGEST_LIST, Frequencies, Hits, IndexEntry, ranked


class MemoryCandidates:
    """A `CandidateIndex`."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, ...]] = {}
        self._lists: dict[int, list[str]] = {}
        self._counts: Counter[int] = Counter()
        self._texts = 0
        self._started = False

    async def held(self, cases: Sequence[str]) -> set[str]:
        return {case for case in cases if case in self._kept}

    async def frequencies(self, hashes: Collection[int]) -> Frequencies:
        return Frequencies(self._texts, {one: self._counts[one] for one in hashes if one in self._counts})

    async def put(self, entries: Sequence[IndexEntry]) -> None:
        await self.remove([entry.case for entry in entries])
        for entry in {entry.case: entry for entry in entries}.values():
            self._kept[entry.case] = entry.kept
            for one in entry.kept:
                self._lists[one] = [*self._lists.get(one, ()), entry.case][-LONGEST_LIST:]
            self._counts.update(entry.counted)
            self._texts += bool(entry.counted)

    async def find(self, weights: Mapping[int, float], limit: int) -> Hits:
        return ranked([(one, self._lists.get(one, ())) for one in weights], weights, limit)

    async def remove(self, cases: Sequence[str]) -> int:
        gone = [case for case in dict.fromkeys(cases) if case in self._kept]
        for case in gone:
            for one in self._kept.pop(case):
                left = [other for other in self._lists.get(one, ()) if other != case]
                if left:
                    self._lists[one] = left
                else:
                    self._lists.pop(one, None)
        return len(gone)

    async def started(self) -> bool:
        return self._started

    async def start(self) -> None:
        self._started = True

    async def close(self) -> None:
        """Nothing to close."""
