"""Does a newer schema still suit those who were built on an older one? What breaks them is named, with its place.

`sent`: what we write and others read, today's events by yesterday's readers, and yesterday's events by today's. So nothing
goes, nothing changes its type, and nothing becomes required. `taken`: what others write and we read. So nothing that was
accepted is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Direction = Literal["sent", "taken"]
Schema = dict[str, Any]
_ANNOTATIONS = frozenset(
    {
        "$id",
        "$schema",
        "$ref",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "discriminator",
        "x-extensible-enum",
        "x-values-by-kind",
    }
)
_LOWER = frozenset({"minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties"})
_UPPER = frozenset({"maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties"})
_WALKED = frozenset({"$defs", "properties", "required", "enum", "items", "anyOf", "oneOf", "prefixItems"})
TOLERANT = frozenset({"kind"})
"""Fields of which a reader was told that they may say something new."""


def breaks(old: Schema, new: Schema, direction: Direction) -> Iterator[str]:
    """The changes that break consumers built on `old`. A definition is compared wherever it is used, so it may be renamed or
    written in place."""
    yield from _breaks(_whole(old, old), _whole(new, new), direction, "")


def _whole(schema: Schema, root: Schema) -> Schema:
    """The schema with each reference to an inner object in place of it. The alternatives at its top keep their references."""
    found: Schema = {}
    for name, part in schema.items():
        if name == "oneOf" and schema is root:
            found[name] = part
        elif isinstance(part, dict):
            found[name] = _in_place(part, root)
        elif isinstance(part, list):
            found[name] = [_in_place(one, root) if isinstance(one, dict) else one for one in part]
        else:
            found[name] = part
    return found


def _in_place(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return _whole(schema, root)
    return {
        **_whole(root["$defs"][reference.rpartition("/")[2]], root),
        **{k: v for k, v in schema.items() if k != "$ref"},
    }


def _breaks(old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[str]:
    named = {one["$ref"].rpartition("/")[2] for one in old.get("oneOf", ()) if "$ref" in one}
    for name, part in old.get("$defs", {}).items():
        if name not in named:
            continue  # compared where it is used
        if name not in new.get("$defs", {}):
            yield f"{place}/$defs/{name}: is gone"
        else:
            yield from _breaks(part, new["$defs"][name], direction, f"{place}/$defs/{name}")
    yield from _fields(old, new, direction, place)
    yield from _values(old, new, direction, place)
    yield from _limits(old, new, direction, place)
    if isinstance(old.get("items"), dict):
        yield from _breaks(old["items"], new.get("items", {}), direction, f"{place}/items")
    for choice in ("anyOf", "oneOf", "prefixItems"):
        yield from _choices(old.get(choice, []), new.get(choice, []), direction, f"{place}/{choice}")


def _fields(old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, part in before.items():
        if name not in after:
            yield f"{place}/{name}: is gone"
        else:
            yield from _breaks(part, after[name], direction, f"{place}/{name}")
    was, is_ = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(is_ - was):
        yield f"{place}/{name}: is required now"
    if direction == "sent":
        for name in sorted((was - is_) & set(after)):
            yield f"{place}/{name}: may be missing now"


def _values(old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[str]:
    if ("enum" in old) != ("enum" in new):
        yield f"{place}: has {'no' if 'enum' in old else 'a'} list of values now"
    before, after = (set(map(repr, one.get("enum", ()))) for one in (old, new))
    if "enum" in old and "enum" in new:
        if before - after:
            yield f"{place}: values are gone"
        if after - before and direction == "sent" and place.rpartition("/")[2] not in TOLERANT:
            yield f"{place}: has values that a reader does not know"
    was, is_ = (_types(one) for one in (old, new))
    if was != is_ and not (direction == "taken" and was <= is_):
        yield f"{place}: has another type"


def _types(schema: Schema) -> frozenset[str]:
    found = schema.get("type", ())
    return frozenset([found] if isinstance(found, str) else found)


def _limits(old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[str]:
    for name in sorted({*old, *new} - _ANNOTATIONS - _WALKED - {"type"}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name == "additionalProperties" and direction == "sent":
            continue  # readers ignore unknown values
        wider = (name in _LOWER and (after is None or (before is not None and after <= before))) or (
            name in _UPPER and (after is None or (before is not None and after >= before))
        )
        looser = name in ("pattern", "additionalProperties", "format", "uniqueItems") and after is None
        if name == "maximum" and place.endswith("/schema"):
            continue  # of an event: its readers read older ones upcast
        if not (direction == "taken" and (wider or looser)):
            yield f"{place}: {name} is another one"


def _choices(old: list[Schema], new: list[Schema], direction: Direction, place: str) -> Iterator[str]:
    """Alternatives are identified by their reference, or by their position."""
    before, after = (
        {_name(one, at): one for at, one in enumerate(old)},
        {_name(one, at): one for at, one in enumerate(new)},
    )
    for name, part in before.items():
        if name not in after:
            yield f"{place}/{name}: is gone"
        else:
            yield from _breaks(part, after[name], direction, f"{place}/{name}")
    if old and direction == "sent" and any(not name.startswith("#") for name in after.keys() - before.keys()):
        yield f"{place}: has an alternative that a reader does not know"


def _name(schema: Schema, at: int) -> str:
    return str(schema.get("$ref") or schema.get("type") or at)
