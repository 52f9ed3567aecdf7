"""Positions as exports write them: two numbers of degrees, in one cell or in two. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = r"([+-]?\d{1,3}(?:\.\d{1,20})?)"
_PAIR = re.compile(rf"[(\[]?\s*{_NUMBER}\s*[,;，\s]\s*{_NUMBER}\s*[)\]]?")
_POINT = re.compile(rf"(?:SRID=4326;)?POINT\s*\(\s*{_NUMBER}\s+{_NUMBER}\s*\)", re.IGNORECASE)
"""Well-known text, which writes the longitude first."""


class BadPosition(ValueError):
    """The cell holds no position on the earth."""


def position(latitude: str, longitude: str) -> str:
    """Latitude and longitude in degrees as one text, with the digits of the source. Raises BadPosition.

    >>> position("39.370124", " -76.608201"), position_in("POINT (-76.608201 39.370124)")
    ('39.370124, -76.608201', '39.370124, -76.608201')
    """
    north, east = latitude.strip(), longitude.strip()
    if not re.fullmatch(_NUMBER, north) or not re.fullmatch(_NUMBER, east):
        raise BadPosition
    if abs(float(north)) > 90 or abs(float(east)) > 180:
        raise BadPosition
    return f"{north}, {east}"


def position_in(cell: str) -> str:
    """The position in one cell: `(39.37, -76.61)`, `39.37 -76.61` or `POINT (-76.61 39.37)`. Raises BadPosition."""
    if found := _POINT.fullmatch(cell.strip()):
        return position(found[2], found[1])
    if found := _PAIR.fullmatch(cell.strip()):
        return position(found[1], found[2])
    raise BadPosition


def position_of(values: Mapping[str, str]) -> str | None:
    """The position of a filing as `latitude, longitude`, None if it has none. Raises BadPosition."""
    if "position" in values:
        return position_in(values["position"])
    if "latitude" not in values and "longitude" not in values:
        return None
    if not ("latitude" in values and "longitude" in values):
        raise BadPosition
    return position(values["latitude"], values["longitude"])


def located(values: Mapping[str, str]) -> str | None:
    """The location of a filing with its postcode and position, which are sealed with it. Raises BadPosition."""
    where = position_of(values)
    parts = [values.get("location"), values.get("postcode"), f"({where})" if where else None]
    return " ".join(part for part in parts if part) or None
