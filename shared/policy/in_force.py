"""What is in force at a moment: sections of a policy in their editions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from shared.events.policy import Section
from shared.policy.documents import Organisation
from shared.policy.editions import Edition
from shared.times import When, instant_of


@dataclass(frozen=True, eq=False)
class InForce:
    """The editions of every section, and organisations that joined by an event of their own. Immutable."""

    jurisdiction: str = ""
    version: int = 0
    editions: Mapping[Section, tuple[Edition, ...]] = field(default_factory=dict)
    added: Mapping[str, Organisation] = field(default_factory=dict)
    now: datetime | None = None
    """When "in force" without a date is asked. None: after all that was ever activated, also for later."""

    @cached_property
    def zone(self) -> str:
        editions = self.editions.get("jurisdiction")
        return editions[-1].document.zone if editions else "UTC"

    def edition(self, section: Section, at: When | None = None) -> Edition | None:
        """The version in force at `at` (None: at the book's own moment). Before the first one: None."""
        editions = self.editions.get(section, ())
        at = self.now if at is None else at
        if at is None or not editions:
            return editions[-1] if editions else None
        index = bisect_right([known.start for known in editions], instant_of(at, self.zone))
        return editions[index - 1] if index else None

    def when(self, section: Section, at: When) -> Edition | None:
        """The version in force at `at`; before the first one the first, since history reaches further back than lists."""
        editions = self.editions.get(section, ())
        if len(editions) < 2:
            return editions[0] if editions else None
        return self.edition(section, at) or editions[0]

    def begun(self, section: Section) -> list[Edition]:
        """The editions that are or were in force, in order."""
        editions = self.editions.get(section, ())
        return [edition for edition in editions if self.now is None or edition.start <= self.now]
