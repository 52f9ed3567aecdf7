"""Adapters of the port `Gateway`."""
