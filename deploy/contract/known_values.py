"""The known values of open fields: readers accept others, but need to know these. As `x-extensible-enum`, a common extension."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from shared.commands.command import RULES
from shared.events import REGISTRY
from shared.events.platforms import UpdateKind
from shared.events.routing import OutboxKind
from shared.kernel import data_file

FILE = Path(__file__).with_name("known_details.yaml")
VALUES, BY_KIND = "x-extensible-enum", "x-values-by-kind"
Entries = Literal["assignments", "updates"]
KINDS: dict[Entries, tuple[str, ...]] = {"assignments": get_args(OutboxKind), "updates": get_args(UpdateKind)}
_SENDER: dict[Entries, str] = {"assignments": "organisation", "updates": "platform"}


def details(entries: Entries) -> dict[str, list[str]]:
    """kind -> the known values of `detail`. Raises ValueError for a kind, event or field that does not exist."""
    found: dict[str, list[str]] = {}
    for kind, values in data_file.load(FILE)[entries].items():
        if kind not in KINDS[entries]:
            raise ValueError(f"{FILE.name}: {kind} is not a kind of {entries}")
        found[kind] = sorted({one for value in values for one in _values(value)})
    return found


def _values(text: str) -> list[str]:
    """What an entry of the file stands for."""
    event, _, field = text.partition(".")
    if not field:
        return [text]
    try:
        annotation = REGISTRY[event].model_fields[field].annotation
    except KeyError:
        raise ValueError(f"{FILE.name}: there is no {text}") from None
    found = [str(one).rstrip("_") for one in _literals(annotation)]
    if not found:
        raise ValueError(f"{FILE.name}: {text} has no fixed values")
    return found


def _literals(annotation: Any) -> list[Any]:
    """The values of the literals in an annotation, however they are combined."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [one for part in get_args(annotation) for one in _literals(part)]


def described(schema: dict[str, Any], entries: Entries) -> dict[str, Any]:
    """The schema of an entry, with the known values of its fields."""
    by_kind = details(entries)
    commands = sorted(name for name, rule in RULES.items() if _SENDER[entries] in rule.roles)
    known: dict[str, dict[str, Any]] = {
        "kind": {VALUES: list(KINDS[entries])},
        "detail": {VALUES: sorted({one for found in by_kind.values() for one in found}), BY_KIND: by_kind},
        "command": {VALUES: commands},
    }
    fields = {name: {**part, **known.get(name, {})} for name, part in schema["properties"].items()}
    return {**schema, "properties": fields}
