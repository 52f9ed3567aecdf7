"""Consumers of the log: projections and reactions."""
