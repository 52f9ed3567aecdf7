"""The lead of a matter. Pure functions over the cases that the caller has loaded.

A link points from a case to an older one, and the order of two cases never changes. So every line of links ends, even with
concurrent appends, and no lock over two streams is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.case.state import Case
from shared.kernel.legal_time import instant_of


def line_of(case_id: str, cases: Mapping[str, Case]) -> Iterator[Case]:
    """The case and the cases that it follows, one after the other, as far as `cases` holds them."""
    seen: set[str] = set()
    at: str | None = case_id
    while at is not None and at not in seen and (case := cases.get(at)) is not None:
        yield case
        seen.add(at)
        at = case.matter.lead


def head_of(case_id: str, cases: Mapping[str, Case]) -> Case | None:
    """The case at the end of the line, which leads the matter. None where `cases` lacks a case of the line, or it is circular."""
    return next((case for case in line_of(case_id, cases) if case.matter.lead is None), None)


def older(one: Case, other: Case, zone: str) -> bool:
    """True if `one` was filed before `other`: by the legal time that was registered first (a date means the end of that day in
    `zone`), then by id, so that two cases always have the same order. A corrected date does not change it."""
    if one.filing.ranked_at is None or other.filing.ranked_at is None:
        return False
    return (instant_of(one.filing.ranked_at, zone), one.id) < (instant_of(other.filing.ranked_at, zone), other.id)
