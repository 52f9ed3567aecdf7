"""The known versions: which snapshots and events the fact tables have, kept in memory to avoid queries."""

from __future__ import annotations

from collections.abc import Mapping


class KnownVersions:
    """The versions of snapshots and events in the tables."""

    def __init__(self) -> None:
        self.snapshots: dict[str, int] = {}
        """case -> version of its snapshot."""
        self.complete_to: dict[str, int] = {}
        """case -> n: events 1..n are stored."""
        self._after_gap: dict[str, set[int]] = {}
        """case -> versions stored after a gap."""

    def add(self, case: str, version: int) -> bool:
        """Add one event. Returns False if it was known already."""
        last = self.complete_to.get(case, 0)
        later = self._after_gap.get(case)
        if version <= last or (later is not None and version in later):
            return False
        if version > last + 1:
            self._after_gap.setdefault(case, set()).add(version)
            return True
        if later is not None:
            while version + 1 in later:
                version += 1
                later.discard(version)
            if not later:
                del self._after_gap[case]
        self.complete_to[case] = version
        return True

    def has(self, case: str) -> bool:
        """True if the tables have a row of the case."""
        return case in self.snapshots or case in self.complete_to or case in self._after_gap

    def replace(self, versions: Mapping[str, int]) -> None:
        """Note complete cases, each with its last version."""
        for case in versions:
            self._after_gap.pop(case, None)
        self.snapshots.update(versions)
        self.complete_to.update(versions)
