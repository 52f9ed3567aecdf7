"""The fast ways to build a commit give the same commits as the plain ones."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from shared.adapters.sqlite.commit_rows import tolerant
from shared.adapters.sqlite.event_store import row_of
from shared.adapters.sqlite.quick_commits import quick_commit
from shared.eventstore.commit import Commit
from tests.support.commits import history

COMMITS = [*history("case/a", 5), *history("inbox/b", 3, events=4)]


@pytest.mark.parametrize("commit", [*COMMITS, replace(COMMITS[0], request="digest")])
def test_row_gives_same_commit_on_fast_and_plain_path(commit: Commit) -> None:
    *row, last = row_of(commit, 7)
    plain, wrong = tolerant([value.encode() if isinstance(value, str) else value for value in row])
    assert asdict(quick_commit(row)) == asdict(plain) == asdict(replace(commit, position=7))
    assert (last, wrong) == (commit.last, [])


@pytest.mark.parametrize("recorded_at", [None, "yesterday", "2026-01-31T02:03:04"])
def test_row_without_timestamp_is_refused(recorded_at: str | None) -> None:
    *row, _last = row_of(COMMITS[0], 1)
    row[5] = recorded_at
    with pytest.raises((TypeError, ValueError)):
        quick_commit(row)


def test_repositioned_commit_equals_replaced_one_and_keeps_decoded_events() -> None:
    commit = COMMITS[0]
    events = commit.recorded
    moved = commit.at(9)
    assert asdict(moved) == asdict(replace(commit, position=9))
    assert moved.recorded is events
    assert commit.position == 0
