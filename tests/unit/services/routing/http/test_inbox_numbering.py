"""Entries hidden from a reader of another organisation's inbox leave no gap in the numbering."""

from __future__ import annotations

from hypothesis import given as forall
from hypothesis import strategies as st

from services.routing.http.inbox_gaps import Gaps


@forall(st.sets(st.integers(1, 40)), st.integers(1, 60))
def test_inbox_numbers_are_gapless_and_map_to_entries(hidden: set[int], last: int) -> None:
    gaps = Gaps(versions=sorted(hidden))
    told = [version for version in range(1, last + 1) if version not in hidden]
    numbers = [gaps.number(version) for version in told]
    assert numbers == list(range(1, len(told) + 1))
    assert [gaps.version(number) for number in numbers] == told
    assert all(told[gaps.number(version) :] == [one for one in told if one > version] for version in told)
