"""Export as JSONL: the log's events, its commits, and every row derived from it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import orjson

from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModelStore
from shared.hosting.service_module import ServiceModule
from shared.kernel.progress import reached

Form = Literal["events", "commits", "views"]
FACTS = "cases"
"""The table of facts that has one row per case."""


async def lines(log: EventStore, prefix: str = "") -> AsyncIterator[bytes]:
    """The bytes of each event, one per line, stream by stream and in order. Sealed parts stay sealed."""
    async for commits in log.scan(prefix):
        reached(commits[-1].stream)
        yield b"".join(data + b"\n" for commit in commits for data in commit.events)


async def commits(log: EventStore, prefix: str = "") -> AsyncIterator[bytes]:
    """One commit per line, with its place, cause and hashes and the bytes of its events in base64, so that a reader can check the
    chains without this product."""
    async for found in log.scan(prefix):
        reached(found[-1].stream)
        yield b"".join(_commit(one) for one in found)


def _commit(commit: Commit) -> bytes:
    return _line(
        {
            "stream": commit.stream,
            "first": commit.first,
            "cause": commit.cause,
            "previous": commit.previous,
            "hash": commit.hash,
            "events": [b64encode(data).decode() for data in commit.events],
        }
    )


async def rows(views: ReadModelStore, parts: Sequence[ServiceModule]) -> AsyncIterator[bytes]:
    """Every row of every view, empty ones too, and one row of the facts per case, with the consumer that wrote it and the version
    of the case that it shows."""
    for part in parts:
        for consumer in part.consumers:
            for show in consumer.shows:
                async for found in views.rows(show.view.name):
                    yield b"".join(_row(show.view.name, consumer.group, *row) for row in found)
            if part.facts is not None and consumer.sink is not None:
                names = part.facts.columns(FACTS)
                async for facts in part.facts.rows(FACTS):
                    cases = [dict(zip(names, one, strict=True)) for one in facts]
                    yield b"".join(
                        _row(f"facts.{FACTS}", consumer.group, one["case"], one["version"], one) for one in cases
                    )


def _row(view: str, group: str, key: str, applied: int, values: object) -> bytes:
    return _line({"view": view, "group": group, "key": key, "applied": applied, "values": values})


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, default=str) + b"\n"
