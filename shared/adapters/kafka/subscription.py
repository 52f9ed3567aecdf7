"""The feed of the full mode: a topic. Each group is a consumer group of its own, each process one member of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from shared.adapters.kafka.batches import CommitBatches, Park, TopicPosition
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer import DRAIN, KafkaConsumer
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, ConsumerLag, GroupInUse, LoginRefused, MissingTopic
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


def parking(views: ReadModelStore, clock: Clock) -> Park:
    """A record that names no stream is marked by its place. Its bytes stay where they are, in the topic: what nobody can
    read may hold anything, and is not copied."""

    async def park(group: str, place: TopicPosition) -> None:
        stream = f"record/{place.topic}/{place.partition}/{place.offset}"
        await views.park(Parked(group, stream, 0, "no_stream", to_text(clock.now()), b""))

    return park


class KafkaSubscriptions(Subscriptions):
    """A `Subscriptions` over a topic. It starts without a broker, too: what is appended meanwhile waits in the log.

    `instance` is a stable name of this process: a restart takes its partitions again and moves nobody's. The groups in
    `own` see everything in each process. `ended` is told why when this process cannot go on. `publishes`: whether this
    process may write to the topic; one that may not leaves what it appends to the sweepers of others, and claims nothing.
    `partitions`: so many the topic has at least; with fewer it works, and says so.
    """

    def __init__(
        self, log: EventStore, connection: Connection, topic: str, *,
        clock: Clock, instance: str, park: Park, ended: Callable[[str], None],
        own: frozenset[str] = frozenset(), prefix: str = "svc-", pause: float = 0.2, longest: float = 10.0,
        sweep: float = 5.0, age: timedelta = AGE, patience: float = PATIENCE, publishes: bool = True, partitions: int = 1,
    ) -> None:  # fmt: skip
        self._log = log
        self._connection = connection
        self._topic = topic
        self._instance = instance
        self._park = park
        self._ended = ended
        self._own = own
        self._prefix = prefix
        self._pauses = (pause, longest)
        self._groups: dict[str, KafkaConsumer] = {}
        self._lag: dict[str, int] = {}
        self._to_rewind: set[str] = set()
        self._tasks: list[asyncio.Task[Any]] = []
        self._keeping: list[asyncio.Task[Any]] = []
        self._sweeping: list[asyncio.Task[Any]] = []
        self._stopping = asyncio.Event()
        self._unlisten: Callable[[], None] | None = None
        self._standing = ConsumerLag(connection, topic)
        self.publisher = CommitProducer(log, connection, topic, ended=ended, pause=pause, age=age)
        self.sweeper = Sweeper(log, self.publisher, clock, every=sweep, age=age, patience=patience)
        self._publishes = publishes
        self._partitions = partitions
        self._missing = False
        self._away = False
        self._no_login = False
        self._few = False
        self._in_use: set[str] = set()

    async def publish(self, commits: Sequence[Commit]) -> None:
        """In the background: they stand in the log as unpublished until the broker has acknowledged them."""
        if self._publishes and self._unlisten is None:  # else the log has told it already
            self.publisher.add(commits)

    def subscribe(self, group: str, handler: Handler, *, max_commits: int = 500, gather: float = 0.0) -> None:
        if group in self._groups:
            raise ValueError(f"group {group} is subscribed already")
        if self._tasks:
            raise RuntimeError("subscribe before start()")
        pause, longest = self._pauses
        receiving = CommitBatches(
            group, self._log, handler, self._park, most=max_commits, gather=gather, pause=pause, longest=longest
        )
        self._groups[group] = KafkaConsumer(
            self._connection, self._topic, self._group_id(group), f"{group}-{self._instance}", receiving
        )

    async def start(self) -> None:
        """Begin to connect, and return: whether a broker answers is for readiness to say."""
        self._stopping.clear()
        if self._publishes:
            self._unlisten = self._log.listen(self.publisher.add)
        self._keeping = [asyncio.create_task(self._keeper(one).run(), name=name) for name, one in self._groups.items()]
        self._sweeping = [asyncio.create_task(self.sweeper.run(), name="sweeper")] if self._publishes else []
        publishing = [asyncio.create_task(self.publisher.run(), name="publisher")] if self._publishes else []
        self._tasks = [*self._keeping, *self._sweeping, *publishing]
        for task in self._tasks:
            task.add_done_callback(self._over)

    async def stop(self) -> None:
        self._stopping.set()
        if self._tasks and not self._away:
            with suppress(BrokerUnavailable, MissingTopic):
                await self._look()
        if self._keeping:  # one that is connecting to a broker that is silent is not waited for
            await asyncio.wait(self._keeping, timeout=DRAIN + 1)
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        for task in self._sweeping:  # what it would take now stands for as long as a claim holds
            task.cancel()
        await asyncio.gather(*self._sweeping, return_exceptions=True)
        await self.publisher.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._keeping, self._sweeping = [], [], []
        await self._standing.close()

    def _over(self, task: asyncio.Task[Any]) -> None:
        """Nothing here ends by itself: without this part nothing comes or goes, and nobody would see it."""
        if not task.cancelled() and (error := task.exception()) is not None and not self._stopping.is_set():
            self._ended(f"The feed's {task.get_name()} ended ({type(error).__name__}).")

    async def rewind(self, group: str) -> None:
        """Raises InUse where another process consumes in this group. Where no broker answers it is done before the group
        starts, and is forgotten when the process ends before that."""
        if self._tasks:
            raise RuntimeError("rewind while the feed does not run")
        try:
            await self._standing.rewind(self._group_id(group))
        except MissingTopic:
            return  # it begins at the first record anyway
        except BrokerUnavailable:
            self._to_rewind.add(group)
        finally:
            await self._standing.close()

    async def drain(self) -> None:
        """Returns when everything in the log is published, and each group has handled what its partitions hold."""
        while await self._log.backlog() or any((await self.lag()).values()) or self.problems():
            if self._stopping.is_set() or not self._tasks:
                raise RuntimeError("the feed does not run")
            await asyncio.sleep(0.01)

    async def lag(self) -> dict[str, int]:
        """Records, not commits, that each group has not handled, and what this process has not published yet. As last known
        while no broker answers."""
        if self._tasks:
            with suppress(BrokerUnavailable, MissingTopic):
                await self._look()
        return {name: self._lag.get(name, 0) + self.publisher.waiting for name in self._groups}

    def last_progress(self, group: str) -> float:
        return self._groups[group].receiving.progress

    def problems(self) -> list[str]:
        """Why no events come or go, as codes: the topic is missing or has too few partitions, no broker answers or none knows
        us, another process is in a group that has to begin again, records are refused."""
        found = []
        if self._missing:
            found.append(f"topic_missing:{self._topic}")
        if self._few:
            found.append(f"too_few_partitions:{self._topic}")
        if self._away:
            found.append("login_refused" if self._no_login else "broker_away")
        found += [f"group_in_use:{group}" for group in sorted(self._in_use)]
        if self.publisher.refused is not None:
            found.append(f"not_published:{self.publisher.refused}")
        return found

    def figures(self) -> dict[str, GroupFigures]:
        """group -> what operations watches."""
        return {
            name: GroupFigures(
                self._topic,
                len(one.assigned),
                one.receiving.records,
                one.receiving.repeats.skipped,
                one.receiving.failures,
                one.rebalances,
                one.fenced,
            )
            for name, one in self._groups.items()
        }

    def sending(self) -> ProducerFigures:
        """What was published, and what became of the producers."""
        return ProducerFigures(self.publisher.published, self.sweeper.claimed, self.publisher.given_up)

    def _group_id(self, group: str) -> str:
        return f"{self._prefix}{group}" + (f".{self._instance}" if group in self._own else "")

    async def _look(self) -> None:
        """Ask the brokers where each group stands."""
        try:
            for name, one in self._groups.items():
                behind = await self._standing.behind(one.group_id, one.receiving.handled, one.assigned)
                self._lag[name] = behind
                if not behind:
                    one.receiving.progress = time.monotonic()
            if not self._groups:
                await self._standing.partitions()
        except BrokerUnavailable as error:
            self._away, self._no_login = True, isinstance(error, LoginRefused)
            raise
        except MissingTopic:
            self._away, self._missing = False, True
            raise
        self._away = self._missing = False

    def _keeper(self, one: KafkaConsumer) -> ConsumerSupervisor:
        return ConsumerSupervisor(
            one,
            instance=self._instance,
            before=lambda: self._before(one),
            met=self._met,
            ended=self._ended,
            stopping=self._stopping,
            pauses=self._pauses,
        )

    async def _before(self, one: KafkaConsumer) -> None:
        """Is the topic there? And where the group has to begin again, let it."""
        self._few = await self._standing.partitions() < self._partitions
        self._met(None)
        group = one.receiving.group
        if group in self._to_rewind:
            try:
                await self._standing.rewind(one.group_id)
            except GroupInUse:
                self._in_use.add(group)
                raise
            self._to_rewind.discard(group)
            self._in_use.discard(group)

    def _met(self, error: BaseException | None) -> None:
        self._missing = isinstance(error, MissingTopic)
        self._no_login = isinstance(error, LoginRefused)
        self._away = error is not None and not self._missing and not isinstance(error, GroupInUse)
