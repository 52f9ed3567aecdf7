"""Adapters that keep everything in memory: used in tests and as the reference for every other adapter."""

from shared.adapters.memory.blobs import MemoryBlobs
from shared.adapters.memory.candidates import MemoryCandidates
from shared.adapters.memory.clock import SetClock
from shared.adapters.memory.event_store import MemoryEventStore
from shared.adapters.memory.key_store import MemoryKeyStore
from shared.adapters.memory.read_models import MemoryReadModels
from shared.adapters.memory.subscription import MemorySubscriptions
from shared.adapters.memory.uploads import MemoryUploads

__all__ = [
    "MemoryBlobs",
    "MemoryCandidates",
    "MemoryEventStore",
    "MemoryKeyStore",
    "MemoryReadModels",
    "MemorySubscriptions",
    "MemoryUploads",
    "SetClock",
]
