"""Signatures of Standard Webhooks 1.0.0: `v1` (HMAC-SHA256) by the library of the standard, `v1a` (Ed25519) by `cryptography`,
because that library has only `v1`.

>>> pair = KeyPair.made(b"k" * 32, b"s" * 32)
>>> headers = signed([pair], "inbox/cn-demo/zj/1", 1674087231, b'{"type":"a.b"}')
>>> [part.split(",")[0] for part in headers["webhook-signature"].split()]
['v1', 'v1a']
"""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks import Webhook

TOLERANCE = 300
"""Seconds by which the time of a received message may differ from ours (Standard Webhooks: five minutes)."""
_BYTES = 32
_SECONDS = re.compile(r"[1-9][0-9]{0,14}")


class KeyPair(NamedTuple):
    """The keys of one endpoint, in the form that its owner gets them."""

    secret: str
    """`whsec_…`, shared by both sides."""
    private: str
    """`whsk_…`, never leaves the system."""
    public: str
    """`whpk_…`."""

    @staticmethod
    def new() -> KeyPair:
        return KeyPair.made(os.urandom(_BYTES), os.urandom(_BYTES))

    @staticmethod
    def made(secret: bytes, seed: bytes) -> KeyPair:
        """The pair of 24 to 64 random bytes for `v1` and 32 random bytes for `v1a`."""
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return KeyPair(
            f"whsec_{b64encode(secret).decode()}",
            f"whsk_{b64encode(seed).decode()}",
            f"whpk_{b64encode(public).decode()}",
        )


def signed(pairs: Sequence[KeyPair], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a message. During a rotation it is signed with both pairs.

    Args:
        message_id: The same for all attempts. It holds no dot, which separates the parts of what is signed.
        timestamp: Unix seconds of this attempt.
        body: UTF-8.
    """
    if "." in message_id:
        raise ValueError("the id of a webhook message must not contain a dot")
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    signatures = []
    for pair in pairs:
        when = datetime.fromtimestamp(timestamp, UTC)
        signatures.append(Webhook(pair.secret).sign(message_id, when, body.decode()))
        key = Ed25519PrivateKey.from_private_bytes(b64decode(pair.private.removeprefix("whsk_")))
        signatures.append(f"v1a,{b64encode(key.sign(content)).decode()}")
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def signed_v1(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a message that is signed with `v1` only. Arguments as of signed()."""
    if "." in message_id:
        raise ValueError("the id of a webhook message must not contain a dot")
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": Webhook(secret).sign(message_id, datetime.fromtimestamp(timestamp, UTC), body.decode()),
    }


def verified(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """The id of a received message that is signed with `v1` and `secret` (whsec_…) within the tolerance; None if it is not."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, written = given["webhook-id"], given["webhook-timestamp"]
        if "." in message_id or _SECONDS.fullmatch(written) is None:  # what is signed could be divided in another way
            return None
        timestamp = int(written)
        if abs(now.timestamp() - timestamp) > TOLERANCE:
            return None
        expected = Webhook(secret).sign(message_id, datetime.fromtimestamp(timestamp, UTC), body.decode())
        offered = given["webhook-signature"].split()
    except (KeyError, ValueError, OverflowError, OSError):
        return None
    matches = [_same(expected, one) for one in offered]
    return message_id if any(matches) else None


def _same(expected: str, offered: str) -> bool:
    return compare_digest(expected.encode(), offered.encode())


def verified_v1a(public: str, headers: Mapping[str, str], body: bytes) -> bool:
    """True if one of the signatures `v1a` was made with the private key of `public` (whpk_…)."""
    key = Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_")))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for entry in headers["webhook-signature"].split():
        version, _, signature = entry.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(b64decode(signature, validate=True), content)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
