"""The fast version of `decode` (recorded_event.py). It runs once for every event that is ever read.

It differs from the plain version only in cost: the body is not validated again (`Event.trusted`), named tuples are built without
their Python constructors, and equal actors share one object.
`tests/unit/shared/eventstore/test_fast_decode.py` checks that both agree.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson

from shared.events import REGISTRY, Event
from shared.eventstore.recorded_event import Actor, NewerEvent, RecordedEvent
from shared.eventstore.upcasting import upcast
from shared.kernel.legal_time import from_text

_actor_of = itemgetter("org", "role", "ref")
_actor = lru_cache(maxsize=4096)(Actor)
_instant = datetime.fromisoformat
"""Sufficient for `recorded_at`, which to_text() always writes in UTC."""
_loads = orjson.loads
_model_of = REGISTRY.get
_tuple = tuple.__new__


def fast_decode(data: bytes) -> RecordedEvent:
    """The event in bytes whose hash was checked. Raises ValueError, KeyError, TypeError or AttributeError for other bytes."""
    raw: dict[str, Any] = _loads(data)
    kind, schema, content, sealed = raw["type"], raw["schema"], raw["body"], raw["sealed"]
    effective, recorded = raw["effective_at"], raw["recorded_at"]
    model = _model_of(kind)
    body: Event | NewerEvent
    if model is None or schema > model.schema_version:
        body = NewerEvent(kind)
    else:
        if schema < model.schema_version:
            content = upcast(kind, schema, content)
        body = model.trusted(content)
    recorded_at = _instant(recorded)
    optional = raw.get
    return _tuple(
        RecordedEvent,
        (
            raw["event_id"],
            raw["stream"],
            raw["version"],
            kind,
            schema,
            raw["jurisdiction"],
            recorded_at if effective == recorded else from_text(effective),
            recorded_at,
            raw["origin"],
            _actor(*_actor_of(raw["actor"]), raw["actor"].get("person")),
            raw["cause"],
            optional("request"),
            optional("correlation"),
            optional("policy"),
            body,
            tuple(sealed) if sealed else (),
        ),
    )
