"""A subscriber that could lose a record is refused at the start."""

from __future__ import annotations

from typing import Any

import pytest
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaRouter

from shared.adapters.kafka.consumer import UnsafeSetting, at_least_once, subscribe
from tests.support.servers.kafka import free_ports

NOBODY = f"127.0.0.1:{free_ports(1)[0]}"


def broker() -> KafkaBroker:
    return KafkaBroker(NOBODY, consumer_only=True, apply_types=False)


async def handle(records: Any) -> None:
    """Never called: nothing is started here."""


def test_client_from_factory_is_accepted() -> None:
    made = broker()
    subscribe(made, "t", group_id="g", instance="i", most=5, listener=None)(handle)  # type: ignore[arg-type]
    at_least_once(made)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"group_id": "g"},
        {"group_id": "g", "ack_policy": AckPolicy.ACK},
        {"group_id": "g", "ack_policy": AckPolicy.MANUAL, "batch": True},
        {"group_id": "g", "ack_policy": AckPolicy.NACK_ON_ERROR},
        {"group_id": "g", "ack_policy": AckPolicy.NACK_ON_ERROR, "batch": True},
        {"group_id": "g", "ack_policy": AckPolicy.NACK_ON_ERROR, "batch": True, "auto_offset_reset": "earliest"},
    ],
)
def test_client_from_elsewhere_is_refused(settings: dict[str, Any]) -> None:
    made = broker()
    subscribe(made, "t", group_id="g", instance="i", most=5, listener=None)(handle)  # type: ignore[arg-type]
    made.subscriber("other", **settings)(handle)
    with pytest.raises(UnsafeSetting):
        at_least_once(made)


def test_client_included_by_router_is_checked() -> None:
    router = KafkaRouter()
    router.subscriber("t", group_id="g", batch=True)(handle)
    made = KafkaBroker(NOBODY, ack_policy=AckPolicy.NACK_ON_ERROR)
    made.include_router(router)
    with pytest.raises(UnsafeSetting, match="ack_policy"):
        at_least_once(made)
