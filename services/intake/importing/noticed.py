"""What an import noticed on its way: columns and values that no mapping knows, characters that were cleaned. No personal value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

PERSONAL = frozenset(("item", "text", "title", "location", "name", "phone", "id_number", "address"))
"""Fields whose values never show in a report."""
OTHERS = "…"
"""Stands for all further values of a column in a report."""
_MOST_VALUES = 50
_LONGEST_VALUE = 60


class Snapshot(NamedTuple):
    """What was noticed so far, for the report and for an import that goes on later."""

    unmapped_columns: dict[str, int]
    unmapped_values: dict[str, dict[str, int]]
    cleaned: int


class Noticed:
    """Counts of what was noticed."""

    def __init__(self) -> None:
        self.unmapped: Counter[str] = Counter()
        self._values: dict[str, Counter[str]] = {}
        self._cleaned = 0

    def clean(self) -> None:
        """A cell held characters that had to be taken out."""
        self._cleaned += 1

    def note(self, columns: Sequence[str], field: str, text: str) -> None:
        """A table of the mapping has no such value."""
        counts = self._values.setdefault(", ".join(columns) or field, Counter())
        hidden = field in PERSONAL or len(text) > _LONGEST_VALUE
        shown = OTHERS if hidden or (len(counts) >= _MOST_VALUES and text not in counts) else text
        counts[shown] += 1

    def snapshot(self) -> Snapshot:
        values = {name: dict(counts) for name, counts in self._values.items()}
        return Snapshot(dict(self.unmapped), values, self._cleaned)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on counting where an interrupted import had got to."""
        self.unmapped = Counter(snapshot.unmapped_columns)
        self._values = {name: Counter(counts) for name, counts in snapshot.unmapped_values.items()}
        self._cleaned = snapshot.cleaned
