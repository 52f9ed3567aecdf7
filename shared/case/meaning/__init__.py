"""Importing this package registers the meaning of every event type with evolve."""

from shared.case.meaning import department, intake, routing, supervision

__all__ = ["department", "intake", "routing", "supervision"]
