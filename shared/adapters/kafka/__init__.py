"""Adapters on Kafka. With `records` and `publishing` what goes out, with `subscribing` and `receiving` what comes in."""

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer import Unsafe
from shared.adapters.kafka.consumer_lag import Away, InUse, MissingTopic
from shared.adapters.kafka.inbound import KafkaLetters
from shared.adapters.kafka.outbox_relay import RELAYS, Relay
from shared.adapters.kafka.subscription import KafkaFeed, parking

__all__ = [
    "RELAYS",
    "Away",
    "Connection",
    "InUse",
    "KafkaFeed",
    "KafkaLetters",
    "MissingTopic",
    "Relay",
    "Unsafe",
    "parking",
]
