"""JSON Schemas (2020-12) of what goes through topics, one file for each kind of topic.

A reader must ignore fields that it does not know: `additionalProperties` is left open in what we send, and closed in what we take.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from services.intake.domain import FileCase
from shared.application.command_dispatch import body_models
from shared.commands import RULES
from shared.events import REGISTRY
from shared.events.base import Event
from shared.http.bulk import CommandLine
from shared.inbox import OutboxAnswer
from shared.updates import UpdateAnswer

DIALECT = GenerateJsonSchema.schema_dialect
PLATFORM = "platform"
_INSTANT = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
    "description": "UTC, with six decimals",
}
_WHEN = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{6}Z)?$",
    "description": "When it is true in law: an instant in UTC, or a date, which means the end of that day in the jurisdiction",
}
_TEXT_OR_NOTHING = {"type": ["string", "null"]}
_SEALED = {
    "type": "array",
    "description": "Personal data of one party each, encrypted; who has no key passes them by",
    "items": {
        "type": "object",
        "required": ["party", "purpose", "alg", "kid", "nonce", "ct"],
        "properties": {name: {"type": "string"} for name in ("party", "purpose", "alg", "kid", "nonce", "ct")},
    },
}


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> schema."""
    return {
        "case-events.json": case_events(),
        "assignments.json": _sent("What an organisation was told", OutboxAnswer),
        "actions.json": actions(),
        "updates.json": _sent("What a platform was told", UpdateAnswer),
        "submissions.json": submissions(),
    }


def case_events() -> dict[str, Any]:
    """Every event there is, each with its envelope. What is personal in a body is not here: it stands in `sealed`."""
    definitions: dict[str, Any] = {}
    for name in sorted(REGISTRY):
        body = _body(REGISTRY[name], definitions)
        definitions[name] = _envelope(REGISTRY[name], body)
    return {
        "$schema": DIALECT,
        "$id": "urn:huiyin:schema:case-events",
        "title": "Event",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in sorted(REGISTRY)],
        "$defs": definitions,
    }


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
    """References to parts of bodies carry a mark, so that they are never taken for an event of that name."""
    if isinstance(schema, dict):
        return {
            name: value.replace("#/$defs/", "#/$defs/_") if name == "$ref" else _with_parts(value)
            for name, value in schema.items()
            if name != "title" or not isinstance(value, str)
        }
    return [_with_parts(one) for one in schema] if isinstance(schema, list) else schema


def _envelope(model: type[Event], body: dict[str, Any]) -> dict[str, Any]:
    services = sorted({model.owner, *model.also})
    words = " ".join((model.__doc__ or "").split())
    return {
        "type": "object",
        "description": f"{words} Appended by: {', '.join(services)}.".strip(),
        "required": [
            *(
                "event_id",
                "stream",
                "version",
                "type",
                "schema",
                "jurisdiction",
                "effective_at",
                "recorded_at",
                "origin",
            ),
            *("actor", "cause", "body", "sealed"),
        ],
        "properties": {
            "event_id": {"type": "string", "minLength": 1},
            "stream": {"type": "string", "minLength": 1},
            "version": {"type": "integer", "minimum": 1},
            "type": {"const": model.__name__},
            "schema": {"type": "integer", "minimum": 1, "maximum": model.schema_version},
            "jurisdiction": {"type": "string"},
            "effective_at": _WHEN,
            "recorded_at": _INSTANT,
            "origin": {"enum": ["live", "history"]},
            "actor": {
                "type": "object",
                "required": ["org", "role", "ref"],
                "properties": {"org": _TEXT_OR_NOTHING, "role": {"type": "string"}, "ref": {"type": "string"}},
            },
            "cause": {"type": "string", "minLength": 1},
            "request": _TEXT_OR_NOTHING,
            "correlation": _TEXT_OR_NOTHING,
            "policy": _TEXT_OR_NOTHING,
            "body": body,
            "sealed": _SEALED,
        },
    }


def actions() -> dict[str, Any]:
    """Commands that an organisation may send to its topic: the bodies of the command endpoint, with the case beside them."""
    models = [model for name, model in sorted(body_models().items()) if "organisation" in RULES[name].roles]
    return _taken("Command of an organisation", [_with_case(model) for model in models])


def submissions() -> dict[str, Any]:
    """What a platform may send to its topic: filings, and the commands of its role."""
    models = [model for name, model in sorted(body_models().items()) if PLATFORM in RULES[name].roles]
    return _taken("Record of a platform", [FileCase.model_json_schema(), *map(_with_case, models)])


def _with_case(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    schema["properties"]["case"] = CommandLine.model_json_schema()["properties"]["case"]
    schema["required"] = [*schema.get("required", ()), "case"]
    return schema


def _taken(title: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    for schema in found:
        definitions.update(schema.pop("$defs", {}))
        definitions[schema["title"]] = schema
    return {
        "$schema": DIALECT,
        "$id": f"urn:huiyin:schema:{title.lower().replace(' ', '-')}",
        "title": title,
        "oneOf": [{"$ref": f"#/$defs/{schema['title']}"} for schema in found],
        "$defs": dict(sorted(definitions.items())),
    }


def _sent(title: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = TypeAdapter(model).json_schema(mode="serialization")
    schema.pop("additionalProperties", None)
    for part in schema.get("$defs", {}).values():
        part.pop("additionalProperties", None)
    return {"$schema": DIALECT, "$id": f"urn:huiyin:schema:{title.lower().replace(' ', '-')}", **schema, "title": title}
