"""Adapters that keep everything in memory: used in tests and as the reference for every other adapter."""

from shared.adapters.memory.clock import SetClock
from shared.adapters.memory.feed import MemoryFeed
from shared.adapters.memory.keys import MemoryKeys
from shared.adapters.memory.log import MemoryLog
from shared.adapters.memory.views import MemoryViews

__all__ = ["MemoryFeed", "MemoryKeys", "MemoryLog", "MemoryViews", "SetClock"]
