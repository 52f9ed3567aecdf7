"""Adapters of the full mode: the event log, the read models and the data keys in MongoDB."""

from shared.adapters.mongo.client import Driver, Mongo, Unsuitable
from shared.adapters.mongo.event_store import MongoLog
from shared.adapters.mongo.key_store import MongoKeys
from shared.adapters.mongo.read_models import MongoViews
from shared.adapters.secret_files import KeysLost
from shared.adapters.store_format import NewerData, WrongData

__all__ = [
    "Driver", "KeysLost", "Mongo", "MongoKeys", "MongoLog", "MongoViews", "NewerData", "Unsuitable", "WrongData",
]  # fmt: skip
