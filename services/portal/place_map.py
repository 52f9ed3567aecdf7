"""A map of places as one picture that can be pressed, without a script: outlines that the interface gives, drawn as SVG."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from math import cos, radians
from typing import Any, NamedTuple

from markupsafe import escape

WIDTH, TALLEST = 280, 300
"""Pixels of the picture: its width fits a narrow telephone."""
_INK, _LINE, _GROUND, _CHOSEN = "#16211f", "#0b5c5c", "#e3efed", "#ffbf3c"
"""The map is light in both colour schemes, like a printed one."""


class PlaceMap(NamedTuple):
    """A drawn map."""

    picture: str
    """Address of the picture (`data:`)."""
    width: int
    height: int
    shapes: list[dict[str, Any]]
    """As the interface gives them."""
    area: dict[str, Any] | None
    above: str | None


class _Frame(NamedTuple):
    """From degrees to pixels. A degree of longitude is shorter than one of latitude by the cosine of the latitude."""

    west: float
    north: float
    across: float
    down: float
    width: int
    height: int

    def at(self, point: Sequence[float]) -> tuple[float, float]:
        return round((point[0] - self.west) * self.across, 1), round((self.north - point[1]) * self.down, 1)


def _frame(box: Sequence[float]) -> _Frame:
    west, south, east, north = box
    shrunk = max(cos(radians((south + north) / 2)), 0.01)
    wide, high = max((east - west) * shrunk, 1e-9), max(north - south, 1e-9)
    scale = min(WIDTH / wide, TALLEST / high)
    width, height = max(1, round(wide * scale)), max(1, round(high * scale))
    return _Frame(west, north, scale * shrunk, scale, width, height)


def drawn(answer: dict[str, Any], chosen: str, language: str) -> PlaceMap | None:
    """The map of an answer of GET /v1/public/map; None where there is nothing to choose."""
    if answer["box"] is None or not answer["shapes"]:
        return None
    frame = _frame(answer["box"])
    shapes, labels = [], []
    for one in answer["shapes"]:
        rings = [[frame.at(point) for point in ring] for ring in one["rings"]]
        path = "".join("M" + " ".join(f"{x},{y}" for x, y in ring) + "Z" for ring in rings)
        fill = _CHOSEN if one["code"] == chosen else _GROUND
        shapes.append(f'<path d="{path}" fill="{fill}" fill-rule="evenodd" stroke="{_LINE}" stroke-width="1.2"/>')
        outer = max(rings, key=lambda ring: abs(_area(ring)))
        x, y = _middle(outer)
        name = one["name"] if language == "zh" else one["name_en"] or one["name"]
        labels.append(f'<text x="{x:.1f}" y="{y:.1f}">{escape(name)}</text>')
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {frame.width} {frame.height}" width="{frame.width}"'
        f' height="{frame.height}"><rect width="100%" height="100%" fill="#fff"/>{"".join(shapes)}'
        f'<g font-family="Noto Sans CJK SC,Microsoft YaHei,PingFang SC,sans-serif" font-size="11" fill="{_INK}"'
        f' text-anchor="middle">{"".join(labels)}</g></svg>'
    )
    address = "data:image/svg+xml;base64," + b64encode(picture.encode()).decode()
    return PlaceMap(address, frame.width, frame.height, answer["shapes"], answer["area"], answer["above"])


def pressed(answer: dict[str, Any], x: int, y: int, shown: int | None) -> dict[str, Any] | None:
    """The shape that was pressed; None beside all of them.

    Args:
        x: Pixels from the left edge of the picture.
        y: Pixels from its upper edge.
        shown: Width in which a browser showed it, if that was another one than that of the picture.
    """
    if answer["box"] is None:
        return None
    frame = _frame(answer["box"])
    scale = frame.width / shown if shown else 1.0
    at = (x * scale, y * scale)
    inside = [one for one in answer["shapes"] if _contains([[frame.at(p) for p in ring] for ring in one["rings"]], at)]
    return inside[-1] if inside else None


def _contains(rings: list[list[tuple[float, float]]], at: tuple[float, float]) -> bool:
    x, y = at
    crossings = 0
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                crossings += 1
    return crossings % 2 == 1


def _area(ring: list[tuple[float, float]]) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring)) / 2


def _middle(ring: list[tuple[float, float]]) -> tuple[float, float]:
    """The centre of gravity of a ring."""
    area = _area(ring)
    if not area:
        return ring[0]
    x = sum((x1 + x2) * (x1 * y2 - x2 * y1) for (x1, y1), (x2, y2) in pairwise(ring)) / (6 * area)
    y = sum((y1 + y2) * (x1 * y2 - x2 * y1) for (x1, y1), (x2, y2) in pairwise(ring)) / (6 * area)
    return x, y + 4
