"""The order in which several processes run the test files."""

from __future__ import annotations

from pathlib import PurePath

from hypothesis import given
from hypothesis import strategies as st

from tests.support.order import WAITING, spread

FOLDERS = ("acceptance", "contract", "end_to_end", "faults", "integration", "unit/shared")


def test_files_that_wait_are_spread_among_those_that_compute() -> None:
    computing = [PurePath(f"tests/unit/test_{number}.py") for number in range(6)]
    waiting = [PurePath("tests/end_to_end/test_a.py"), PurePath("tests/faults/test_b.py")]
    assert spread([*waiting, *computing]) == [waiting[0], *computing[:3], waiting[1], *computing[3:]]


@given(st.lists(st.tuples(st.sampled_from(FOLDERS), st.integers(0, 99)), unique=True))
def test_no_file_is_lost_and_each_kind_keeps_its_order(names: list[tuple[str, int]]) -> None:
    files = [PurePath("tests", folder, f"test_{number}.py") for folder, number in names]
    found = spread(files)
    assert sorted(found) == sorted(files)
    for waits in (True, False):
        kind = [file for file in files if bool(WAITING.intersection(file.parts)) is waits]
        assert [file for file in found if file in set(kind)] == kind
