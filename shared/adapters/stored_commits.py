"""What the stored forms of a commit have in common: limits of keys, a mark for unreadable instants, verification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from shared.eventstore.commit import Commit
from shared.eventstore.verification import ChainWalk, Finding
from shared.kernel.legal_time import to_text

PAST_ALL = "\U0010ffff"
"""`prefix + PAST_ALL` sorts after every string that begins with `prefix`."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Replaces an instant that cannot be read."""
Wrong = list[tuple[str, str]]
"""(column, what is wrong with it)."""


def read_instant(stored: object, wrong: Wrong) -> datetime:
    """The stored instant, or NEVER. Adds to `wrong` what cannot be read or is not in the storage form."""
    try:
        when = datetime.fromisoformat(str(stored))
        if to_text(when) == stored:
            return when
        wrong.append(("recorded_at", "is not in the storage form"))
    except (ValueError, OverflowError, TypeError):
        wrong.append(("recorded_at", "is not an instant"))
    return NEVER


def findings(walk: ChainWalk, commit: Commit, wrong: Sequence[tuple[str, str]], last: object) -> Iterator[Finding]:
    """Everything that is wrong with a stored commit.

    Args:
        walk: Knows the commits before this one.
        wrong: Columns that could not be read; the walk's findings about them are left out.
        last: The stored version of the last event.
    """
    for column, why in wrong:
        yield Finding(commit.stream, commit.first, commit.position, column, why)
    doubted = {column for column, _ in wrong}
    for finding in walk.step(commit):
        if finding.column not in doubted:
            yield finding
    if last != commit.last:
        yield Finding(commit.stream, commit.first, commit.position, "last", "differs from the number of events")
