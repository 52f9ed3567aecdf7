"""Adapters on Kafka. With `records` and `publishing` what goes out, with `subscribing` and `receiving` what comes in."""

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.feed import KafkaFeed, parking
from shared.adapters.kafka.letters import KafkaLetters
from shared.adapters.kafka.relaying import RELAYS, Relay
from shared.adapters.kafka.standing import Away, InUse, MissingTopic
from shared.adapters.kafka.subscribing import Unsafe

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
