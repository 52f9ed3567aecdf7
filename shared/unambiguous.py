"""JSON of which every reader would read the same: no key twice in one object."""

from __future__ import annotations

import json
from typing import Any

import orjson


class RepeatedKey(ValueError):
    """An object has a key twice: one reader takes the first value, another the last."""


def loads(data: bytes) -> Any:
    """The value of one JSON text (UTF-8). Raises RepeatedKey; ValueError where it is not JSON."""
    value = orjson.loads(data)
    json.loads(data, object_pairs_hook=_once)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RepeatedKey
    return found
