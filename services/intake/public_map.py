"""A map of the places of a jurisdiction, drawn from their boundaries in the policy: it needs no tiles and no other server."""

from __future__ import annotations

from pydantic import Field

from services.intake.public_form import Choice, choice
from shared.application.response import Answer
from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook
from shared.policy.boundaries import Point, parse, simplified

FINENESS = 400
"""Parts into which the longer side of a map is divided: a point that bends a line by less is left out (own choice)."""

Box = tuple[float, float, float, float]


class PlaceShape(Choice):
    """A place with its outline."""

    divided: bool = Field(description="True if a map of the places inside can be asked for with `area`")
    rings: list[list[Point]] = Field(
        description="Outlines as longitude and latitude, simplified; a point is inside if it is within an odd number of them"
    )


class MapAnswer(Answer):
    """The places of an area."""

    area: Choice | None = Field(description="The area; null: the whole jurisdiction")
    above: str | None = Field(description="Code of the next larger area with a map; null: the whole jurisdiction")
    box: Box | None = Field(description="West, south, east, north of all outlines, in degrees; null: there is no map")
    shapes: list[PlaceShape] = Field(description="The next smaller places that have a boundary")


def map_of(book: PolicyBook, area: str | None) -> MapAnswer:
    """The map of an area; the whole jurisdiction for None. Raises Invalid for a place that the policy does not list."""
    places, below = book.places, _children(book)
    if area is not None and area not in places:
        raise Invalid(
            "unknown_place",
            "The policy lists no place of this code. Use a code of GET /v1/public/form.",
            detail_zh="规则中没有该地点代码，请使用表单（/v1/public/form）中的代码。",
            field="area",
        )
    shown = _drawn(book, below, area)
    boundaries = [parse(book.boundaries[code]) for code in shown]
    box = _around([one.box for one in boundaries])
    step = max(box[2] - box[0], box[3] - box[1]) / FINENESS if box is not None else 0.0
    return MapAnswer(
        area=choice(places[area]) if area is not None else None,
        above=places[area].parent if area is not None else None,
        box=box,
        shapes=[
            PlaceShape(
                **choice(places[code]).model_dump(),
                divided=len(_drawn(book, below, code)) > 1,
                rings=[list(simplified(ring, step)) for ring in boundary.rings],
            )
            for code, boundary in zip(shown, boundaries, strict=True)
        ],
    )


def _children(book: PolicyBook) -> dict[str | None, list[str]]:
    below: dict[str | None, list[str]] = {}
    for code, place in book.places.items():
        below.setdefault(place.parent if place.parent in book.places else None, []).append(code)
    return below


def _drawn(book: PolicyBook, below: dict[str | None, list[str]], area: str | None) -> list[str]:
    """The next places below that have a boundary. A level with a single place is no choice, so its own places are shown."""
    found: list[str] = []
    waiting, seen = list(below.get(area, ())), {area}
    while waiting:
        code = waiting.pop(0)
        if code in seen:
            continue
        seen.add(code)
        if code in book.boundaries:
            found.append(code)
        else:
            waiting += below.get(code, ())
    if len(found) == 1:
        return _drawn(book, below, found[0]) or found
    return found


def _around(boxes: list[Box]) -> Box | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)
