"""The boundary of a place: polygons in well-known text (OGC 06-103r4), longitude before latitude, in degrees. Pure.

A position on the line between two places belongs to either; positions and boundaries have to be in one coordinate system.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from math import hypot
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from shared.kernel.validation_messages import WrongValue

LONGEST = 20_000
"""Characters of one boundary, about 1,000 points: it is kept in the log with each edition of the list."""
_KIND = re.compile(r"\s*(MULTIPOLYGON|POLYGON)\s*(?:Z\s*)?(\(.*\))\s*", re.IGNORECASE | re.DOTALL)
_RING = re.compile(r"\(([^()]*)\)")
_LEAST_POINTS = 4

Point = tuple[float, float]
"""(longitude, latitude)."""


class Boundary(NamedTuple):
    """The rings of all polygons, outer and inner, and the box around them (west, south, east, north)."""

    rings: tuple[tuple[Point, ...], ...]
    box: tuple[float, float, float, float]

    def contains(self, latitude: float, longitude: float) -> bool:
        """True if a position is inside: a line from it to the east crosses the rings an odd number of times."""
        west, south, east, north = self.box
        if not (west <= longitude <= east and south <= latitude <= north):
            return False
        crossings = 0
        for ring in self.rings:
            for (x1, y1), (x2, y2) in pairwise(ring):
                if (y1 > latitude) != (y2 > latitude) and longitude < (x2 - x1) * (latitude - y1) / (y2 - y1) + x1:
                    crossings += 1
        return crossings % 2 == 1


@lru_cache(maxsize=4096)
def parse(text: str) -> Boundary:
    """The boundary in well-known text. Raises WrongValue.

    >>> parse("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))").contains(latitude=3, longitude=1)
    True
    """
    found = _KIND.fullmatch(text) if len(text) <= LONGEST else None
    rings = tuple(map(_ring, _RING.findall(found[2]))) if found is not None else ()
    balanced = text.count("(") == text.count(")")
    if not rings or not balanced or any(len(ring) < _LEAST_POINTS or ring[0] != ring[-1] for ring in rings):
        raise WrongValue(
            "a boundary is written as POLYGON ((longitude latitude, …)) or MULTIPOLYGON (((…))), each ring of at least four points "
            f"and closed, at most {LONGEST:,} characters; simplify a longer one",
            "边界写作 POLYGON ((经度 纬度, …)) 或 MULTIPOLYGON (((…)))，每个环至少四点且首尾相同，"
            f"最长 {LONGEST:,} 个字符，过长请简化。",
        )
    points = [point for ring in rings for point in ring]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Boundary(rings, (min(xs), min(ys), max(xs), max(ys)))


@lru_cache(maxsize=4096)
def simplified(ring: tuple[Point, ...], least: float) -> tuple[Point, ...]:
    """The ring without points that bend it by less than `least` degrees (Douglas and Peucker 1973); closed, like the ring.

    >>> simplified(((0, 0), (2, 0.001), (4, 0), (4, 4), (0, 4), (0, 0)), 0.1)
    ((0, 0), (4, 0), (4, 4), (0, 4), (0, 0))
    """
    far = max(
        range(len(ring)), key=lambda place: (ring[place][0] - ring[0][0]) ** 2 + (ring[place][1] - ring[0][1]) ** 2
    )
    kept, parts = {0, far, len(ring) - 1}, [(0, far), (far, len(ring) - 1)]
    while parts:
        first, last = parts.pop()
        (x1, y1), (x2, y2) = ring[first], ring[last]
        length = hypot(x2 - x1, y2 - y1) or 1.0
        bends = (
            (abs((x2 - x1) * (y1 - ring[place][1]) - (x1 - ring[place][0]) * (y2 - y1)) / length, place)
            for place in range(first + 1, last)
        )
        most, place = max(bends, default=(0.0, first))
        if most >= least and place not in kept:
            kept.add(place)
            parts += [(first, place), (place, last)]
    return tuple(ring[place] for place in sorted(kept))


def _ring(text: str) -> tuple[Point, ...]:
    """The points of a ring; none if one is no position on the earth."""
    points: list[Point] = []
    for pair in text.split(","):
        try:
            longitude, latitude = map(float, pair.split()[:2])
        except ValueError:
            return ()
        if not (abs(longitude) <= 180 and abs(latitude) <= 90):
            return ()
        points.append((longitude, latitude))
    return tuple(points)


def _checked(text: str) -> str:
    parse(text)
    return text


BoundaryText = Annotated[str, AfterValidator(_checked)]


def place_at(
    boundaries: Mapping[str, str], lines: Mapping[str, tuple[str, ...]], latitude: float, longitude: float
) -> str | None:
    """The smallest place around a position. None if no boundary contains it, or if two contain it and neither contains the other.

    `boundaries`: place -> well-known text; `lines`: place -> (itself, …, the root)."""
    inside = [code for code, text in boundaries.items() if parse(text).contains(latitude, longitude)]
    smallest = [code for code in inside if not any(code in lines.get(other, ())[1:] for other in inside)]
    return smallest[0] if len(smallest) == 1 else None
