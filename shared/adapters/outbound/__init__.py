"""Adapters of what leaves the system: HTTP requests to servers of others, and gateways for messages."""
