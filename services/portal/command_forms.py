"""Forms from the command catalogue: the schema of a command in the OpenAPI document becomes fields with labels in words.

A new command, or a new field of one, appears on the desk without a change here.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, NamedTuple

from services.portal.browser import Form, whole

Kind = Literal["text", "long", "choice", "yes_no", "number", "day", "lines", "group"]
_NOT_ASKED = frozenset({"command", "command_id", "expected_version", "number", "code"})
_LONG = 1000
"""Longest text, in characters, that is typed into one line."""


class Field(NamedTuple):
    """One field of a form."""

    name: str
    kind: Kind
    needed: bool
    choices: tuple[str, ...] = ()
    initial: str = ""
    hint: str = ""
    inner: tuple[Field, ...] = ()
    """Fields of a group."""


def commands_of(document: dict[str, Any], path: str = "/v1/cases/{reference}/commands") -> dict[str, str]:
    """Command -> name of its schema."""
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    mapping: dict[str, str] = content["discriminator"]["mapping"]
    return {name: reference.rpartition("/")[2] for name, reference in mapping.items()}


def fields_of(document: dict[str, Any], schema: str) -> tuple[Field, ...]:
    """The fields of a command, needed ones first; the legal time last."""
    model = document["components"]["schemas"][schema]
    needed = set(model.get("required", ()))
    found = [
        _field(document, name, one, name in needed)
        for name, one in model["properties"].items()
        if name not in _NOT_ASKED
    ]
    return tuple(sorted(found, key=lambda one: (one.name == "effective_at", not one.needed)))


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without `null` and with its reference followed."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if choices:
        dated = next((one for one in choices if one.get("format") == "date"), None)
        schema = {**schema, **(dated or choices[0])}
    if "$ref" in schema:
        schema = {**schema, **document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]}
    return schema


def _field(document: dict[str, Any], name: str, schema: dict[str, Any], needed: bool) -> Field:
    hint = schema.get("description", "")
    schema = _resolved(document, schema)
    default = schema.get("default")
    if "enum" in schema:
        return Field(name, "choice", needed, tuple(map(str, schema["enum"])), str(default or ""), hint)
    if "const" in schema:
        return Field(name, "choice", needed, (str(schema["const"]),), str(schema["const"]), hint)
    kind = schema.get("type")
    if kind == "boolean":
        return Field(name, "yes_no", needed, ("true", "false"), "" if default is None else str(default).lower(), hint)
    if kind == "integer":
        return Field(name, "number", needed, hint=hint)
    if kind == "array":
        return Field(name, "lines", needed, hint=hint)
    if kind == "object" and "properties" in schema:
        inner = tuple(
            _field(document, f"{name}.{one}", more, one in schema.get("required", ()))
            for one, more in schema["properties"].items()
        )
        return Field(name, "group", needed, hint=hint, inner=inner)
    if schema.get("format") in ("date", "date-time"):
        return Field(name, "day", needed, hint=hint)
    return Field(name, "long" if schema.get("maxLength", _LONG + 1) > _LONG else "text", needed, hint=hint)


def body_of(fields: tuple[Field, ...], form: Form) -> tuple[dict[str, Any], list[str]]:
    """The body of the command, and the names of fields that are missing or cannot be read."""
    body: dict[str, Any] = {}
    wrong: list[str] = []
    for field in fields:
        if field.kind == "group":
            inner, bad = body_of(field.inner, form)
            wrong += bad if inner else []
            if inner:
                body[field.name] = {name.rpartition(".")[2]: value for name, value in inner.items()}
            elif field.needed:
                wrong.append(field.inner[0].name if field.inner else field.name)
            continue
        text = form[field.name].strip()
        if not text:
            if field.needed:
                wrong.append(field.name)
            continue
        value = _value(field, text)
        if value is None:
            wrong.append(field.name)
        else:
            body[field.name] = value
    return body, wrong


def _value(field: Field, text: str) -> Any:
    """What was typed as a JSON value; None if it cannot be read."""
    if field.kind == "choice":
        return text if text in field.choices else None
    if field.kind == "yes_no":
        return {"true": True, "false": False}.get(text)
    if field.kind == "number":
        found = whole(text.removeprefix("-"))
        return -found if found is not None and text.startswith("-") else found
    if field.kind == "day":
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return None
    if field.kind == "lines":
        return [line.strip() for line in text.split("\n") if line.strip()]
    return text
