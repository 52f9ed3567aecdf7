"""All event types. Importing this package fills REGISTRY."""

from shared.events import department, intake, platforms, policy, routing, supervision
from shared.events.base import REGISTRY, Event, Personal

__all__ = ["REGISTRY", "Event", "Personal", "department", "intake", "platforms", "policy", "routing", "supervision"]
