"""Adapters on Kafka: `producer` and `outbox_relay` send records, `consumer` and `batches` receive them."""
