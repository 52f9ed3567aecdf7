"""Adapters on Kafka: `producer` and `outbox_relay` send records, `consumer` and `batches` receive them."""

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer import UnsafeSetting
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, GroupInUse, MissingTopic
from shared.adapters.kafka.inbound import KafkaInbound
from shared.adapters.kafka.outbox_relay import RELAYS, OutboxRelay
from shared.adapters.kafka.subscription import KafkaSubscriptions, parking

__all__ = [
    "RELAYS",
    "BrokerUnavailable",
    "Connection",
    "GroupInUse",
    "KafkaInbound",
    "KafkaSubscriptions",
    "MissingTopic",
    "OutboxRelay",
    "UnsafeSetting",
    "parking",
]
