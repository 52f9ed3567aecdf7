"""How the organisations of the simulation behave: drawn by seed, the same for the whole simulation."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

Days = tuple[int, int]


class Profile(NamedTuple):
    """How long each step takes: days since the step before, from and to."""

    name: str
    sign: Days = (0, 2)
    accept: Days = (1, 4)
    notice: Days = (0, 3)
    work: Days = (2, 9)
    decide: Days = (3, 20)
    extension_notice: Days = (0, 4)
    returns: float = 0.03
    """Share of cases that it objects to (Art. 23)."""
    extends: float = 0.05
    """Share of cases for which it asks for more time (Art. 34)."""
    signs: bool = True
    """False: it does nothing before supervision is opened."""


PROMPT = Profile("prompt")
_OTHERS = (
    Profile("slow", (2, 7), (4, 10), (2, 8), (6, 20), (25, 60)),
    Profile("silent", signs=False),
    Profile("objecting", returns=0.4),
    Profile("extending", decide=(20, 60), extension_notice=(0, 16), extends=0.7),
)


def profiles(orgs: Iterable[str], seed: int) -> dict[str, Profile]:
    """The profile of each organisation; at least half of them are prompt."""
    shuffled = sorted(orgs)
    Random(f"{seed}:tempers").shuffle(shuffled)
    others = _OTHERS[: len(shuffled) // 2]
    return dict.fromkeys(shuffled, PROMPT) | dict(zip(shuffled, others, strict=False))
