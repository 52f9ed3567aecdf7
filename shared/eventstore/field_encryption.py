"""Sealing: personal fields of an event become encrypted parts of its envelope, one per party and purpose.

The additional data of each part binds it to its event and place, so that a ciphertext cannot be moved elsewhere.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.events.base import Event
from shared.eventstore.key_store import DataKey, KeyErased, KeyStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Refused

ALGORITHM = "AES-256-GCM"
_NONCE_BYTES = 12
_DRAWN = 256
PartyPurpose = tuple[str, str]
"""(party, purpose)."""


class OpenedFields(NamedTuple):
    """Personal fields of one event whose keys still exist."""

    version: int
    party: str
    values: dict[str, Any]
    erased: bool
    stream: str


def parts_of(body: Event, org: str | None) -> dict[PartyPurpose, dict[str, Any]]:
    """The personal fields that `body` carries, by party and purpose."""
    parts: dict[PartyPurpose, dict[str, Any]] = {}
    party = body.__dict__.get("party") or body.author or f"org:{org or 'office'}"
    for name, purpose in body.personal.items():
        value = getattr(body, name)
        if value is not None and value != ():
            parts.setdefault((party, purpose), {})[name] = value
    return parts


def _bound(event_id: str, stream: str, version: int, party: str, purpose: str) -> bytes:
    return f"{event_id}|{stream}|{version}|{party}|{purpose}".encode()


_nonces: list[bytes] = []
"""Drawn in advance: each call of os.urandom releases the interpreter's lock and has to wait for it again when threads are busy."""
os.register_at_fork(after_in_child=_nonces.clear)


def _nonce() -> bytes:
    """12 random bytes that were never returned before."""
    try:
        return _nonces.pop()
    except IndexError:
        drawn = os.urandom(_NONCE_BYTES * _DRAWN)
        first, *others = (drawn[at : at + _NONCE_BYTES] for at in range(0, len(drawn), _NONCE_BYTES))
        _nonces.extend(others)
        return first


def seal(
    parts: dict[PartyPurpose, dict[str, Any]],
    keys: dict[PartyPurpose, DataKey],
    event_id: str,
    stream: str,
    version: int,
) -> tuple[dict[str, str], ...]:
    """The sealed form of `parts`, bound to this event and version. `keys` must hold a key for each part."""
    sealed = []
    for (party, purpose), values in sorted(parts.items()):
        key = keys[party, purpose]
        nonce = _nonce()
        text = AESGCM(key.secret).encrypt(
            nonce, orjson.dumps(values), _bound(event_id, stream, version, party, purpose)
        )
        sealed.append(
            {
                "party": party,
                "purpose": purpose,
                "alg": ALGORITHM,
                "kid": key.kid,
                "nonce": b64encode(nonce).decode(),
                "ct": b64encode(text).decode(),
            }
        )
    return tuple(sealed)


async def obtain(keys: KeyStore, case: str, wanted: Collection[PartyPurpose]) -> dict[PartyPurpose, DataKey]:
    """Durable keys for those parts of the case. Raises Refused `party_erased` where one of them was erased."""
    try:
        found = await keys.obtain([(case, party, purpose) for party, purpose in sorted(wanted)])
    except KeyErased as erased:
        raise Refused(
            "party_erased",
            "This party's data were erased; nothing can be added for it.",
            detail_zh="该当事人的信息已依法删除，不能再为其添加内容。",
        ) from erased
    return {(key.party, key.purpose): key for key in found}


async def open_sealed(
    keys: KeyStore, events: Sequence[RecordedEvent], purposes: frozenset[str] | None = None
) -> list[OpenedFields]:
    """Decrypt the sealed parts of `events`, of these purposes only. A part whose key was erased is returned with `erased`.

    Raises:
        ValueError: a sealed part does not belong to its event, or was changed.
    """
    found = await keys.get(sorted({part["kid"] for event in events for part in event.sealed}))
    opened = []
    for event in events:
        for part in event.sealed:
            if purposes is not None and part["purpose"] not in purposes:
                continue
            key = found.get(part["kid"])
            values: dict[str, Any] = {}
            if key is not None:
                bound = _bound(event.event_id, event.stream, event.version, part["party"], part["purpose"])
                try:
                    clear = AESGCM(key.secret).decrypt(b64decode(part["nonce"]), b64decode(part["ct"]), bound)
                except InvalidTag as error:
                    raise ValueError(f"sealed part of {event.stream} version {event.version} does not open") from error
                values = orjson.loads(clear)
            opened.append(OpenedFields(event.version, part["party"], values, key is None, event.stream))
    return opened
