"""How alike texts are: cosine of their pairs of signs, weighed by how rare a pair is among the texts compared. Pure.

Plain Python serves for the few texts that one look may open, so there is no dependency for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import NamedTuple

SIGNS = 2
"""Chinese words are mostly two signs long."""
TITLE = 3
"""A title says what the matter is: its pairs count as often as this."""
LONGEST = 4_000
"""Signs of one text that are compared."""


class Writing(NamedTuple):
    """What somebody wrote, opened for the comparison and forgotten after it."""

    title: str
    text: str


def likeness(one: Writing, others: Sequence[Writing]) -> list[float]:
    """Figures from 0 (no pair in common) to 1 (the same), one for each of `others`."""
    counted = [_pairs(one), *(_pairs(other) for other in others)]
    spread = Counter(pair for pairs in counted for pair in pairs)
    first, *rest = (_weighed(pairs, spread, len(counted)) for pairs in counted)
    return [min(1.0, _cosine(first, other)) for other in rest]


def _pairs(writing: Writing) -> Counter[str]:
    found = Counter(_of(writing.text))
    for pair in _of(writing.title):
        found[pair] += TITLE
    return found


def _of(text: str) -> list[str]:
    """Neighbouring letters, figures and Chinese signs; whatever stands between them is left out."""
    signs = "".join(sign for sign in text[:LONGEST].lower() if sign.isalnum())
    return [signs[at : at + SIGNS] for at in range(len(signs) - SIGNS + 1)]


def _weighed(pairs: Counter[str], spread: Mapping[str, int], texts: int) -> dict[str, float]:
    """Weights of length 1. A pair that stands in every text still counts a little: there may be two texts only."""
    weights = {pair: (1 + log(count)) * log(1 + texts / spread[pair]) for pair, count in pairs.items()}
    length = sqrt(sum(weight * weight for weight in weights.values()))
    return {pair: weight / length for pair, weight in weights.items()} if length else {}


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other.get(pair, 0.0) for pair, weight in one.items())
