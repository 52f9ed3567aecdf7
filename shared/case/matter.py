"""Which case leads a matter. Pure, over the cases that somebody has loaded.

A link points from a case to an older one, and which of two is older never changes. So every line of links ends, whatever
is appended at the same time elsewhere, and nobody needs a lock over two streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.case.state import Case
from shared.times import instant_of


def line_of(case_id: str, cases: Mapping[str, Case]) -> Iterator[Case]:
    """The case and those that it follows, one after the other, as far as `cases` holds them."""
    seen: set[str] = set()
    at: str | None = case_id
    while at is not None and at not in seen and (case := cases.get(at)) is not None:
        yield case
        seen.add(at)
        at = case.lead


def head_of(case_id: str, cases: Mapping[str, Case]) -> Case | None:
    """The case at the end of the line: it leads. None where `cases` lacks one of the line, or the line runs in a circle."""
    return next((case for case in line_of(case_id, cases) if case.lead is None), None)


def older(one: Case, other: Case, zone: str) -> bool:
    """Was `one` filed before `other`? By the legal time that was registered first, a date meaning the end of that day in
    `zone`, then by id: two cases always have the same order. A corrected date does not change it."""
    if one.ranked_at is None or other.ranked_at is None:
        return False
    return (instant_of(one.ranked_at, zone), one.id) < (instant_of(other.ranked_at, zone), other.id)
