"""The editions of the sections of a policy that are in force at a given time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar, cast

from shared.events.policy import Section
from shared.kernel.legal_time import LegalTime, instant_of
from shared.policy.documents import Document, Organisation
from shared.policy.edition import Edition

D = TypeVar("D", bound=Document)


@dataclass(frozen=True, eq=False)
class InForce:
    """The editions of all sections, and the organisations that were added by events. Immutable."""

    jurisdiction: str = ""
    version: int = 0
    editions: Mapping[Section, tuple[Edition, ...]] = field(default_factory=dict)
    added: Mapping[str, Organisation] = field(default_factory=dict)
    added_entries: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(section, code) -> name of the places and subjects that were added by events."""
    now: datetime | None = None
    """The time of "in force" without a date. None: after all known activations, including future ones."""

    @cached_property
    def zone(self) -> str:
        editions = self.editions.get("jurisdiction")
        return editions[-1].document.zone if editions else "UTC"

    def edition(self, section: Section, at: LegalTime | None = None) -> Edition | None:
        """The edition in force at `at` (None: at `now`). Before the first one: None."""
        editions = self.editions.get(section, ())
        at = self.now if at is None else at
        if at is None or not editions:
            return editions[-1] if editions else None
        index = bisect_right([known.start for known in editions], instant_of(at, self.zone))
        return editions[index - 1] if index else None

    def document(self, section: Section, kind: type[D]) -> D:
        """The document in force at `now`; an empty one if there is none."""
        edition = self.edition(section)
        return cast(D, edition.document) if edition else kind()

    def when(self, section: Section, at: LegalTime) -> Edition | None:
        """The edition in force at `at`, or the first one before that, since imported history is older than any list."""
        editions = self.editions.get(section, ())
        if len(editions) < 2:
            return editions[0] if editions else None
        return self.edition(section, at) or editions[0]

    def begun(self, section: Section) -> list[Edition]:
        """The editions that are or were in force at `now`, in order."""
        editions = self.editions.get(section, ())
        return [edition for edition in editions if self.now is None or edition.start <= self.now]
