"""Adapters that keep everything in memory: used in tests and as the reference for every other adapter."""

from shared.adapters.memory.clock import SetClock
from shared.adapters.memory.event_store import MemoryLog
from shared.adapters.memory.key_store import MemoryKeys
from shared.adapters.memory.read_models import MemoryViews
from shared.adapters.memory.subscription import MemoryFeed

__all__ = ["MemoryFeed", "MemoryKeys", "MemoryLog", "MemoryViews", "SetClock"]
