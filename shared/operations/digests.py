"""Three digests: of the log, of everything derived, and of the outcome. They answer different questions (files: blob_copy.py).

log      equal after migrate, restore and rebuild; never equal between two runs
views    equal for every adapter and every number of workers
outcome  equal between two runs of the same input, interrupted or not
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared.case import STREAM
from shared.events.supervision import TICKER
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModelStore
from shared.hosting.service_module import ServiceModule
from shared.kernel.progress import measured, reached
from shared.operations.rehydration import scanned_streams

_OF_ONE_RUN = frozenset({"number", "seq", "lead", "concluding_case", "concluding_event"})
"""Fields of bodies that depend on the deployment's secret or on other cases of the same run."""
TICKS = "supervision.tick:"
"""Prefix of the causes of the ticker's commits. Their times are not part of the outcome."""


async def log_digest(log: EventStore) -> str:
    """The digest over (stream, head version, head hash) in the order of the streams."""
    digest = hashlib.sha256()
    async for heads in log.heads():
        for stream, head in heads:
            digest.update(orjson.dumps([stream, head.version, head.hash]) + b"\n")
        reached(heads[-1][0])
    return f"sha256:{digest.hexdigest()}"


async def views_digest(views: ReadModelStore, parts: Sequence[ServiceModule]) -> str:
    """The digest over every row of every view and table of facts, in canonical order."""
    digest = hashlib.sha256()
    names = sorted({show.view.name for part in parts for consumer in part.consumers for show in consumer.shows})
    for number, name in enumerate(names):
        measured(number, len(names))
        async for rows in views.rows(name):
            for row in rows:
                values = None if row.values is None else dict(sorted(row.values.items()))
                digest.update(orjson.dumps([name, row.key, row.applied, values]) + b"\n")
    for part in parts:
        if part.facts is None:
            continue
        for table in part.facts.tables:
            async for found in part.facts.rows(table):
                for fact in found:
                    digest.update(orjson.dumps([table, list(fact)], default=str) + b"\n")
    return f"sha256:{digest.hexdigest()}"


async def outcome_digest(log: EventStore) -> str:
    """The digest over the history of each case (type, legal time and body of its events), independent of the order of times and
    ids."""
    cases: list[bytes] = []
    async for commits in scanned_streams(log, STREAM):
        reached(commits[0].stream)
        events = [orjson.loads(data) for commit in commits for data in commit.events]
        steps = [
            orjson.dumps([event["type"], event["effective_at"], _body(event["body"])])
            for event in events
            if event["type"] not in TICKER and not event["cause"].startswith(TICKS)
        ]
        if steps:
            cases.append(hashlib.sha256(b"\n".join(sorted(steps))).digest())
    return f"sha256:{hashlib.sha256(b''.join(sorted(cases))).hexdigest()}"


def _body(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in sorted(body) if name not in _OF_ONE_RUN}
