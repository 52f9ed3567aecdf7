"""Subscriptions of the full mode, over a topic. Each group is a Kafka consumer group, each process one member of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from shared.adapters.kafka.batches import CommitBatches, Park, TopicPosition
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer import KafkaConsumer
from shared.adapters.kafka.consumer_lag import (
    BrokerUnavailable,
    CertificateRefused,
    ConsumerLag,
    GroupInUse,
    LoginRefused,
    MissingTopic,
)
from shared.adapters.kafka.consumer_supervisor import ConsumerSupervisor
from shared.adapters.kafka.producer import AGE, CommitProducer
from shared.adapters.kafka.sweeper import PATIENCE, Sweeper
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import Parked, ReadModelStore
from shared.eventstore.subscription import GroupFigures, Handler, ProducerFigures, Subscriptions
from shared.kernel.clock import Clock
from shared.kernel.legal_time import to_text

LOGGER = structlog.get_logger("kafka")
_REASONS: dict[type[BaseException], str] = {
    LoginRefused: "login_refused",
    CertificateRefused: "certificate_refused",
}
"""The reason of /readyz for an error that is not `broker_away`."""
WATCH = 5.0
"""Seconds between two queries of the brokers that nobody asked for."""
ANSWER_WITHIN = 3.0
"""Seconds that a question waits for brokers that are known to be away."""


def parking(views: ReadModelStore, clock: Clock) -> Park:
    """Marks a record that names no stream by its position. Its bytes stay in the topic and are not copied, because unreadable
    bytes may hold anything."""

    async def park(group: str, place: TopicPosition) -> None:
        stream = f"record/{place.topic}/{place.partition}/{place.offset}"
        await views.park(Parked(group, stream, 0, "no_stream", to_text(clock.now()), b""))

    return park


class KafkaSubscriptions(Subscriptions):
    """A `Subscriptions` over a topic. It also starts without a broker: what is appended meanwhile waits in the log.

    `instance` is a stable name of this process: after a restart it gets its partitions again, and no other process loses any.
    The groups in `own` get everything in each process. `ended` is called with the reason when this process cannot continue.
    `publishes`: whether this process may write to the topic; if not, the sweepers of other processes publish its commits, and it
    claims none. `partitions`: the expected minimum; with fewer it works and reports a problem.
    """

    def __init__(
        self, log: EventStore, connection: Connection, topic: str, *,
        clock: Clock, instance: str, park: Park, ended: Callable[[str], None],
        own: frozenset[str] = frozenset(), prefix: str = "svc-", pause: float = 0.2, longest: float = 10.0,
        sweep: float = 5.0, age: timedelta = AGE, patience: float = PATIENCE, publishes: bool = True, partitions: int = 1,
    ) -> None:  # fmt: skip
        self._log = log
        self._clock = clock
        self._connection = connection
        self._topic = topic
        self._instance = instance
        self._park = park
        self._ended = ended
        self._own = own
        self._prefix = prefix
        self._pauses = (pause, longest)
        self._groups: dict[str, ConsumerSupervisor] = {}
        self._lag: dict[str, int] = {}
        self._to_rewind: set[str] = set()
        self._publishing: list[asyncio.Task[Any]] = []
        self._watching: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        self._running = False
        self._unlisten: Callable[[], None] | None = None
        self._consumer_lag = ConsumerLag(connection, topic)
        self.publisher = CommitProducer(log, connection, topic, ended=ended, pause=pause, age=age)
        self.sweeper = Sweeper(log, self.publisher, clock, every=sweep, age=age, patience=patience)
        self._publishes = publishes
        self._partitions = partitions
        self._error: BaseException | None = None
        self._looking: asyncio.Task[None] | None = None
        """What last prevented a query or the start of a consumer; None since the last success."""
        self._few = False
        self._in_use: set[str] = set()

    async def publish(self, commits: Sequence[Commit]) -> None:
        """In the background: the log holds them as unpublished until the broker has acknowledged them."""
        if self._publishes and self._unlisten is None:  # otherwise the log has added them already
            self.publisher.add(commits)

    def subscribe(self, group: str, handler: Handler, *, max_commits: int = 500, gather: float = 0.0) -> None:
        if group in self._groups:
            raise ValueError(f"group {group} is already subscribed")
        if self._running:
            raise RuntimeError("call subscribe() before start()")
        pause, longest = self._pauses
        batches = CommitBatches(
            group, self._log, handler, self._park, most=max_commits, gather=gather, pause=pause, longest=longest
        )
        consumer = KafkaConsumer(
            self._connection, self._topic, self._group_id(group), f"{group}-{self._instance}", batches
        )
        self._groups[group] = ConsumerSupervisor(
            consumer,
            instance=self._instance,
            before=partial(self._before, consumer),
            met=self._met,
            ended=self._ended,
            pauses=self._pauses,
        )

    async def start(self) -> None:
        """Begin to connect, and return. Readiness reports whether a broker answers."""
        self._running = True
        if self._publishes:
            self._unlisten = self._log.listen(self.publisher.add)
            self._publishing = [asyncio.create_task(one.run()) for one in (self.sweeper, self.publisher)]
            for task in self._publishing:
                task.add_done_callback(self._over)
        self._watching = asyncio.create_task(self._watch())
        for one in self._groups.values():
            await one.start()

    async def stop(self) -> None:
        was_running, self._running = self._running, False
        for task in (self._watching, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if was_running and (self._error is None or isinstance(self._error, MissingTopic)):
            with suppress(BrokerUnavailable, MissingTopic):
                await self._look()
        await asyncio.gather(*(one.stop() for one in self._groups.values()))
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        for task in self._publishing[:1]:  # the sweeper first: what it claims now would wait until the claim ends
            task.cancel()
        await self.publisher.stop()
        for task in self._publishing:
            task.cancel()
        await asyncio.gather(*self._publishing, return_exceptions=True)
        self._publishing = []
        await self._consumer_lag.close()

    def _over(self, task: asyncio.Task[Any]) -> None:
        """Sweeper and producer never end by themselves. Without them nothing is published, and nothing would report it."""
        if not task.cancelled() and (error := task.exception()) is not None and self._running:
            self._ended(f"Publishing to Kafka ended ({type(error).__name__}).")

    async def rewind(self, group: str) -> None:
        """Raises GroupInUse if another process consumes in this group. If no broker answers, it is done before the group
        starts, and is forgotten when the process ends before that."""
        if self._running:
            raise RuntimeError("call rewind() before start() or after stop()")
        try:
            await self._consumer_lag.rewind(self._group_id(group))
        except MissingTopic:
            return  # the group begins at the first record in any case
        except BrokerUnavailable:
            self._to_rewind.add(group)
        finally:
            await self._consumer_lag.close()

    async def drain(self) -> None:
        """Returns when everything in the log is published, and each group has handled what its partitions hold."""
        while await self._log.backlog() or any((await self.lag()).values()) or self.problems():
            if not self._running:
                raise RuntimeError("the feed does not run; call start() first")
            await asyncio.sleep(0.01)

    async def lag(self) -> dict[str, int]:
        """Records, not commits, that each group has not handled, plus the commits that this process has not published yet. The
        last known figures while no broker answers. All callers wait for one look at the brokers, since those of each would wait in
        line, and for ANSWER_WITHIN seconds at most while the brokers are known to be away."""
        if self._running:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._looked())
            away = isinstance(self._error, BrokerUnavailable)
            await asyncio.wait({self._looking}, timeout=ANSWER_WITHIN if away else None)
        return {name: self._lag.get(name, 0) + self.publisher.waiting for name in self._groups}

    def last_progress(self, group: str) -> float:
        return self._groups[group].consumer.receiving.progress

    def problems(self) -> list[str]:
        """Codes of what keeps events from being delivered: the topic is missing or has too few partitions, no broker answers or
        it refuses the login, another process is in a group that has to begin again, records are refused."""
        found = []
        missing = isinstance(self._error, MissingTopic)
        if missing:
            found.append(f"topic_missing:{self._topic}")
        if self._few:
            found.append(f"too_few_partitions:{self._topic}")
        if self._error is not None and not missing:
            found.append(_REASONS.get(type(self._error), "broker_away"))
        found += [f"group_in_use:{group}" for group in sorted(self._in_use)]
        if self.publisher.refused is not None:
            found.append(f"not_published:{self.publisher.refused}")
        return found

    def figures(self) -> dict[str, GroupFigures]:
        """group -> its figures for monitoring."""
        return {
            name: GroupFigures(
                self._topic,
                len(one.consumer.assigned),
                one.consumer.receiving.records,
                one.consumer.receiving.repeats.skipped,
                one.consumer.receiving.failures,
                one.consumer.rebalances,
                one.consumer.fenced,
            )
            for name, one in self._groups.items()
        }

    def sending(self) -> ProducerFigures:
        """The figures of publishing."""
        return ProducerFigures(self.publisher.published, self.sweeper.claimed, self.publisher.given_up)

    def _group_id(self, group: str) -> str:
        return f"{self._prefix}{group}" + (f".{self._instance}" if group in self._own else "")

    async def _look(self) -> None:
        """Query the lag of each group from the brokers."""
        try:
            for name, one in self._groups.items():
                consumer = one.consumer
                handled = consumer.receiving.handled
                self._lag[name] = await self._consumer_lag.behind(consumer.group_id, handled, consumer.assigned)
                if not self._lag[name]:
                    consumer.receiving.progress = time.monotonic()
            if not self._groups:
                await self._consumer_lag.partitions()
        except (BrokerUnavailable, MissingTopic) as error:
            self._heard(error)
            raise
        self._heard(None)

    async def _looked(self) -> None:
        with suppress(BrokerUnavailable, MissingTopic):
            await self._look()

    async def _watch(self) -> None:
        """Query the brokers even if nobody asks, so that the log says since when they are away."""
        while True:
            with suppress(BrokerUnavailable, MissingTopic):
                await self._look()
            await asyncio.sleep(WATCH)

    def _heard(self, error: BaseException | None) -> None:
        """Record what the brokers answered. Logs once when they fall silent, and once when they answer again."""
        self._error = error
        away = error is not None and not isinstance(error, MissingTopic)
        now = time.monotonic()
        if away and self._away_since is None:
            self._away_since = now
            reason = "login_refused" if isinstance(error, LoginRefused) else "no_answer"
            since = to_text(self._clock.now())
            LOGGER.error(
                "broker_away", since=since, reason=reason, broker=self._connection.bootstrap, topic=self._topic
            )
        elif not away and self._away_since is not None:
            LOGGER.warning("broker_back", seconds=round(now - self._away_since, 1), broker=self._connection.bootstrap)
            self._away_since = None

    async def _before(self, one: KafkaConsumer) -> None:
        """Check that the topic exists, and rewind the group if it has to begin again."""
        self._few = await self._consumer_lag.partitions() < self._partitions
        self._met(None)
        group = one.receiving.group
        if group in self._to_rewind:
            try:
                await self._consumer_lag.rewind(one.group_id)
            except GroupInUse:
                self._in_use.add(group)
                raise
            self._to_rewind.discard(group)
            self._in_use.discard(group)

    def _met(self, error: BaseException | None) -> None:
        self._heard(None if isinstance(error, GroupInUse) else error)
