"""Fold of all cases from stored bytes: hash checked, decoded, evolved."""

from __future__ import annotations

from statistics import median

from bench.bare import read_all, reader
from bench.cases import by_case, lifecycles
from bench.figures import Figure, at_least, beside, quotient, timed
from shared.case import fold
from shared.eventstore.commit import Commit
from shared.eventstore.fast_decode import fast_decode

NAME = "fold"
AIM = 0.8


def measure(*, quick: bool) -> list[Figure]:
    cases = by_case(lifecycles(30 if quick else 1000))
    events = [data for commits in cases for commit in commits for data in commit.events]
    reader()
    taken = beside({"fold": timed(lambda: fold_all(cases)), "bare": timed(lambda: read_all(events))}, 3 if quick else 9)
    ratio = quotient(taken["bare"], taken["fold"])
    here, there = (len(events) / median(taken[name]) for name in ("fold", "bare"))
    note = f"{len(cases)} cases, {len(events)} events of {sum(map(len, events)) // len(events)} bytes"
    return [Figure(NAME, here, "events/s", "bare pydantic decode", there, ratio, *at_least(ratio, AIM), note)]


def fold_all(cases: list[list[Commit]]) -> int:
    """As a rebuild or a cold read does it, without the events that the commits have cached."""
    found = 0
    for commits in cases:
        if not all(commit.intact() for commit in commits):
            raise ValueError("the bytes do not match their hash")
        case = fold(fast_decode(data) for commit in commits for data in commit.events)
        found += case.version
    return found
