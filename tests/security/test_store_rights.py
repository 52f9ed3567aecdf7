"""A8: what the MongoDB user of each service may do, on a real server: every operation of every kind on every database is allowed or
refused as `deploy/mongodb/rights.yaml` says, and `huiyin setup` is the only thing that had to be run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.modes.composition import SERVICES
from deploy.mongodb.rights import rights
from deploy.storage.mongo_stores import StoreLoginRefused, open_stores
from shared.kernel.settings import Settings
from tests.support.process import huiyin
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(300)]
NAME = "huiyin_test_rights"
UNAUTHORIZED = 13
Client = MongoClient[dict[str, Any]]
Operation = Callable[[Any, str], object]
OPERATIONS: dict[str, Operation] = {
    "find": lambda database, name: database[name].find_one(),
    "insert": lambda database, name: database[name].insert_one({"_id": uuid4().hex, "kid": uuid4().hex}),
    "update": lambda database, name: database[name].update_one({"_id": "none"}, {"$set": {"a": 1}}),
    "remove": lambda database, name: database[name].delete_one({"_id": "none"}),
    "createIndex": lambda database, name: database[name].create_index("a"),
    "createCollection": lambda database, _name: database.create_collection(f"c{uuid4().hex[:8]}"),
    "dropCollection": lambda database, _name: database.drop_collection("not_there"),
    "listCollections": lambda database, _name: database.command({"listCollections": 1}),
    "listIndexes": lambda database, name: list(database[name].list_indexes()),
    "dropDatabase": lambda database, _name: database.client.drop_database(database.name),
    "dropIndex": lambda database, name: database[name].drop_indexes(),
    "collMod": lambda database, name: database.command({"collMod": name, "validator": {}}),
    "renameCollection": lambda database, _name: database["not_there"].rename("nor_this"),
    "createUser": lambda database, _name: database.command({"createUser": uuid4().hex, "pwd": "x", "roles": []}),
    "grantRole": lambda database, _name: database.command({"grantRolesToUser": "huiyin-analytics", "roles": ["root"]}),
}
"""Action -> an operation that needs it and harms nothing."""
COLLECTIONS = {
    "log": ("commits", "meta"),
    "views": ("parked", "checkpoints", "meta"),
    "keys": ("data_keys", "checks", "meta"),
    "other": ("any",),
}


class Here(NamedTuple):
    kafka: Kafka
    mongo: ReplicaSet
    passwords: Path
    secrets: Path

    def place(self) -> dict[str, str]:
        return {
            "HUIYIN_MONGODB_URL": f"{self.mongo.url}&authSource=admin",
            "HUIYIN_MONGODB_NAME": NAME,
            "HUIYIN_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "HUIYIN_KAFKA_SECURITY": "SASL_PLAINTEXT",
            "HUIYIN_KAFKA_USER": "admin",
            "HUIYIN_KAFKA_PASSWORD": "root-of-all",
        }

    def setup(self) -> Any:
        done = huiyin("setup", "--passwords", str(self.passwords), "--json", **self.place())
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def url(self, service: str) -> str:
        return (self.passwords / f"mongodb-{service}").read_text()

    def settings(self, service: str) -> Settings:
        return Settings(mongodb_url=self.url(service), mongodb_name=NAME, secrets=self.secrets)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("rights")
    passwords, secrets = folder / "passwords", folder / "secrets"
    passwords.mkdir()
    secrets.mkdir(mode=0o700)
    mongo = ReplicaSet(root=("huiyin", "root-of-all"))
    kafka = Kafka(users={"admin": "root-of-all"})
    for service in SERVICES:
        login = f"huiyin-{service}:{uuid4().hex}"
        (passwords / f"mongodb-{service}").write_text(
            f"mongodb://{login}@{mongo.address}/?replicaSet=rs0&authSource=admin"
        )
        (passwords / f"kafka-{service}").write_text(uuid4().hex)
    made = Here(kafka, mongo, passwords, secrets)
    try:
        made.setup()
        yield made
    finally:
        mongo.stop()
        kafka.stop()


async def opened(settings: Settings) -> None:
    for store in reversed(await open_stores(settings)):
        await store.close()


def allowed(client: Client, database: str, collection: str, operation: Operation) -> bool:
    try:
        operation(client[database], collection)
    except OperationFailure as error:
        return error.code != UNAUTHORIZED  # any other: it is allowed, and there is nothing to do it with
    return True


def test_setup_changes_only_what_differs(here: Here) -> None:
    assert here.setup() == {"changed": [], "left": []}
    (here.passwords / "kafka-routing").write_text(uuid4().hex)
    with MongoClient[dict[str, Any]](here.place()["HUIYIN_MONGODB_URL"]) as client:
        client.admin.command({"grantRolesToUser": "huiyin-analytics", "roles": ["root"]})
        client.admin.command({"updateUser": "huiyin-intake", "pwd": "another"})
        client.admin.command({"revokePrivilegesFromRole": f"{NAME}_supervision", "privileges": [
            {"resource": {"db": f"{NAME}_log", "collection": ""}, "actions": ["insert"]}
        ]})  # fmt: skip
    assert here.setup()["changed"] == [
        "MongoDB user of intake", f"MongoDB role {NAME}_supervision", "MongoDB user of analytics", "Kafka user svc-routing",
    ]  # fmt: skip
    assert here.setup() == {"changed": [], "left": []}


def test_services_open_stores_with_their_rights_and_analytics_creates_none(here: Here) -> None:
    with pytest.raises(StoreLoginRefused, match="access to the databases"):
        asyncio.run(opened(here.settings("analytics")))
    for service in ("intake", "routing", "supervision", "analytics"):
        asyncio.run(opened(here.settings(service)))


@pytest.mark.parametrize("service", SERVICES)
def test_each_user_may_do_what_the_file_says_and_nothing_else(here: Here, service: str) -> None:
    asyncio.run(opened(here.settings("intake")))
    given = rights(NAME)[service]  # type: ignore[index]
    wrong = []
    with MongoClient[dict[str, Any]](here.url(service)) as client:
        for database, collections in COLLECTIONS.items():
            for collection in collections:
                for action, operation in OPERATIONS.items():
                    name = f"{NAME}_{database}"
                    held = {
                        one for found in given if found.database == name and found.collection in ("", collection)
                        for one in found.actions
                    }  # fmt: skip
                    if {"dropCollection", "insert", "remove"} <= held:
                        held.add("renameCollection")
                    if allowed(client, name, collection, operation) != (action in held):
                        wrong.append((database, collection, action))
    assert wrong == []


def test_nobody_removes_from_the_log_and_analytics_reads_no_key(here: Here) -> None:
    """The rights file itself, whatever it says later."""
    for service, privileges in rights(NAME).items():
        for one in privileges:
            kind = one.database.removeprefix(f"{NAME}_")
            assert not {"remove", "dropCollection", "dropDatabase"} & set(one.actions) or kind != "log"
            assert "dropCollection" not in one.actions or kind in ("views", "candidates")
            if service == "analytics":
                assert kind == "views" or set(one.actions) <= {"find", "listCollections", "listIndexes"}
                assert kind != "keys" or one.collection in ("meta", "checks") or "find" not in one.actions
