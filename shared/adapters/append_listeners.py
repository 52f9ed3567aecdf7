"""Callbacks that an event store makes after each append of this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken
from shared.eventstore.event_store import Listener


class AppendListeners:
    """Base of the event stores: registers listeners and calls them."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    @property
    def broken(self) -> StoreBroken | None:
        """The error after which nothing is accepted any more; None while the store is usable."""
        return None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` in the event loop with the commits of each append; returns a function that unregisters it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _announce(self, commits: Sequence[Commit]) -> None:
        for listener in tuple(self._listeners):
            listener(commits)
