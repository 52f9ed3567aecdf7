"""The AsyncAPI 3.0 document: each topic with its address, key, headers, configuration, messages, readers and writers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import BaseModel, Field

from deploy.contract import examples
from deploy.contract.json_schemas import case_events, schemas
from deploy.kafka.topics import EVENTS, MEMBER, Topic, load
from shared.events import REGISTRY
from shared.kernel import data_file
from shared.kernel.version import VERSION

FOLDER = Path("docs")
SCHEMAS = FOLDER / "schemas"
DOCUMENT = FOLDER / "asyncapi.yaml"
_CLOUD = "cloudevents"
_USERS = {"dept": "A department", "platform": "A platform"}
"""Users of which there is one for each member."""


_EXAMPLES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "Assignment": partial(examples.entries, "OutboxEntry"),
    "Action": partial(examples.commands, "organisation"),
    "Submission": examples.submissions,
    "Update": partial(examples.entries, "PlatformUpdate"),
}
"""Message -> its examples."""


class _Payload(BaseModel):
    """The payload of a topic. `schema_`: file in docs/schemas; `headers`: it comes as a CloudEvent."""

    schema_: str = Field(alias="schema")
    message: str
    summary: str
    headers: bool


class _Parts(BaseModel):
    """The content of asyncapi_parts.yaml."""

    document: dict[str, Any]
    security_schemes: dict[str, Any]
    payloads: dict[str, _Payload]
    envelope_headers: dict[str, Any]
    commit_headers: dict[str, Any]


_PARTS = _Parts.model_validate(data_file.load(Path(__file__).with_name("asyncapi_parts.yaml")))
PAYLOADS = _PARTS.payloads
"""Topic -> its payload, for all topics but the feed."""


def files() -> dict[Path, str]:
    """All files of the contract, path -> text."""
    found = {
        SCHEMAS / name: orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"
        for name, schema in schemas().items()
    }
    found[DOCUMENT] = yaml.dump(document(), allow_unicode=True, sort_keys=False, width=120)
    return found


def document() -> dict[str, Any]:
    """The AsyncAPI document."""
    topics = load()
    others = {PAYLOADS[topic.name].message: _message(topic) for topic in topics if topic.name != EVENTS}
    envelope, commit = _PARTS.envelope_headers, _PARTS.commit_headers
    return {
        **_PARTS.document,
        "info": {**_PARTS.document["info"], "version": VERSION},
        "channels": {_id(topic): _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {
            "securitySchemes": _PARTS.security_schemes,
            "messages": {**_events(), **others},
            "messageTraits": {
                _CLOUD: {"headers": _headers(envelope)},
                f"{_CLOUD}-commit": {"headers": _headers({**envelope, **commit})},
            },
        },
    }


def _id(topic: Topic) -> str:
    return MEMBER.sub("", topic.name).strip(".")


def _messages(topic: Topic) -> list[str]:
    return sorted(REGISTRY) if topic.name == EVENTS else [PAYLOADS[topic.name].message]


def _channel(topic: Topic) -> dict[str, Any]:
    names = _messages(topic)
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
    if member := MEMBER.search(topic.name):
        found["parameters"] = {
            "jurisdiction": {"description": "Code of the jurisdiction"},
            member[1]: {"description": f"Code of the {member[1]} in the policy in force"},
        }
    return found


def _operations(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each user of the topic does with it: our services, departments and platforms. A service that writes a topic of others
    reads it only to find its last record."""
    for action, users in (("send", topic.write), ("receive", topic.read)):
        for user in users:
            name = MEMBER.sub("", user).strip("-.")
            messages = f"#/channels/{_id(topic)}/messages/"
            found: dict[str, Any] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{_id(topic)}"},
                "title": f"{_USERS.get(name, name)} {action}s",
                "messages": [{"$ref": messages + message} for message in _messages(topic)],
            }
            yield f"{name}.{action}.{_id(topic)}", found


def _events() -> dict[str, dict[str, Any]]:
    shown = examples.events()
    return {
        name: {
            "name": f"huiyin.{name}",
            "summary": schema["description"],
            "payload": {"$ref": f"schemas/case-events.json#/$defs/{name}"},
            "traits": [{"$ref": f"#/components/messageTraits/{_CLOUD}-commit"}],
            "bindings": _key("The case id; for other streams their name"),
            "examples": [{"payload": shown[name]}],
        }
        for name, schema in case_events()["$defs"].items()
        if name in REGISTRY
    }


def _message(topic: Topic) -> dict[str, Any]:
    payload = PAYLOADS[topic.name]
    found: dict[str, Any] = {
        "name": payload.message,
        "summary": payload.summary,
        "payload": {"$ref": f"schemas/{payload.schema_}"},
        "bindings": _key(topic.key),
    }
    if payload.headers:
        found["traits"] = [{"$ref": f"#/components/messageTraits/{_CLOUD}"}]
    shown = _EXAMPLES[payload.message]()
    found["examples"] = [{"name": _named(one), "payload": one} for one in shown]
    return found


def _named(example: dict[str, Any]) -> str:
    return str(example.get("kind") or example.get("command") or "filing")


def _headers(headers: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(headers), "properties": headers}


def _key(what: str) -> dict[str, Any]:
    return {
        "kafka": {"key": {"type": "string", "description": " ".join(what.split())}, "bindingVersion": "0.5.0"},
    }
