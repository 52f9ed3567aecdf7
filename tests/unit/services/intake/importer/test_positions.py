"""Positions of a filing: forms of cells, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.importer.positions import BadPosition, located, position, position_in

DEGREES = st.tuples(
    st.decimals(-90, 90, places=6, allow_nan=False), st.decimals(-180, 180, places=6, allow_nan=False)
).map(lambda pair: (f"{pair[0]:f}", f"{pair[1]:f}"))


@given(
    DEGREES,
    st.sampled_from(["{0},{1}", "({0}, {1})", "[{0};{1}]", "{0} {1}", " POINT ({1} {0})", "SRID=4326;POINT({1} {0})"]),
)
def test_every_form_gives_the_digits_of_the_source(pair: tuple[str, str], form: str) -> None:
    assert position_in(form.format(*pair)) == position(*pair) == f"{pair[0]}, {pair[1]}"


NONE = [
    "",
    "39.37",
    "91, 0",
    "0, 181",
    "39,37 -76,6",
    "39.37, -76.61, 12",
    "N39 W76",
    "nan, nan",
    "1e1, 2",
    "POINT (200 3)",
]


@pytest.mark.parametrize("cell", NONE)
def test_what_is_no_position_is_refused(cell: str) -> None:
    with pytest.raises(BadPosition):
        position_in(cell)


def test_half_of_a_position_is_refused() -> None:
    with pytest.raises(BadPosition):
        located({"latitude": "39.37"})


def test_location_holds_postcode_and_position() -> None:
    values = {"location": "608 A St", "postcode": "21212", "latitude": "39.37", "longitude": "-76.6"}
    assert located(values) == "608 A St 21212 (39.37, -76.6)"
    assert located({}) is None
