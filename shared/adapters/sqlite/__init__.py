"""Adapters for the embedded way to run: one process, one folder, SQLite."""

from shared.adapters.formats import NewerData, WrongData
from shared.adapters.secrets import KeysLost
from shared.adapters.sqlite.feed import SqliteFeed
from shared.adapters.sqlite.keys import SqliteKeys
from shared.adapters.sqlite.log import SqliteLog
from shared.adapters.sqlite.views import SqliteViews

__all__ = ["KeysLost", "NewerData", "SqliteFeed", "SqliteKeys", "SqliteLog", "SqliteViews", "WrongData"]
