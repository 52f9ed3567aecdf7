"""Warnings of an import: columns and values that the mapping does not cover, removed characters. No personal value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

PERSONAL = frozenset(("item", "link", "text", "title", "location", "position", "name", "phone", "id_number", "address"))
"""Fields whose values never appear in a report."""
OTHERS = "…"
"""Replaces all further values of a column in a report."""
_MOST_VALUES = 50
_LONGEST_VALUE = 60


class Snapshot(NamedTuple):
    """The warnings so far, for the report and for an import that is resumed."""

    unmapped_columns: dict[str, int]
    unmapped_values: dict[str, dict[str, int]]
    cleaned: int
    empty: dict[str, int]
    undated: dict[str, int]
    notices: dict[str, int]


class ImportWarnings:
    """Counts the warnings."""

    def __init__(self) -> None:
        self.unmapped: Counter[str] = Counter()
        self._values: dict[str, Counter[str]] = {}
        self._cleaned = 0
        self._empty: Counter[str] = Counter()
        self.undated: Counter[str] = Counter()
        """Column -> texts of steps that were left out, because the step has no date."""
        self._notices: Counter[str] = Counter()

    def empty(self, _field: str, text: str) -> None:
        """A text was read as an empty cell. It is one of a short list, or named by the mapping: no content."""
        self._empty[text] += 1

    def clean(self) -> None:
        """Characters were removed from a cell."""
        self._cleaned += 1

    def notice(self, code: str) -> None:
        """A cell is surprising, and was read. `code`: of NOTICES."""
        self._notices[code] += 1

    def note(self, columns: Sequence[str], field: str, text: str) -> None:
        """A table of the mapping lacks this value."""
        counts = self._values.setdefault(", ".join(columns) or field, Counter())
        hidden = field in PERSONAL or len(text) > _LONGEST_VALUE
        shown = OTHERS if hidden or (len(counts) >= _MOST_VALUES and text not in counts) else text
        counts[shown] += 1

    def snapshot(self) -> Snapshot:
        values = {name: dict(counts) for name, counts in self._values.items()}
        return Snapshot(
            dict(self.unmapped), values, self._cleaned, dict(self._empty), dict(self.undated), dict(self._notices)
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Continue with the counts of an interrupted import."""
        self.unmapped = Counter(snapshot.unmapped_columns)
        self._values = {name: Counter(counts) for name, counts in snapshot.unmapped_values.items()}
        self._cleaned = snapshot.cleaned
        self._empty = Counter(snapshot.empty)
        self.undated = Counter(snapshot.undated)
        self._notices = Counter(snapshot.notices)
