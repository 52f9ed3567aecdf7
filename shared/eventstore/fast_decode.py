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

_fields = itemgetter(*RecordedEvent._fields)
_OPTIONAL = dict.fromkeys(("request", "correlation", "policy"))
_actor_of = itemgetter("org", "role", "ref")
_actor = lru_cache(maxsize=4096)(Actor)
_instant = datetime.fromisoformat
"""Sufficient for `recorded_at`, which to_text() always writes in UTC."""
_loads = orjson.loads
_tuple = tuple.__new__


def fast_decode(data: bytes) -> RecordedEvent:
    """The event in bytes whose hash was checked. Raises ValueError, KeyError, TypeError or AttributeError for other bytes."""
    raw: dict[str, Any] = _loads(data)
    try:
        fields = _fields(raw)
    except KeyError:
        fields = _fields({**_OPTIONAL, **raw})
    (
        event_id, stream, version, kind, schema, jurisdiction, effective, recorded, origin, actor, cause, request,
        correlation, policy, content, sealed,
    ) = fields  # fmt: skip
    model = REGISTRY.get(kind)
    body: Event | NewerEvent
    if model is None or schema > model.schema_version:
        body = NewerEvent(kind)
    else:
        if schema < model.schema_version:
            content = upcast(kind, schema, content)
        body = model.trusted(content)
    recorded_at = _instant(recorded)
    return _tuple(
        RecordedEvent,
        (
            event_id,
            stream,
            version,
            kind,
            schema,
            jurisdiction,
            recorded_at if effective == recorded else from_text(effective),
            recorded_at,
            origin,
            _actor(*_actor_of(actor), actor.get("person")),
            cause,
            request,
            correlation,
            policy,
            body,
            tuple(sealed) if sealed else (),
        ),
    )
