"""All event types. Importing this package fills REGISTRY."""

from shared.events import (
    calls,
    department,
    desk,
    files,
    intake,
    knowledge,
    messages,
    notices,
    persons,
    platforms,
    policy,
    routing,
    supervision,
    webhooks,
)
from shared.events.base import REGISTRY, Event
from shared.events.fields import Personal

__all__ = [
    "REGISTRY",
    "Event",
    "Personal",
    "calls",
    "department",
    "desk",
    "files",
    "intake",
    "knowledge",
    "messages",
    "notices",
    "persons",
    "platforms",
    "policy",
    "routing",
    "supervision",
    "webhooks",
]
