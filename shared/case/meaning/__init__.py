"""Importing this package teaches evolve every event type."""

from shared.case.meaning import department, intake, routing, supervision

__all__ = ["department", "intake", "routing", "supervision"]
