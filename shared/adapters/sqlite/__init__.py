"""Adapters for the embedded way to run: one process, one folder, SQLite.

Each is imported when it is asked for: a worker process of a rebuild reads the log's file and needs nothing else of this.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.adapters.formats import NewerData, WrongData
    from shared.adapters.secrets import KeysLost
    from shared.adapters.sqlite.feed import SqliteFeed
    from shared.adapters.sqlite.keys import SqliteKeys
    from shared.adapters.sqlite.log import SqliteLog
    from shared.adapters.sqlite.views import SqliteViews

__all__ = ["KeysLost", "NewerData", "SqliteFeed", "SqliteKeys", "SqliteLog", "SqliteViews", "WrongData"]
_PLACES = {
    "KeysLost": "shared.adapters.secrets",
    "NewerData": "shared.adapters.formats",
    "SqliteFeed": "shared.adapters.sqlite.feed",
    "SqliteKeys": "shared.adapters.sqlite.keys",
    "SqliteLog": "shared.adapters.sqlite.log",
    "SqliteViews": "shared.adapters.sqlite.views",
    "WrongData": "shared.adapters.formats",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
