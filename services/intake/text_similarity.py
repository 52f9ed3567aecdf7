"""Text similarity: the cosine of TF-IDF weights of character bigrams. Pure.

Plain Python is fast enough for the few texts of one request, so there is no dependency for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import NamedTuple

from shared.kernel.text_normalization import search_form

NGRAM = 2
"""Characters of an n-gram; most Chinese words have two."""
TITLE = 3
"""Weight of a bigram of the title, relative to one of the text."""
LONGEST = 4_000
"""Characters of a text that are compared."""


class TextProfile(NamedTuple):
    """The decrypted texts of a filing, kept only for the comparison."""

    title: str
    text: str


def likeness(one: TextProfile, others: Sequence[TextProfile]) -> list[float]:
    """Similarities from 0 (no common bigram) to 1 (identical), one for each of `others`."""
    counted = [_pairs(one), *(_pairs(other) for other in others)]
    spread = Counter(pair for pairs in counted for pair in pairs)
    first, *rest = (_weighed(pairs, spread, len(counted)) for pairs in counted)
    return [min(1.0, _cosine(first, other)) for other in rest]


def _pairs(writing: TextProfile) -> Counter[str]:
    found = Counter(_of(writing.text))
    for pair in _of(writing.title):
        found[pair] += TITLE
    return found


def _of(text: str) -> list[str]:
    """The bigrams of letters, digits and Chinese characters in their search form."""
    characters = search_form(text[:LONGEST])
    return [characters[at : at + NGRAM] for at in range(len(characters) - NGRAM + 1)]


def _weighed(pairs: Counter[str], spread: Mapping[str, int], texts: int) -> dict[str, float]:
    """Weights, normalised to length 1. A bigram of all texts still has some weight, as there may be only two texts."""
    weights = {pair: (1 + log(count)) * log(1 + texts / spread[pair]) for pair, count in pairs.items()}
    length = sqrt(sum(weight * weight for weight in weights.values()))
    return {pair: weight / length for pair, weight in weights.items()} if length else {}


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other.get(pair, 0.0) for pair, weight in one.items())
