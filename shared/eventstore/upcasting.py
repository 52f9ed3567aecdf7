"""Upcasting: reading a body of an old schema in the shape of today's. Stored events are never rewritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.events import REGISTRY

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(event type, schema) -> conversion of a body of that schema to the next one."""


def upcast(kind: str, schema: int, body: dict[str, Any]) -> dict[str, Any]:
    """`body` of `schema` in the shape of the current schema. Raises ValueError where a step is missing."""
    for step in range(schema, REGISTRY[kind].schema_version):
        convert = UPCASTERS.get((kind, step))
        if convert is None:
            raise ValueError(f"{kind} has no upcaster from schema {step}")
        body = convert(body)
    return body
