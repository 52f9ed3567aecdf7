"""Read model of intake: every case by its matter, place and subject, for linking. It holds no text and no person."""

from __future__ import annotations

from collections.abc import Mapping

from shared.case import Case
from shared.consumers.projection import Projection
from shared.eventstore.read_models import ReadModel, Value
from shared.kernel.legal_time import instant_of, to_text
from shared.policy.book import PolicyBook
from shared.queries.file_index import SHOWS_FILES

MATTERS = ReadModel(
    name="matters",
    version=2,
    columns={
        "lead": "text",
        "jurisdiction": "text",
        "place": "text",
        "subject": "text",
        "nearness": "real",
        "filed_at": "text",
        "awaits": "text",
    },
    indexes=(
        ("awaits", "filed_at"),
        ("lead", "filed_at"),
        ("jurisdiction", "place", "subject", "nearness"),
        ("jurisdiction", "place", "nearness"),
        ("jurisdiction", "subject", "nearness"),
    ),
)

OPEN_FIRST = 1e12
"""Seconds; more than any date, so that open cases sort before closed ones."""


def ordered(case: Case, zone: str) -> float:
    """The sort key of a case among those of its place and subject, in negative seconds because lists are ascending.

    Open cases come first, the latest filed before the others; then closed ones, the latest closed before the others."""
    if case.open or case.closure.closed_at is None:
        return -OPEN_FIRST - (
            instant_of(case.filing.filed_at, zone).timestamp() if case.filing.filed_at is not None else 0.0
        )
    return -instant_of(case.closure.closed_at, zone).timestamp()


def awaited(case: Case) -> str | None:
    """The original that an imported case waits for; None once it is linked to it, follows another case, or is handled here."""
    matter = case.matter
    linked = matter.awaits in matter.related if matter.awaits_kind == "related" else matter.lead is not None
    return None if linked or case.live else matter.awaits


def matter_row(case: Case, book: PolicyBook) -> Mapping[str, Value] | None:
    """The row of a case; None for a voided case, which belongs to no matter."""
    if case.state == "voided":
        return None
    return {
        "lead": case.matter.lead,
        "jurisdiction": case.jurisdiction,
        "place": case.filing.place,
        "subject": case.filing.subject,
        "nearness": ordered(case, book.zone),
        "awaits": awaited(case),
        "filed_at": to_text(instant_of(case.filing.filed_at, book.zone)) if case.filing.filed_at is not None else None,
    }


SHOWS = (Projection(MATTERS, matter_row), SHOWS_FILES)
