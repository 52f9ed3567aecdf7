"""Boundaries of places in well-known text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.validation_messages import WrongValue
from shared.policy.boundaries import parse, place_at

SQUARE = "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))"


def box(west: float, south: float, east: float, north: float) -> str:
    return f"polygon(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "POINT (1 2)",
        "POLYGON (())",
        "POLYGON ((0 0, 4 0, 4 4, 0 4))",
        "POLYGON ((0 0, 4 0, 0 0))",
        "POLYGON ((0 0, x 0, 4 4, 0 0))",
        "POLYGON ((0 0, 400 0, 4 4, 0 0))",
        "POLYGON ((0 0, 4 0, 4 4, 0 0)",
        "POLYGON ((0, 4, 4, 0))",
        "POLYGON ((0 nan, 4 0, 4 4, 0 nan))",
        "POLYGON ((0 0, 4 0, 4 4, 0 0))" + " " * 600_000,
        '{"type": "Polygon"}',
    ],
)
def test_what_is_no_boundary_is_refused(text: str) -> None:
    with pytest.raises(WrongValue):
        parse(text)


def test_hole_and_second_polygon() -> None:
    hole = parse("POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 3 1, 3 3, 1 3, 1 1))")
    assert (hole.contains(0.5, 0.5), hole.contains(2, 2)) == (True, False)
    two = parse("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 1, 0 0)), ((5 5, 6 5, 6 6, 5 6, 5 5)))")
    assert (two.contains(5.5, 5.5), two.contains(3, 3)) == (True, False)


@given(*[st.integers(-80, 80)] * 2, *[st.integers(1, 9)] * 2, *[st.floats(-90, 90)] * 2)
def test_box_contains_points_between_its_sides(
    west: int, south: int, width: int, height: int, north: float, east: float
) -> None:
    inside = west < east < west + width and south < north < south + height
    edge = east in (west, west + width) or north in (south, south + height)
    assert edge or parse(box(west, south, west + width, south + height)).contains(north, east) == inside


def test_smallest_place_counts_and_two_that_overlap_give_none() -> None:
    lines = {"county": ("county",), "town": ("town", "county"), "other": ("other", "county")}
    places = {"county": SQUARE, "town": box(0, 0, 2, 2), "other": box(1, 1, 3, 3)}
    assert place_at(places, lines, 0.5, 0.5) == "town"
    assert place_at(places, lines, 3.5, 3.5) == "county"
    assert place_at(places, lines, 1.5, 1.5) is None
    assert place_at(places, lines, 9, 9) is None
