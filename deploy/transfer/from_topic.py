"""Recovery of the log of the full mode from the topic alone, with everything that is built from the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deploy.kafka.remedies import remedy
from deploy.kafka.topics import EVENTS
from deploy.modes.composition import SERVICES
from deploy.modes.distributed import CannotStart, NotReady, connection, opened
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, MissingTopic
from shared.adapters.kafka.topic_reader import Pieces, reread
from shared.adapters.kafka.topics import Refusal
from shared.kernel.settings import Settings
from shared.operations.digests import log_digest, views_digest
from shared.operations.log_recovery import LogRecovery
from shared.operations.rebuild import rebuild

NAMED = 5
"""Number of unrecovered streams that the result names."""


async def rebuild_from_topic(settings: Settings, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Append all commits of the topic that the log of the settings lacks, then rebuild all read models, and the facts in the
    data folder.

    `tell(done, whole)` is called with the number of records that were read and of all records. Raises CannotStart,
    FolderProblem, Refused, StoreUnavailable. The same call resumes after any of them, or after a kill."""
    topic, kafka = settings.kafka_prefix + EVENTS, connection(settings)
    async with opened(settings, SERVICES, feed=False, tasks=False) as runtime:
        log = runtime.ports.log
        refilling, pieces, records = await LogRecovery.begun(log), Pieces(), 0
        try:
            async for found in reread(kafka, topic, pieces):
                await refilling.take(found.commits)
                records = found.records
                tell(records, found.of)
        except MissingTopic:
            raise CannotStart(
                f"Kafka has no topic {topic}. Check HUIYIN_KAFKA_PREFIX.",
                f"Kafka 中没有主题 {topic}，请检查 HUIYIN_KAFKA_PREFIX。",
            ) from None
        except BrokerUnavailable as error:
            english, chinese = remedy(error)
            raise NotReady(f"{english} Run the command again.", zh=f"{chinese}然后重新执行命令。") from error
        except Refusal as error:
            raise NotReady(
                f"Kafka refuses: {error}. Check the access rights, then run the command again.",
                zh="Kafka 拒绝访问，请检查访问权限，然后重新执行命令。",
            ) from error
        cut = [(part.stream, part.first) for part in pieces.missing() if not refilling.holds(part.stream, part.last)]
        left = sorted({*refilling.left(), *cut})
        async for step in rebuild(runtime.ports, runtime.parts, feeding=False):
            cases, events = step.cases, step.events
        return {
            "records": records,
            "commits_written": refilling.written,
            "cases": cases,
            "events": events,
            "strange_records": pieces.unusable,
            "left_out": len(left),
            "left_out_first": [f"{stream} version {version}" for stream, version in left[:NAMED]],
            "log": await log_digest(log),
            "views": await views_digest(runtime.ports.views, runtime.parts),
        }
