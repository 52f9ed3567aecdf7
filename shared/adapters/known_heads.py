"""The most recently used stream heads of an event store, kept in memory."""

from __future__ import annotations

from collections import OrderedDict

from shared.eventstore.commit import StreamHead

_MOST = 50_000


class KnownHeads:
    """Stream name -> head, limited to the most recently stored streams."""

    def __init__(self) -> None:
        self._heads: OrderedDict[str, StreamHead] = OrderedDict()

    def get(self, stream: str) -> StreamHead | None:
        return self._heads.get(stream)

    def put(self, stream: str, head: StreamHead) -> None:
        self._heads[stream] = head
        self._heads.move_to_end(stream)
        if len(self._heads) > _MOST:
            self._heads.popitem(last=False)

    def forget(self, stream: str) -> None:
        self._heads.pop(stream, None)
