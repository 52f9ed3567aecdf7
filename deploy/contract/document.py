"""The AsyncAPI 3.0 document: each topic with its address, key, headers, configuration, messages, and who reads and writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import yaml

from deploy.contract.schemas import case_events, schemas
from deploy.topics import EVENTS, Topic, load
from shared.envelope import decode
from shared.events import REGISTRY
from shared.inbox import entry
from shared.version import VERSION

FOLDER = Path("docs")
SCHEMAS = FOLDER / "schemas"
DOCUMENT = FOLDER / "asyncapi.yaml"
EXAMPLES = Path("tests/golden/events-1.jsonl")
_MEMBER = re.compile(r"\{(organisation|platform)\}")
_CLOUD = "cloudevents"
_TEXT = {"type": "string"}


class _Carried(NamedTuple):
    """What a topic carries."""

    schema: str
    """File in docs/schemas."""
    message: str
    summary: str
    headers: tuple[str, ...]


_ENVELOPE = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_sequence", "content-type")
_COMMIT = ("ce_partitionkey", "ce_cause", "ce_first", "ce_last", "ce_previous", "ce_hash")
CARRIED = {
    "assignments.{organisation}": _Carried(
        "assignments.json", "Assignment", "What the organisation was told", _ENVELOPE
    ),
    "actions.{organisation}": _Carried("actions.json", "Action", "A command of the organisation", ()),
    "submissions.{platform}": _Carried("submissions.json", "Submission", "A filing or a command of the platform", ()),
    "updates.{platform}": _Carried("updates.json", "Update", "What the platform was told", _ENVELOPE),
}
"""Topic -> what it carries, beside that of the feed."""
_HEADERS: dict[str, dict[str, Any]] = {
    "content-type": {"const": "application/json"},
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"type": "string", "description": "The same for the same message, however often it comes"},
    "ce_source": {"type": "string", "description": "/huiyin, or /huiyin/<jurisdiction>"},
    "ce_type": {"type": "string", "description": "huiyin.<event type>, or huiyin.<kind of topic>.<kind of entry>"},
    "ce_subject": {"type": "string", "description": "The stream, or what the key says"},
    "ce_time": {"type": "string", "description": "When it was recorded, UTC"},
    "ce_sequence": {"type": "string", "pattern": "^[0-9]+$", "description": "Version in the stream: the cursor"},
    "ce_partitionkey": {"type": "string", "description": "The key"},
    "ce_cause": {"type": "string", "description": "What led to the commit"},
    "ce_first": {"type": "string", "pattern": "^[0-9]+$", "description": "First version of the commit"},
    "ce_last": {"type": "string", "pattern": "^[0-9]+$", "description": "Last version of the commit"},
    "ce_previous": {"type": "string", "description": "Hash before the commit"},
    "ce_hash": {"type": "string", "description": "Hash after the commit"},
}


def files() -> dict[Path, str]:
    """Everything of the contract, path -> text."""
    found = {SCHEMAS / name: _json(schema) for name, schema in schemas().items()}
    found[DOCUMENT] = yaml.dump(document(), allow_unicode=True, sort_keys=False, width=120)
    return found


def _json(schema: dict[str, Any]) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def document() -> dict[str, Any]:
    """The AsyncAPI document."""
    topics = load()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Huiyin 回音",
            "version": VERSION,
            "description": "Topics of the full mode. Readers ignore fields and types that they do not know; inside a major version"
            " only optional fields are added. Made by `python -m deploy.contract`.",
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "kafka:9092", "protocol": "kafka", "description": "SASL_SSL with SCRAM-SHA-512"}},
        "channels": {_id(topic): _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {
            "messages": {**_events(), **{one.message: _message(topic, one) for topic, one in _others(topics)}},
            "messageTraits": {
                _CLOUD: {"headers": _headers(_ENVELOPE)},
                f"{_CLOUD}-commit": {"headers": _headers((*_ENVELOPE, *_COMMIT))},
            },
        },
    }


def _others(topics: tuple[Topic, ...]) -> Iterator[tuple[Topic, _Carried]]:
    for topic in topics:
        if topic.name != EVENTS:
            yield topic, CARRIED[topic.name]


def _id(topic: Topic) -> str:
    return _MEMBER.sub("", topic.name).strip(".")


def _channel(topic: Topic) -> dict[str, Any]:
    names = sorted(REGISTRY) if topic.name == EVENTS else [CARRIED[topic.name].message]
    found: dict[str, Any] = {
        "address": topic.name,
        "description": " ".join(topic.holds.split()),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.largest,
                },
                "bindingVersion": "0.5.0",
            }
        },
        "x-read": list(topic.read),
        "x-write": list(topic.write),
    }
    if member := _MEMBER.search(topic.name):
        found["parameters"] = {member[1]: {"description": f"Code of the {member[1]} in the policy in force"}}
    return found


def _operations(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    """What our services do with the topic."""
    for action, users in (("send", topic.write), ("receive", topic.read)):
        for user in users:
            if user.startswith("svc-"):
                yield (
                    f"{user}.{action}.{_id(topic)}",
                    {"action": action, "channel": {"$ref": f"#/channels/{_id(topic)}"}, "title": f"{user} {action}s"},
                )


def _events() -> dict[str, dict[str, Any]]:
    examples = {decode(line).type: orjson.loads(line) for line in EXAMPLES.read_bytes().splitlines()}
    found = {}
    for name, schema in case_events()["$defs"].items():
        if name not in REGISTRY:
            continue
        found[name] = {
            "name": f"huiyin.{name}",
            "summary": schema["description"],
            "payload": {"$ref": f"schemas/case-events.json#/$defs/{name}"},
            "traits": [{"$ref": f"#/components/messageTraits/{_CLOUD}-commit"}],
            "bindings": _key("The case id; of other streams their name"),
            "examples": [{"payload": examples[name]}],
        }
    return found


def _message(topic: Topic, carried: _Carried) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": carried.message,
        "summary": carried.summary,
        "payload": {"$ref": f"schemas/{carried.schema}"},
        "bindings": _key(topic.key),
    }
    if carried.headers:
        found["traits"] = [{"$ref": f"#/components/messageTraits/{_CLOUD}"}]
    if carried.message == "Assignment":
        told = next(event for event in map(decode, EXAMPLES.read_bytes().splitlines()) if event.type == "OutboxEntry")
        found["examples"] = [{"payload": entry(told).model_dump(mode="json")}]
    return found


def _headers(names: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "required": list(names), "properties": {name: _HEADERS[name] for name in names}}


def _key(what: str) -> dict[str, Any]:
    return {"kafka": {"key": {**_TEXT, "description": " ".join(what.split())}, "bindingVersion": "0.5.0"}}
