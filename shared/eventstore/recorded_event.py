"""One event as it is recorded in the event store, and its bytes.

An event is serialised once, when it is appended. Exactly these bytes are hashed, stored, published, migrated and exported;
columns and headers elsewhere are copies that `huiyin verify` compares with them.

>>> from datetime import UTC, datetime
>>> from shared.events.department import SignedFor
>>> noon = datetime(2026, 3, 2, 4, tzinfo=UTC)
>>> event = RecordedEvent(
...     event_id="e-1", stream="case/c-1", version=3, type="SignedFor", schema=1, jurisdiction="demo", effective_at=noon,
...     recorded_at=noon, origin="live", actor=Actor("zj", "clerk", "k-1"), cause="clerk:zj:k-1:sign", request=None,
...     correlation=None, policy=None, body=SignedFor(org="zj"), sealed=(),
... )
>>> decode(encode(event)) == event
True
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from shared.events import REGISTRY, Event
from shared.eventstore.upcasting import upcast
from shared.kernel.legal_time import LegalTime, from_text, to_text

Origin = Literal["live", "history"]


class Actor(NamedTuple):
    """The authenticated principal who acted. `ref`: id of an access key or post; `person`: a staff code. Never a name."""

    org: str | None
    role: str
    ref: str
    person: str | None = None


class NewerEvent(NamedTuple):
    """An event type that this process does not know: a newer release wrote it. The case is read-only here."""

    type: str


class RecordedEvent(NamedTuple):
    """One event as it is recorded in the event store."""

    event_id: str
    stream: str
    version: int
    type: str
    schema: int
    jurisdiction: str
    effective_at: LegalTime
    recorded_at: datetime
    origin: Origin
    actor: Actor
    cause: str
    request: str | None
    """Keyed digest of the command's content: the same cause with other content is refused."""
    correlation: str | None
    policy: str | None
    """Id and hash of the policy that the decision used."""
    body: Event | NewerEvent
    sealed: tuple[dict[str, str], ...]
    """The encrypted personal fields of the body, one part per party and purpose."""


def encode(event: RecordedEvent) -> bytes:
    """The bytes of an event. Personal fields of the body are left out; `sealed` holds them encrypted."""
    body = event.body
    if isinstance(body, NewerEvent):
        raise TypeError("an event of an unknown type is never written")
    kind = type(body)
    recorded_at, effective_at = to_text(event.recorded_at), event.effective_at
    return orjson.dumps(
        {
            "event_id": event.event_id,
            "stream": event.stream,
            "version": event.version,
            "type": event.type,
            "schema": event.schema,
            "jurisdiction": event.jurisdiction,
            "effective_at": recorded_at if effective_at is event.recorded_at else to_text(effective_at),
            "recorded_at": recorded_at,
            "origin": event.origin,
            "actor": {name: one for name, one in event.actor._asdict().items() if one is not None or name == "org"},
            "cause": event.cause,
            "request": event.request,
            "correlation": event.correlation,
            "policy": event.policy,
            "body": kind.__pydantic_serializer__.to_python(
                body, mode="json", exclude=set(kind.personal) or None, exclude_none=True
            ),
            "sealed": list(event.sealed),
        }
    )


_OPTIONAL = dict.fromkeys(("request", "correlation", "policy"))


def decode(data: bytes) -> RecordedEvent:
    """The event in `data`, its body validated. Commits are read with the fast version of this function, fast_decode.py.

    Raises:
        ValueError, KeyError, TypeError: the bytes are no event.
    """
    raw: dict[str, Any] = _OPTIONAL | orjson.loads(data)
    values = {name: raw[name] for name in RecordedEvent._fields}
    kind, schema = values["type"], values["schema"]
    model = REGISTRY.get(kind)
    if model is None or schema > model.schema_version:
        body: Event | NewerEvent = NewerEvent(kind)
    else:
        body = model.model_validate(upcast(kind, schema, values["body"]))
    actor = values["actor"]
    values.update(
        effective_at=from_text(values["effective_at"]),
        recorded_at=datetime.fromisoformat(values["recorded_at"]),
        actor=Actor(actor["org"], actor["role"], actor["ref"], actor.get("person")),
        body=body,
        sealed=tuple(values["sealed"]),
    )
    return RecordedEvent(**values)
