"""Times that somebody outside wrote: the documented forms and nothing else."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.events.fields import Moment
from shared.kernel.legal_time import given_day, given_time, to_text
from shared.kernel.validation_messages import WrongValue

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class Body(BaseModel):
    when: Moment | None = None


@given(st.dates())
def test_every_date_is_read(day: date) -> None:
    assert given_time(day.isoformat()) == day == given_day(day.isoformat())


@given(st.datetimes(timezones=OFFSETS))
def test_every_instant_with_offset_is_read(when: datetime) -> None:
    if not 1900 <= when.year <= 2199:  # other years are refused by the caller; at the ends UTC has no such instant
        return
    assert given_time(when.isoformat()) == when
    assert given_time(to_text(when)) == when
    with pytest.raises(WrongValue):
        given_day(when.isoformat())


@pytest.mark.parametrize(
    "text",
    [
        "2026-W05-6", "2026-W05", "20260131", "2026-031", "2026-1-31", "2026-01", "2026", "", " 2026-01-31", "2026-01-31 ",
        "2026-02-30", "2026-13-01", "0000-01-01", "2026-01-31T10:00:00", "2026-01-31T10", "2026-01-31T10+08:00",
        "2026-01-31 10:00:00+08:00", "2026-01-31t10:00:00z", "2026-01-31T10:00:00,5+08:00", "2026-01-31T100000+0800",
        "2026-01-31T10:00:00+08", "2026-01-31T10:00:00+0800", "2026-01-31T10:00:00+08:00:30", "2026-01-31T24:00:01Z",
        "2026-01-31T10:00:00.1234567890Z", "2026-W05-6T10:00:00Z", "２０２６-０１-３１", "2026-01-31T10:00:00Z[Asia/Shanghai]",
        "0001-01-01T00:00:00+08:00", "1769824800", "now", "2026-01-31\n", "-2026-01-31", "2026/01/31", "2026年1月31日",
    ],
)  # fmt: skip
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(WrongValue):
        given_time(text)


@given(st.text(max_size=40))
def test_reading_raises_nothing_else(text: str) -> None:
    try:
        found = given_time(text)
    except WrongValue:
        return
    assert text.isascii()
    assert isinstance(found, datetime) or found.isoformat() == text


@pytest.mark.parametrize("value", [0, 1, -1, 1769824800, 1769824800.5, True, [], {}, ["2026-01-31"]])
def test_a_number_is_no_time(value: object) -> None:
    with pytest.raises(ValidationError):
        Body.model_validate({"when": value})
    assert Body.model_validate({"when": None}).when is None
