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


def written(signature: str) -> dict[str, str]:
    return {"webhook-id": MESSAGE, "webhook-timestamp": str(AT), "webhook-signature": signature}


@pytest.mark.parametrize(
    "signature",
    [
        f"v1a,AAAA {VECTOR}",
        " ".join([*(f"v1,{b64encode(bytes([one]) * 32).decode()}" for one in range(200)), VECTOR]),
        f"  {VECTOR}\t",
        f"v2,x v1 {VECTOR} v1,",
    ],
)
def test_one_right_signature_among_others_is_enough(signature: str) -> None:
    assert verified(SECRET, written(signature), BODY, NOW) == MESSAGE


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v1,",
        VECTOR.rstrip("="),
        VECTOR + "=",
        VECTOR[3:],
        VECTOR.replace("v1,", "V1,"),
        VECTOR.replace("v1,", "v1a,"),
        VECTOR.replace("v1,", "v1, "),
        VECTOR.replace("7l7", "7l7\u200b"),
        VECTOR.replace("+", "-").replace("/", "_") + "x",
        f"{VECTOR},{VECTOR}",
        f"v1,{VECTOR}",
        "v1,ChiM7l7hkjlY8Jk5fYvCtW30YHoDuBmO7pkfukcP8Kt=",
        "é,ü \x00",
    ],
)
def test_a_signature_that_is_almost_right_is_wrong(signature: str) -> None:
    assert verified(SECRET, written(signature), BODY, NOW) is None


@pytest.mark.parametrize(
    "stamp", [f" {AT}", f"{AT} ", f"+{AT}", f"0{AT}", "1_674_087_231", f"{AT}.0", "１６７４０８７２３１", "-1", ""]
)
def test_a_timestamp_is_written_in_one_way_only(stamp: str) -> None:
    assert verified(SECRET, written(VECTOR) | {"webhook-timestamp": stamp}, BODY, NOW) is None


def test_a_signed_message_cannot_be_divided_in_another_way() -> None:
    body = f"{AT}.{BODY.decode()}".encode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(AT)}
    signature = Webhook(SECRET).sign("msg_1", NOW, body.decode())
    moved = {"webhook-id": f"msg_1.{AT}", "webhook-timestamp": str(AT), "webhook-signature": signature}
    assert verified(SECRET, headers | {"webhook-signature": signature}, body, NOW) == "msg_1"
    assert verified(SECRET, moved, BODY, NOW) is None, "the same bytes were signed"


def test_an_asymmetric_signature_of_another_key_or_form_does_not_verify() -> None:
    pair, other = KeyPair.new(), KeyPair.new()
    headers = signed([pair], MESSAGE, AT, BODY)
    right = headers["webhook-signature"].split()[1]
    assert verified_v1a(pair.public, written(f"v1a,AAAA v1,x {right}"), BODY)
    assert not verified_v1a(other.public, written(right), BODY)
    for wrong in (right.rstrip("="), right[:8] + "\u200b" + right[8:], right[:8] + "!" + right[8:], right[3:], "v1a,"):
        assert not verified_v1a(pair.public, written(wrong), BODY), wrong
