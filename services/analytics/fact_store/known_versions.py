"""The known versions: which snapshots and events the fact tables have, kept in memory to avoid queries."""

from __future__ import annotations


class KnownVersions:
    """The versions of snapshots and events in the tables."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}
        """case -> version of its snapshot."""
        self.upto: dict[str, int] = {}
        """case -> n: events 1..n are stored."""
        self.ahead: dict[str, set[int]] = {}
        """case -> versions stored after a gap."""

    def add(self, case: str, version: int) -> bool:
        """Add one event. Returns False if it was known already."""
        upto = self.upto.get(case, 0)
        if version <= upto:
            return False
        ahead = self.ahead.get(case)
        if version == upto + 1:
            if ahead is not None:
                while version + 1 in ahead:
                    version += 1
                    ahead.discard(version)
                if not ahead:
                    del self.ahead[case]
            self.upto[case] = version
            return True
        if ahead is None:
            ahead = self.ahead[case] = set()
        if version in ahead:
            return False
        ahead.add(version)
        return True
