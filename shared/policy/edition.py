"""Editions: the versions of a section of a policy, each with its start."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from shared.kernel.legal_time import LegalTime, start_of_day


class Edition(NamedTuple):
    """One activated version of a section. `start`: the instant from which it is in force. A date means its first moment in
    the zone of the jurisdiction, since a law is in force from the beginning of its day."""

    effective_at: LegalTime
    start: datetime
    version: int
    hash: str
    document: Any


def begins(effective_at: LegalTime, zone: str) -> datetime:
    return effective_at if isinstance(effective_at, datetime) else start_of_day(effective_at, zone)


def joined(editions: tuple[Edition, ...], new: Edition) -> tuple[Edition, ...]:
    """The editions with the new one, by start; it replaces an edition with the same start."""
    kept = [known for known in editions if known.start != new.start]
    return tuple(sorted((*kept, new), key=lambda known: known.start))
