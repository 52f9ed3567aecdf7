"""Signatures of Standard Webhooks 1.0.0: the published vector, tampering, time, rotation, and both versions."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.messaging.webhooks.signatures import KeyPair, signed, verified, verified_v1a

SECRET = f"whsec_{b64encode(b'0' * 32).decode()}"
MESSAGE, AT, BODY = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1674087231, b'{"type":"case.assigned"}'
VECTOR = "v1,ChiM7l7hkjlY8Jk5fYvCtW30YHoDuBmO7pkfukcP8Ks="
NOW = datetime.fromtimestamp(AT, UTC)


def test_the_vector_of_the_standard_is_met() -> None:
    pair = KeyPair.made(b"0" * 32, b"1" * 32)
    assert pair.secret == SECRET
    headers = signed([pair], MESSAGE, AT, BODY)
    assert headers["webhook-id"] == MESSAGE
    assert headers["webhook-timestamp"] == "1674087231"
    assert headers["webhook-signature"].split(" ")[0] == VECTOR


def test_a_message_is_signed_with_both_versions_and_each_verifies() -> None:
    pair = KeyPair.new()
    now = datetime.now(UTC)
    headers = signed([pair], MESSAGE, int(now.timestamp()), BODY)
    assert Webhook(pair.secret).verify(BODY, headers) == {"type": "case.assigned"}
    assert verified_v1a(pair.public, headers, BODY)
    assert [part.partition(",")[0] for part in headers["webhook-signature"].split(" ")] == ["v1", "v1a"]


def exchanged(signatures: str) -> str:
    """Each signature under the name of the other version."""
    first, second = (part.partition(",")[2] for part in signatures.split(" "))
    return f"v1,{second} v1a,{first}"


@pytest.mark.parametrize(
    "change",
    [
        lambda headers, body: (headers | {"webhook-id": "msg_other"}, body),
        lambda headers, body: (headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
        lambda headers, body: (headers, body + b" "),
        lambda headers, body: (headers | {"webhook-signature": "v1,AAAA v1a,AAAA"}, body),
        lambda headers, body: (headers | {"webhook-signature": exchanged(headers["webhook-signature"])}, body),
    ],
)
def test_a_changed_message_does_not_verify(change) -> None:  # type: ignore[no-untyped-def]
    pair = KeyPair.new()
    now = datetime.now(UTC)
    headers, body = change(signed([pair], MESSAGE, int(now.timestamp()), BODY), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(pair.secret).verify(body, headers)
    assert verified(pair.secret, headers, body, now) is None
    assert not verified_v1a(pair.public, headers, body)


def test_a_message_verifies_for_five_minutes_only() -> None:
    headers = signed([KeyPair.made(b"0" * 32, b"1" * 32)], MESSAGE, AT, BODY)
    assert verified(SECRET, headers, BODY, NOW + timedelta(minutes=5)) == MESSAGE
    assert verified(SECRET, headers, BODY, NOW + timedelta(minutes=5, seconds=1)) is None
    assert verified(SECRET, headers, BODY, NOW - timedelta(minutes=6)) is None


@pytest.mark.parametrize(
    "broken", [{}, {"webhook-id": MESSAGE}, {"webhook-id": MESSAGE, "webhook-timestamp": "9" * 40}]
)
def test_missing_or_unreadable_headers_do_not_verify(broken: dict[str, str]) -> None:
    assert verified(SECRET, broken | {"webhook-signature": VECTOR}, BODY, NOW) is None


def test_during_a_rotation_the_old_and_the_new_receiver_both_verify() -> None:
    old, new, other = KeyPair.new(), KeyPair.new(), KeyPair.new()
    now = datetime.now(UTC)
    headers = signed([new, old], MESSAGE, int(now.timestamp()), BODY)
    for pair in (old, new):
        assert verified(pair.secret, headers, BODY, now) == MESSAGE
        assert verified_v1a(pair.public, headers, BODY)
    assert verified(other.secret, headers, BODY, now) is None
    assert not verified_v1a(other.public, headers, BODY)


def test_an_id_with_a_dot_is_never_signed() -> None:
    with pytest.raises(ValueError, match="dot"):
        signed([KeyPair.new()], "a.b", AT, BODY)
