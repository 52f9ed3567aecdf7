"""What the event stores have in common: listeners, and the heads of the streams that were last used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from shared.eventstore.commit import Commit, StreamHead, continuous
from shared.eventstore.errors import Damaged, StoreBroken
from shared.eventstore.event_store import Listener

_MOST_HEADS = 50_000


class EventStoreBase:
    """Base of the event stores."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._heads: OrderedDict[str, StreamHead] = OrderedDict()
        """Stream name -> head. Use _remember() to add one."""

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

    def _remember(self, stream: str, head: StreamHead) -> None:
        """Store a head, and drop the one that was stored least recently where there are too many."""
        self._heads[stream] = head
        self._heads.move_to_end(stream)
        if len(self._heads) > _MOST_HEADS:
            self._heads.popitem(last=False)


def whole_streams(streams: Iterable[str], commits: Iterable[Commit]) -> dict[str, list[Commit]]:
    """Stream -> its commits, in order, of the commits of several streams. One whose commits are damaged or not complete is left
    out."""
    found: dict[str, list[Commit]] = {stream: [] for stream in streams}
    for commit in commits:
        found[commit.stream].append(commit)
    whole = {}
    for stream, own in found.items():
        with suppress(Damaged):
            whole[stream] = continuous(stream, sorted(own, key=lambda commit: commit.first), 0)
    return whole
