"""Webhooks: the entries of an inbox or updates stream, sent to a server of the organisation or platform (Standard Webhooks 1.0)."""
