"""Queries: each returns the response model that the HTTP API publishes."""
