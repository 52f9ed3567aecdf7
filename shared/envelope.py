"""The envelope of an event, its bytes and its hash.

An event is serialised once, when it is appended. Exactly these bytes are hashed, stored, published, migrated and
exported; columns and headers elsewhere are copies that `huiyin verify` compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import orjson

from shared.events import REGISTRY, Event
from shared.times import When, from_text, to_text

Origin = Literal["live", "history"]
GENESIS = ""
"""The hash before the first event of a stream."""


class Actor(NamedTuple):
    """Who acted, from the authenticated principal. Never a person's name: `ref` is the id of an access key."""

    org: str | None
    role: str
    ref: str


class NewerEvent(NamedTuple):
    """A type that this process does not know: a newer release wrote it. The case is read-only here."""

    type: str


class Recorded(NamedTuple):
    """One event as it stands in the log."""

    event_id: str
    stream: str
    version: int
    type: str
    schema: int
    jurisdiction: str
    effective_at: When
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


def encode(event: Recorded) -> bytes:
    """The bytes of an event. Personal fields of the body are left out: they stand in `sealed`."""
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
            "actor": {"org": event.actor.org, "role": event.actor.role, "ref": event.actor.ref},
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


_fields = itemgetter(*Recorded._fields)
_OPTIONAL = dict.fromkeys(("request", "correlation", "policy"))
_actor_of = itemgetter("org", "role", "ref")
_actor = lru_cache(maxsize=4096)(Actor._make)
"""Few actors write many events: one object each."""
_instant = datetime.fromisoformat
"""What to_text() wrote of an instant is always UTC."""
_begun = hashlib.sha256().copy
"""To copy an empty hash takes three quarters of what it takes to make one."""
_loads = orjson.loads
_tuple = tuple.__new__
"""A named tuple without the call of its Python constructor: this runs once for every event that is ever read."""


def decode(data: bytes) -> Recorded:
    """The event in bytes whose hash was checked. Raises ValueError, KeyError or TypeError when they are no event."""
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
        Recorded,
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
            _actor(_actor_of(actor)),
            cause,
            request,
            correlation,
            policy,
            body,
            tuple(sealed) if sealed else (),
        ),
    )


Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(type, schema) -> how a body of that schema reads in the next one. Old events are never rewritten."""


def upcast(kind: str, schema: int, body: dict[str, Any]) -> dict[str, Any]:
    """`body` of `schema` in the shape of today's schema. Raises ValueError where a step is missing."""
    for step in range(schema, REGISTRY[kind].schema_version):
        convert = UPCASTERS.get((kind, step))
        if convert is None:
            raise ValueError(f"{kind} has no upcaster from schema {step}")
        body = convert(body)
    return body


def chain(previous: str, data: bytes, algorithm: str = "sha256") -> str:
    """Hash of an event: H(hash of the one before, data), written `sha256:…` or `sm3:…`."""
    if algorithm == "sha256":  # by name it takes as long again
        digest = _begun()
        digest.update(previous.encode() + data)
        return "sha256:" + digest.hexdigest()
    return f"{algorithm}:{hashlib.new(algorithm, previous.encode() + data).hexdigest()}"


def chain_all(previous: str, events: Iterable[bytes], algorithm: str = "sha256") -> str:
    """Hash after the last of `events`."""
    if algorithm != "sha256":
        for data in events:
            previous = chain(previous, data, algorithm)
        return previous
    for data in events:  # chain(), without the calls: every byte that is ever read comes through here
        digest = _begun()
        digest.update(previous.encode())
        digest.update(data)
        previous = f"sha256:{digest.hexdigest()}"
    return previous
