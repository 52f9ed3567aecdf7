"""How organisations of the play are: invented, drawn by seed, the same for the whole play."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

Days = tuple[int, int]


class Temper(NamedTuple):
    """Days from the step before, from and to."""

    name: str
    sign: Days = (0, 2)
    accept: Days = (1, 4)
    notice: Days = (0, 3)
    work: Days = (2, 9)
    decide: Days = (3, 20)
    returns: float = 0.03
    """Share of cases that it objects to (Art. 23)."""
    extends: float = 0.05
    """Share of cases for which it asks for more time (Art. 34)."""
    signs: bool = True
    """False: it does nothing before supervision was opened."""


PROMPT = Temper("prompt")
SLOW = Temper("slow", (2, 7), (4, 10), (2, 8), (6, 20), (25, 60))
OBJECTING = Temper("objecting", returns=0.4)
EXTENDING = Temper("extending", decide=(20, 60), extends=0.7)
SILENT = Temper("silent", signs=False)
_OTHERS = (SLOW, SILENT, OBJECTING, EXTENDING)


def tempers(orgs: Iterable[str], seed: int) -> dict[str, Temper]:
    """Organisation -> its temper; half of them are prompt. The busiest and the smallest may be of any."""
    shuffled = sorted(orgs)
    Random(f"{seed}:tempers").shuffle(shuffled)
    return {
        org: _OTHERS[place] if place < min(len(_OTHERS), len(shuffled) // 2) else PROMPT
        for place, org in enumerate(shuffled)
    }
