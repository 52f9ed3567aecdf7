"""Adapters of the full mode: the event log, the read models and the data keys in MongoDB."""

from shared.adapters.mongo.client import Driver, Mongo, Unsuitable
from shared.adapters.mongo.event_store import MongoEventStore
from shared.adapters.mongo.key_store import MongoKeyStore
from shared.adapters.mongo.read_models import MongoReadModels
from shared.adapters.secret_files import KeysLost
from shared.adapters.store_format import NewerData, WrongData

__all__ = [
    "Driver",
    "KeysLost",
    "Mongo",
    "MongoEventStore",
    "MongoKeyStore",
    "MongoReadModels",
    "NewerData",
    "Unsuitable",
    "WrongData",
]  # fmt: skip
