"""The port `CandidateIndex`: which cases share rare n-grams with a text. It offers filings that may be of the same matter.

It holds hashes of character n-grams under a key of the deployment and ids of cases: no text, no person. It is no read model, and
in no digest, backup, move or export. It can be deleted at any time: the cases of the log fill it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

LONGEST_LIST = 256
"""Cases that the posting list of one hash keeps, the latest added (own choice): the cost of a question is bounded."""
SAMPLE = 10_000
"""Texts whose n-grams are counted (own choice). More would not change which n-grams are rare, and counting costs most."""


class IndexEntry(NamedTuple):
    """One text as it is indexed."""

    case: str
    kept: tuple[int, ...]
    """Hashes under which the case is found; signed, of 64 bits."""
    counted: tuple[int, ...] = ()
    """Hashes whose frequency it adds to; empty after the sample."""


class Frequencies(NamedTuple):
    """How often n-grams occur in the counted texts."""

    texts: int
    of: Mapping[int, int]
    """Hash -> number of texts; a hash that never occurred is left out."""


class Hits(NamedTuple):
    """The cases that share hashes with a text."""

    cases: Sequence[tuple[str, float]]
    """(case, sum of the weights that it shares), best first."""
    full: frozenset[int]
    """Hashes whose posting list is full: older cases may have been dropped from it."""


class CandidateIndex(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `put` of a known case replaces what is held of it; a batch that is repeated changes nothing but frequencies.
    - A removed case is in no posting list, and its hashes are gone from the store.
    - A posting list keeps the last LONGEST_LIST cases that were put.
    """

    async def held(self, cases: Sequence[str]) -> set[str]:
        """Those of `cases` that are indexed."""
        ...

    async def frequencies(self, hashes: Collection[int]) -> Frequencies:
        """The frequencies of these hashes."""
        ...

    async def put(self, entries: Sequence[IndexEntry]) -> None:
        """Index these texts, one round trip or transaction for all."""
        ...

    async def find(self, weights: Mapping[int, float], limit: int) -> Hits:
        """The `limit` cases with the largest sums of the weights of their hashes."""
        ...

    async def remove(self, cases: Sequence[str]) -> int:
        """Remove them without a trace; returns how many there were."""
        ...

    async def started(self) -> bool:
        """True once `start` was called: a new index must be filled from the start of the log."""
        ...

    async def start(self) -> None:
        """Record that its consumer reads from the start of the log. Call it after the consumer was rewound."""
        ...

    async def close(self) -> None: ...


def ranked(lists: Iterable[tuple[int, Sequence[str]]], weights: Mapping[int, float], limit: int) -> Hits:
    """The best of these (hash, cases) lists; of equal sums the smaller id first.

    >>> ranked([(1, ["a", "b"]), (2, ["b"])], {1: 2.0, 2: 1.0}, 1)
    Hits(cases=[('b', 3.0)], full=frozenset())
    """
    sums: defaultdict[str, float] = defaultdict(float)
    full = set()
    for one, cases in lists:
        if len(cases) >= LONGEST_LIST:
            full.add(one)
        for case in cases:
            sums[case] += weights[one]
    best = sorted(sums.items(), key=lambda found: (-found[1], found[0]))
    return Hits(best[:limit], frozenset(full))
