"""Strict JSON: only texts that every reader reads the same."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

MOST_FIELDS = 2_000
"""Keys of one object, our own choice. The largest that is meant is a table of codes in a mapping; a filing has 30."""
MOST_OBJECTS = 20_000
"""Objects of one text, or one for 40 bytes where that is more, as in a policy."""


class RepeatedKey(ValueError):
    """An object holds the same key twice: one reader takes the first value, another the last."""

    def __init__(self, key: str) -> None:
        super().__init__("repeated key")
        self.key = key


class TooManyFields(ValueError):
    """An object has more than `MOST_FIELDS` keys, or there are more than `MOST_OBJECTS` objects."""


class NotFinite(ValueError):
    """NaN, Infinity, a number too large for a float, or an integer that needs more than 64 bits."""


def loads(data: bytes) -> Any:
    """The value of one UTF-8 JSON text, without lone surrogates. Raises RepeatedKey, TooManyFields, NotFinite, else ValueError."""
    value = orjson.loads(data)
    read(data.decode())
    return value


def bounded(data: bytes) -> None:
    """Raises TooManyFields for a text that would cost much to read strictly, as far as that can be seen cheaply."""
    if data.count(b"{") > max(MOST_OBJECTS, len(data) // 40):
        raise TooManyFields
    if data.count(b":") > MOST_FIELDS:
        try:
            value = orjson.loads(data)
        except ValueError:  # the strict reader says why
            return
        if _too_wide(value):
            raise TooManyFields


def read(text: str) -> Any:
    """The value of one JSON text. Raises RepeatedKey, TooManyFields, NotFinite, JSONDecodeError, RecursionError, else
    ValueError."""
    return json.loads(
        text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:
        raise TooManyFields
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _value in pairs:
            if name in seen:
                raise RepeatedKey(name)
            seen.add(name)
    return found


def _too_wide(value: Any) -> bool:
    """True if an object in this value has too many keys. Ten times as fast as to read its text strictly."""
    level = [value]
    while level:
        if any(one.__class__ is dict and len(one) > MOST_FIELDS for one in level):
            return True
        level = inner_containers(level)
    return False


def inner_containers(level: list[Any]) -> list[Any]:
    """The lists and objects that are directly in those of `level`."""
    return [
        inner
        for one in level
        for inner in (one.values() if one.__class__ is dict else one if one.__class__ is list else ())
        if inner.__class__ is dict or inner.__class__ is list
    ]


def _no_constant(_name: str) -> Any:
    raise NotFinite


def _integer(text: str) -> int:
    """Readers and stores keep 64 bits; of more, each makes something else."""
    if len(text) < _SURELY_SHORT:
        return int(text)
    value = int(text) if len(text) <= _LONGEST_INTEGER else _MOST + 1
    if not -_MOST - 1 <= value <= _MOST:
        raise NotFinite
    return value


_MOST = 2**63 - 1
_SURELY_SHORT = 19
_LONGEST_INTEGER = 20


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotFinite
    return value
