"""Huiyin in many processes: the composition root of the full mode. MongoDB stores the data, Kafka delivers the events."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from deploy.kafka.topics import EVENTS, load
from deploy.modes.composition import compose
from deploy.modes.outbound import Outbound
from deploy.storage.data_folder import Folder, FolderProblem
from deploy.storage.mongo_stores import StoreAway, StoreLoginRefused, StoreProblem, open_stores
from services.intake.topics.encrypted_records import NoKey
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.inbound import KafkaInbound
from shared.adapters.kafka.outbox_relay import RELAYS, OutboxRelay
from shared.adapters.kafka.subscription import KafkaSubscriptions, parking
from shared.adapters.system_clock import SystemClock
from shared.application.ports import Ports
from shared.events.fields import Service
from shared.eventstore.errors import StoreUnavailable
from shared.hosting.backpressure import LOG_AWAY, STORE_LOGIN_REFUSED, Backpressure
from shared.hosting.process import Process
from shared.hosting.service_module import ServiceModule
from shared.kernel.clock_trust import Witness
from shared.kernel.settings import Settings, missing
from shared.messaging.partner_topics import MessageHandler, PartnerTopics
from shared.operations.reconcile import reconcile
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import PolicyRepository

OWN = frozenset({"analytics"})
"""Groups of which each replica gets all events, because it has its own file of facts. A process that runs only these has a Kafka
user without write access (topics.yaml)."""
FILLED = "filled/"
"""Prefix of the checkpoints that record that the read models of one shape were filled from the log: one for all processes, and one
for each process that fills them. They are deleted together with the read models."""
MIXED_SECONDS = 10.0
"""Interval at which a release fills its read models with what another release, whose read models have another shape, handled."""
MIXED_FOR = 3600.0
"""How long after its start a new release expects processes of an older one."""
STORE_CLOCK = "store"
"""The witness of the time: the clock of the primary of MongoDB."""
POLICY_SECONDS = 1.0
"""Interval at which policies that other processes put in force are read."""
log = structlog.get_logger("full")


class CannotStart(Exception):
    """A setting or a store is missing; the message names the remedy. `zh`: the same in Chinese."""

    def __init__(self, why: str, zh: str) -> None:
        super().__init__(why)
        self.zh = zh


class NotReady(CannotStart):
    """A store does not answer. Another attempt may succeed."""

    def __init__(self, why: str, zh: str, reason: str = LOG_AWAY) -> None:
        super().__init__(why, zh)
        self.reason = reason
        """The reason that /readyz gives meanwhile."""


def connection(settings: Settings) -> Connection:
    """The connection to Kafka. Raises CannotStart."""
    if settings.kafka_bootstrap is None:
        raise CannotStart(
            "The full mode needs Kafka: set HUIYIN_KAFKA_BOOTSTRAP to HOST:PORT.",
            "完整模式需要 Kafka：请把 HUIYIN_KAFKA_BOOTSTRAP 设为 HOST:PORT。",
        )
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else None
    return Connection(
        settings.kafka_bootstrap, settings.kafka_security, settings.kafka_user, password, settings.kafka_ca
    )


@asynccontextmanager
async def opened(
    settings: Settings, services: Sequence[Service], *, feed: bool = True, tasks: bool = True
) -> AsyncIterator[Process]:
    """Run these services on the stores of the settings. The folder holds what belongs to this process only: its socket and, for
    analytics, its facts. Raises CannotStart, FolderBusy, FolderProblem."""
    if lacking := missing(settings):
        raise CannotStart(
            f"a setting is missing: {'; '.join(lacking)}",
            f"缺少设置 {'、'.join(one.partition(':')[0] for one in lacking)}：完整模式需要 Kafka 和 MongoDB 的地址。",
        )
    folder = Folder(settings.data)
    kafka = connection(settings)
    async with AsyncExitStack() as stack:
        stack.callback(os.umask, os.umask(0o077))
        stack.callback(os.close, await asyncio.to_thread(folder.take))
        if folder.log.exists():
            raise FolderProblem(
                f"{folder.path} holds a log of the embedded mode; name another folder with --data.",
                f"{folder.path} 中有嵌入模式的日志，请用 --data 指定其他文件夹。",
            )
        folder.full.touch(mode=0o600)
        runtime = await _composed(settings, services, folder, kafka)
        stack.push_async_callback(runtime.stop)
        try:
            await runtime.start(feed=feed, tasks=tasks)
        except StoreUnavailable as error:
            raise NotReady(f"{error}.", zh="MongoDB 没有应答。请启动 MongoDB，或检查 HUIYIN_MONGODB_URL。") from error
        yield runtime


async def _composed(settings: Settings, services: Sequence[Service], folder: Folder, kafka: Connection) -> Process:
    try:
        events, views, keys, blobs, uploads, index = await open_stores(settings)
    except StoreLoginRefused as error:
        raise NotReady(str(error), error.zh, STORE_LOGIN_REFUSED) from error
    except StoreAway as error:
        raise NotReady(str(error), error.zh) from error
    except StoreProblem as error:
        raise CannotStart(str(error), error.zh) from error
    clock = SystemClock()
    clock.trust.add(STORE_CLOCK, Witness(events.time))
    await clock.trust.look()
    instance, prefix = settings.instance or socket.gethostname(), settings.kafka_prefix

    def end(why: str) -> None:
        runtime.end(why)

    feed = KafkaSubscriptions(
        events,
        kafka,
        prefix + EVENTS,
        clock=clock,
        instance=instance,
        park=parking(views, clock),
        ended=end,
        own=OWN,
        prefix=f"{prefix}svc-",
        publishes=any(service not in OWN for service in services),
        partitions=next(topic.partitions for topic in load() if topic.name == EVENTS),
    )
    ports = Ports(
        log=events,
        feed=feed,
        views=views,
        keys=keys,
        clock=clock,
        cases=CaseRepository(events, settings.cases_kept, alone=False),
        policies=PolicyRepository(events),
        blobs=blobs,
        uploads=uploads,
        candidates=index if "intake" in services else None,
        file_cipher=settings.file_cipher,
        alone=False,
        facts_path=str(folder.facts),
        outbound=Outbound(settings),
    )

    async def follow_policies() -> None:
        while True:
            await clock.sleep(POLICY_SECONDS)
            with suppress(StoreUnavailable):
                await ports.policies.look()

    async def fill() -> None:
        """Fill a new or dropped read model from the log, because the groups do not get again what they have handled. Also fill
        it if this process filled another shape before: what it handled as the older release is only in that shape."""
        every = (*runtime.parts, *runtime.beside)
        shape = views.shape({show.view.name for part in every for one in part.consumers for show in one.shows})
        whole, own = f"{FILLED}{shape}", f"{FILLED}{instance}"
        fills = any(consumer.shows for consumer in runtime.consumers)
        runtime.filling = not await views.checkpoint(whole)
        if runtime.filling or (fills and await views.checkpoint(own) != shape):
            found = await reconcile(ports, every)
            await views.save_checkpoint(whole, 1, views.generation)
            if fills:
                await views.save_checkpoint(own, shape, views.generation)
            log.info("views_filled", count=found.mended)
        runtime.filling = False
        if fills:
            await beside_another(shape, every)

    async def beside_another(shape: int, every: Sequence[ServiceModule]) -> None:
        """While another release fills read models of another shape, what it handles is missing in ours."""
        before = await views.use_shape(shape)
        until = clock.monotonic() + (MIXED_FOR if before not in (None, shape) else 0)
        pause = MIXED_SECONDS
        while True:
            await clock.sleep(pause)
            if await views.shape_in_use() != shape or clock.monotonic() < until:
                began = clock.monotonic()
                await reconcile(ports, every)
                pause = max(MIXED_SECONDS, 10 * (clock.monotonic() - began))

    pressure = Backpressure(events, clock, settings.unpublished_limit)
    loops = (follow_policies, fill, pressure.watch, clock.trust.watch)
    runtime = compose(settings, ports, folder=folder.path, services=services, loops=loops)
    runtime.pressure = pressure
    runtime.filling = any(part.name not in OWN for part in runtime.parts)
    partners = [part.partners for part in runtime.parts if part.partners is not None]
    if partners:
        views.declare(RELAYS)
        routes = [one.route for one in partners]
        runtime.relay = OutboxRelay(events, views, kafka, routes, clock=clock, instance=instance, prefix=prefix)
        runtime.letters = [
            KafkaInbound(
                kafka, one.kind, one.group, handler(one, settings), instance=instance, ended=end, prefix=prefix
            )
            for one in partners
        ]
    return runtime


def handler(partners: PartnerTopics, settings: Settings) -> MessageHandler:
    """The handler of the records of these topics. Raises CannotStart if a key that decrypts them cannot be used."""
    try:
        return partners.answering()
    except NoKey as error:
        raise CannotStart(
            f"HUIYIN_INTAKE_KEY: {settings.intake_key} {error}.",
            f"HUIYIN_INTAKE_KEY 所指的 {settings.intake_key} 无法作为私钥使用，请换用不带口令的 PEM 私钥。",
        ) from None
