"""The port `Subscriptions`: the delivery of commits to the services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.eventstore.commit import Commit

Handler = Callable[[Sequence[Commit]], Awaitable[None]]
"""Handles one batch. Returning acknowledges it; after an exception the whole batch is delivered again later."""


class GroupFigures(NamedTuple):
    """Metrics of one group."""

    topic: str
    """Kind of topic; never the name of one organisation's."""
    partitions: int
    records: int
    skipped: int
    failures: int
    rebalances: int
    fenced: int


class ProducerFigures(NamedTuple):
    """Metrics of publishing."""

    published: int = 0
    swept: int = 0
    producers_lost: int = 0


class Subscriptions(Protocol):
    """Promises only: every commit reaches every group at least once, in any order, in batches.

    Not promised: the order (not even inside one stream), single delivery, or which commits come together. A consumer applies
    by version and reads missing events from the log (consumer.py). A handler must not raise for one bad record: it parks the
    stream. An exception means an infrastructure error; the feed pauses (0.2 s, growing to 10 s) and delivers again.
    """

    async def publish(self, commits: Sequence[Commit]) -> None:
        """Publish commits. Returns once they cannot be lost any more."""
        ...

    def subscribe(self, group: str, handler: Handler, *, max_commits: int = 500, gather: float = 0.0) -> None:
        """Declare a group before start(). Each group sees every commit from the beginning of the log.

        `gather`: seconds that a commit may wait for others, so that fewer and larger batches are delivered."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Finish the batches in progress, then stop. Unhandled commits are delivered again after the next start."""
        ...

    async def rewind(self, group: str) -> None:
        """Let the group begin at the first commit again, even if the process ends before the next start. Not while the feed
        runs."""
        ...

    async def lag(self) -> dict[str, int]:
        """group -> commits not yet handled."""
        ...

    def last_progress(self, group: str) -> float:
        """Monotonic time in seconds at which the group last handled a batch or had nothing to do."""
        ...

    def problems(self) -> list[str]:
        """Codes of the reasons why commits are not delivered or published; for /readyz."""
        return []

    def figures(self) -> Mapping[str, GroupFigures]:
        """group -> its figures; empty where no broker carries the feed."""
        return {}

    def sending(self) -> ProducerFigures:
        """The metrics of publishing."""
        return ProducerFigures()
