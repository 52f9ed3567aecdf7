"""Names for the inner schemas of the contract, so that code generators make classes with these names and not numbered ones."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_WHOLE = "#/$defs/"


_LIMITS = {"minLength", "maxLength", "pattern"}


def named(schema: Schema, owner: str, shared: dict[str, str] | None = None) -> Schema:
    """The schema with a definition for each inner object, and a title for each list of values: OWNER and the names of its fields.

    Args:
        owner: name of the schema itself, if it is an object without a definition.
        shared: field of an envelope -> the one name of its objects.
    """
    definitions: dict[str, Schema] = {}
    for name, part in schema.get("$defs", {}).items():
        own = name.removeprefix("_")
        definitions[name] = {**_within(part, own, definitions, shared or {}), "title": own}
    found = _within({key: one for key, one in schema.items() if key != "$defs"}, owner, definitions, shared or {})
    return {**found, "$defs": dict(sorted(definitions.items()))} if definitions else found


def _within(schema: Schema, owner: str, definitions: dict[str, Schema], shared: dict[str, str]) -> Schema:
    """The schema itself stays; what is inside of it is named."""
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {
            field: _part(part, shared.get(field) or owner + _pascal(field), definitions, shared)
            for field, part in schema["properties"].items()
        }
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if word in schema:
            found[word] = [_part(part, owner, definitions, shared) for part in schema[word]]
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            found[word] = _part(schema[word], owner, definitions, shared)
    if _LIMITS & found.get("items", {}).keys():  # a code generator makes a class of a text with limits
        found["items"] = {**found["items"], "title": f"{owner}Item"}
    return found


def _part(schema: Schema, name: str, definitions: dict[str, Schema], shared: dict[str, str]) -> Schema:
    found = _within(schema, name, definitions, shared)
    if "enum" in found:
        return {**found, "title": name}
    found.pop("title", None)
    if "properties" in found:
        described = {"description": found.pop("description")} if "description" in found else {}
        definitions[name] = {**found, "title": name}
        return {"$ref": _WHOLE + name, **described}
    return found


def _pascal(field: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in field.split("_"))
