"""The public contract is current, complete and correct, and a breaking change is detected."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
import yaml

import deploy.modes.command_registry  # noqa: F401  # fills RULES
from deploy.contract.asyncapi import DOCUMENT, PAYLOADS, SCHEMAS, files
from deploy.contract.json_schemas import schemas
from deploy.kafka.topics import EVENTS, load
from shared.adapters.kafka.records import to_records
from shared.application.command_dispatch import body_models
from shared.events import REGISTRY
from shared.eventstore.recorded_event import decode
from shared.messaging.organisation_inbox import entry
from tests.support.commits import commit
from tests.support.compatibility import Direction, Schema, breaks
from tests.support.contract import problems
from tests.support.examples import EXAMPLES
from tests.support.servers.fetch import NotHere, cache, checked

ROOT = Path(__file__).parents[4]
RELEASED = ROOT / "tests" / "golden" / "schemas-1"
GOLDEN = (ROOT / "tests" / "golden" / "events-1.jsonl").read_bytes().splitlines()
SPECS, SHA256 = "@asyncapi/specs@6.11.1", "01af8744dc33c0c7eb2e908f6a955319ee58b70ecadc9387d1aeb16c0cd28928"
DIRECTIONS: dict[str, Direction] = {
    "case-events.json": "sent",
    "assignments.json": "sent",
    "updates.json": "sent",
    "actions.json": "taken",
    "submissions.json": "taken",
}


def test_asyncapi_document_is_current() -> None:
    for path, text in files().items():
        assert (ROOT / path).read_text("utf-8") == text, "run: python -m deploy.contract"
    assert {path.name for path in (ROOT / SCHEMAS).iterdir()} == set(schemas())


def test_asyncapi_document_lists_every_topic_and_event() -> None:
    document = yaml.load((ROOT / DOCUMENT).read_text("utf-8"), Loader=yaml.CSafeLoader)
    made = schemas()
    assert {channel["address"] for channel in document["channels"].values()} == {topic.name for topic in load()}
    (events,) = [one for one in document["channels"].values() if one["address"] == EVENTS]
    assert set(events["messages"]) == set(REGISTRY)
    assert {topic.name for topic in load()} == {EVENTS, *PAYLOADS}
    for channel in document["channels"].values():
        (topic,) = [one for one in load() if one.name == channel["address"]]
        assert channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == topic.retention_ms
        for message in channel["messages"].values():
            assert message["$ref"].rpartition("/")[2] in document["components"]["messages"]
    for message in document["components"]["messages"].values():
        path, _, name = message["payload"]["$ref"].partition("#/$defs/")
        found = made[path.removeprefix("schemas/")]
        assert not name or name in found["$defs"]


def official() -> dict[str, Any]:
    """The JSON Schema of AsyncAPI 3.0 from the official package. Raises NotHere."""
    target = cache() / "asyncapi-3.0.0.json"
    if not target.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise NotHere("npm")
        try:
            subprocess.run([npm, "pack", "--silent", SPECS], cwd=cache(), check=True, capture_output=True, timeout=120)
        except subprocess.SubprocessError as error:
            raise NotHere(f"{SPECS} from the npm registry ({type(error).__name__})") from error
        packed = checked(cache() / "asyncapi-specs-6.11.1.tgz", SHA256)
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/schemas/3.0.0.json")
            assert member is not None
            target.write_bytes(member.read())
        packed.unlink()
    found: dict[str, Any] = orjson.loads(target.read_bytes())
    return found


def test_document_is_valid_asyncapi() -> None:
    try:
        rules = jsonschema_rs.validator_for(official())
    except NotHere as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"cannot run here, needs {error}", pytrace=False)
        pytest.skip(f"not run: needs {error}")
    document = yaml.safe_load((ROOT / DOCUMENT).read_text("utf-8"))
    assert rules.is_valid(document)
    assert not rules.is_valid({**document, "channels": {"a": {"adress": "b"}}}), "it can say no"


def test_every_released_event_validates() -> None:
    for line in GOLDEN:
        assert problems(line) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event.update(version=0),
        lambda event: event.pop("cause"),
        lambda event: event.update(recorded_at="2026-03-02 01:00"),
        lambda event: event.update(origin="dream"),
        lambda event: event["actor"].pop("role"),
        lambda event: event["body"].update(org=7),
        lambda event: event["body"].pop("org"),
    ],
)
def test_wrong_event_does_not_validate(spoil: Callable[[dict[str, Any]], object]) -> None:
    (line,) = [one for one in GOLDEN if decode(one).type == "Accepted"]
    event = orjson.loads(line)
    spoil(event)
    assert problems(orjson.dumps(event))


def test_reader_ignores_unknown_fields() -> None:
    for line in GOLDEN:
        event = orjson.loads(line)
        event["later"], event["body"]["later"] = 1, {"a": [1]}
        data = orjson.dumps(event)
        assert problems(data) == []
        assert decode(data).body == decode(line).body


def test_records_carry_published_headers() -> None:
    document = yaml.safe_load((ROOT / DOCUMENT).read_text("utf-8"))
    headers = jsonschema_rs.validator_for(document["components"]["messageTraits"]["cloudevents-commit"]["headers"])
    for record in to_records(commit("case/a")):
        shown = {name: value.decode() for name, value in record.headers}
        assert headers.is_valid(shown), shown
        assert not headers.is_valid({**shown, "ce_sequence": "first"})


def test_organisation_records_validate() -> None:
    told = jsonschema_rs.validator_for(schemas()["assignments.json"])
    for line in GOLDEN:
        if (event := decode(line)).type == "OutboxEntry":
            assert told.is_valid(orjson.loads(entry(event).model_dump_json()))
    taken = jsonschema_rs.validator_for(schemas()["actions.json"])
    models = body_models()
    names = {one["$ref"].rpartition("/")[2] for one in schemas()["actions.json"]["oneOf"]}
    for name, fields in EXAMPLES.items():
        if name in models and models[name].__name__ in names:
            command = {"case": "web:1", "command": name, "command_id": "c-1", **fields}
            assert taken.is_valid(command), name
            assert not taken.is_valid({**command, "actor": "zj"}), "who acts is the topic's"


@pytest.mark.parametrize("name", sorted(DIRECTIONS))
def test_contract_is_compatible_with_last_release(name: str) -> None:
    released = orjson.loads((RELEASED / name).read_bytes())
    assert list(breaks(released, schemas()[name], DIRECTIONS[name])) == [], "see CONTRIBUTING.md"
    assert {path.name for path in RELEASED.iterdir()} == set(DIRECTIONS) == set(schemas())


def at(schema: Schema, *path: str) -> Any:
    for name in path:
        schema = schema[name]
    return schema


EVENT = ("$defs", "CaseClosedBody")
OPTIONAL = ("$defs", "CaseClassifiedBody")
SENT: dict[str, Callable[[Schema], object]] = {
    "an event is gone": lambda one: one["$defs"].pop("CaseClosed"),
    "a field is gone": lambda one: at(one, *EVENT, "properties").pop("kind"),
    "a field is renamed": lambda one: at(one, *EVENT, "properties").update(
        sort=at(one, *EVENT, "properties").pop("kind")
    ),
    "a field is required": lambda one: at(one, *OPTIONAL).update(required=[*at(one, *OPTIONAL, "properties")]),
    "a field may be missing": lambda one: at(one, "$defs", "CaseClosed")["required"].remove("cause"),
    "another type": lambda one: at(one, "$defs", "CaseClosed", "properties", "version").update(type="string"),
    "a type more": lambda one: at(one, "$defs", "CaseClosed", "properties", "jurisdiction").update(
        type=["string", "null"]
    ),
    "another constant": lambda one: at(one, "$defs", "CaseClosed", "properties", "type").update(const="Closed"),
    "another form of time": lambda one: at(one, "$defs", "CaseClosed", "properties", "recorded_at").update(
        pattern="^.*$"
    ),
    "a value more": lambda one: at(one, "$defs", "CaseClosed", "properties", "origin")["enum"].append("dream"),
    "a value less": lambda one: at(one, "$defs", "CaseClosed", "properties", "origin")["enum"].remove("history"),
    "other items": lambda one: at(one, "$defs", "SealedPart", "properties").pop("ct"),
}


@pytest.mark.parametrize("what", SENT)
def test_change_breaking_readers_is_detected(what: str) -> None:
    old = schemas()["case-events.json"]
    new = copy.deepcopy(old)
    SENT[what](new)
    assert new != old
    assert list(breaks(old, new, "sent"))


FIELD = ("$defs", "SignOffCommand")
TAKEN: dict[str, Callable[[Schema], object]] = {
    "a command is gone": lambda one: one["$defs"].pop("SignOffCommand"),
    "a field is refused": lambda one: at(one, *FIELD, "properties").pop("effective_at"),
    "a field is needed": lambda one: at(one, *FIELD)["required"].append("effective_at"),
    "a shorter text": lambda one: at(one, *FIELD, "properties", "command_id").update(maxLength=10),
    "a longer text": lambda one: at(one, *FIELD, "properties", "command_id").update(minLength=10),
    "another form": lambda one: at(one, *FIELD, "properties", "command_id").update(pattern="^x$"),
    "a value less": lambda one: at(one, "$defs", "DecideCommand", "properties", "result")["enum"].remove("explained"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_change_breaking_senders_is_detected(what: str) -> None:
    old = schemas()["actions.json"]
    new = copy.deepcopy(old)
    TAKEN[what](new)
    assert new != old
    assert list(breaks(old, new, "taken"))


def test_compatible_change_is_accepted() -> None:
    sent = schemas()["case-events.json"]
    new = copy.deepcopy(sent)
    new["$defs"]["Later"] = {"type": "object"}
    at(new, *EVENT, "properties")["later"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    at(new, "$defs", "CaseClosed")["description"] = "in other words"
    at(new, "$defs", "OutboxEntryBody", "properties", "kind")["enum"].append("later")
    assert new != sent and list(breaks(sent, new, "sent")) == []
    taken = schemas()["actions.json"]
    new = copy.deepcopy(taken)
    at(new, *FIELD, "properties")["later"] = {"type": "string"}
    at(new, *FIELD, "properties", "command_id").update(maxLength=1000)
    at(new, "$defs", "DecideCommand", "properties", "result")["enum"].append("later")
    assert new != taken and list(breaks(taken, new, "taken")) == []
