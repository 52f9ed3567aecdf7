"""Adapters of the full mode: the event log, the read models and the data keys in MongoDB."""
