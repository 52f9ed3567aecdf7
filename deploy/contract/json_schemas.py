"""JSON Schemas (2020-12) of the messages in topics, one file for each kind of topic.

A reader must ignore unknown fields: `additionalProperties` is open in messages that we send, and closed in those that we
receive.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from deploy.contract.known_values import Entries, described
from deploy.contract.schema_names import named
from services.intake.commands.filing import FileCase
from shared.application.command_dispatch import body_models
from shared.commands.command import RULES
from shared.events import REGISTRY
from shared.events.base import Event
from shared.http.command_batches import CommandLine
from shared.messaging.organisation_inbox import OutboxAnswer
from shared.messaging.platform_updates import UpdateAnswer

DIALECT = GenerateJsonSchema.schema_dialect
PLATFORM = "platform"
_ENVELOPE = Path(__file__).with_name("event_envelope.json")
"""The schema of an event; its type, the limit of its schema version and its body are filled in."""


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema."""
    return {
        "case-events.json": case_events(),
        "assignments.json": _sent("Assignment", OutboxAnswer, "assignments"),
        "actions.json": actions(),
        "updates.json": _sent("Update", UpdateAnswer, "updates"),
        "submissions.json": submissions(),
    }


def case_events() -> dict[str, Any]:
    """All events, each with its envelope. The personal fields of a body are not included: they are encrypted in `sealed`."""
    definitions: dict[str, Any] = {}
    for name, model in sorted(REGISTRY.items()):
        definitions[name] = _envelope(model, _body(model, definitions))
    whole = {
        **_head("Case events"),
        "title": "Event",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in sorted(REGISTRY)],
        "$defs": definitions,
    }
    return named(whole, "Event", {"actor": "Actor", "sealed": "SealedPart", "origin": "Origin"})


def _body(model: type[Event], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    for name, part in schema.pop("$defs", {}).items():
        definitions[f"_{name}"] = _with_parts(part)
    for name in model.personal:
        schema["properties"].pop(name, None)
    if required := [name for name in schema.pop("required", []) if name not in model.personal]:
        schema["required"] = required
    for name in ("title", "description"):
        schema.pop(name, None)
    found: dict[str, Any] = _with_parts(schema)
    return found


def _with_parts(schema: Any) -> Any:
    """The schema with a mark on references to parts of bodies, so that a part is never taken for an event of that name."""
    if isinstance(schema, dict):
        return {
            name: value.replace("#/$defs/", "#/$defs/_") if name == "$ref" else _with_parts(value)
            for name, value in schema.items()
            if name != "title" or not isinstance(value, str)
        }
    return [_with_parts(one) for one in schema] if isinstance(schema, list) else schema


def _envelope(model: type[Event], body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(_ENVELOPE.read_bytes())
    words = " ".join((model.__doc__ or "").split())
    found["description"] = f"{words} Appended by: {', '.join(sorted({model.owner, *model.also}))}.".strip()
    found["properties"]["type"] = {"const": model.__name__}
    found["properties"]["schema"]["maximum"] = model.schema_version
    found["properties"]["body"] = body
    return found


def actions() -> dict[str, Any]:
    """Commands that an organisation may send to its topic: the bodies of the command endpoint with the field `case`."""
    models = [model for name, model in sorted(body_models().items()) if "organisation" in RULES[name].roles]
    return _taken("Action", [_with_case(model) for model in models])


def submissions() -> dict[str, Any]:
    """What a platform may send to its topic: filings, and the commands of its role."""
    models = [model for name, model in sorted(body_models().items()) if PLATFORM in RULES[name].roles]
    return _taken("Submission", [FileCase.model_json_schema(), *map(_with_case, models)])


def _with_case(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema["properties"]["case"] = CommandLine.model_json_schema()["properties"]["case"]
    schema["required"] = [*schema.get("required", ()), "case"]
    return schema


def _head(title: str) -> dict[str, str]:
    return {"$schema": DIALECT, "$id": f"urn:huiyin:schema:{title.lower().replace(' ', '-')}"}


def _taken(title: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    for schema in found:
        definitions.update(schema.pop("$defs", {}))
        definitions[schema["title"]] = schema
    whole = {
        **_head(title),
        "title": title,
        "oneOf": [{"$ref": f"#/$defs/{schema['title']}"} for schema in found],
        "$defs": dict(sorted(definitions.items())),
    }
    return named(whole, title)


def _sent(title: str, model: type[BaseModel], entries: Entries) -> dict[str, Any]:
    schema = TypeAdapter(model).json_schema(mode="serialization")
    schema.pop("additionalProperties", None)
    for part in schema.get("$defs", {}).values():
        part.pop("additionalProperties", None)
    return {**_head(title), **named(described(schema, entries), title), "title": title}
