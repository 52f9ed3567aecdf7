"""Fills the table of rules with those of every service, without what carries them out."""

from __future__ import annotations

from services.intake import domain as intake
from services.routing import department, returns
from services.routing import domain as routing
from services.supervision import domain as supervision

__all__ = ["department", "intake", "returns", "routing", "supervision"]
