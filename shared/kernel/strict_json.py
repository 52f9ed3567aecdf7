"""Strict JSON: only texts that every reader reads the same."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson


class RepeatedKey(ValueError):
    """An object holds the same key twice: one reader takes the first value, another the last."""

    def __init__(self, key: str) -> None:
        super().__init__("repeated key")
        self.key = key


class NotFinite(ValueError):
    """NaN, Infinity, or a number too large for a float."""


def loads(data: bytes) -> Any:
    """The value of one UTF-8 JSON text, without lone surrogates. Raises RepeatedKey, NotFinite, else ValueError."""
    value = orjson.loads(data)
    read(data.decode())
    return value


def read(text: str) -> Any:
    """The value of one JSON text. Raises RepeatedKey, NotFinite, JSONDecodeError, RecursionError, else ValueError."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        raise RepeatedKey(next(name for place, name in enumerate(names) if name in names[:place]))
    return found


def _no_constant(_name: str) -> Any:
    raise NotFinite


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotFinite
    return value
