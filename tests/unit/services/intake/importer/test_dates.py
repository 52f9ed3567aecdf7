"""Date formats of exports."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from services.intake.importer.dates import BadDate, compile_format, reader

CHINA = reader("Asia/Shanghai")
NEW_YORK = reader("America/New_York", ("MM/DD/YYYY hh:mm:ss AM",))


@pytest.mark.parametrize(
    "text",
    ["2026-01-31", "2026/1/31", "2026.01.31", "2026年1月31日", "20260131", " 2026-01-31 ", "2026 年 1 月 31 日"],
)
def test_date_without_time_stays_date(text: str) -> None:
    found = CHINA(text)
    assert found == date(2026, 1, 31)
    assert not isinstance(found, datetime)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 08:05:00",
        "2026-01-31T08:05",
        "2026/1/31 8:05",
        "2026年1月31日 8时5分",
        "2026年1月31日8:05:00",
        "20260131080500",
        "2026-01-31T00:05:00Z",
        "2026-01-31 08:05:00.000+08:00",
        "2026-01-30T19:05:00-0500",
        "20260131 8:05",
        "20260131 08:05:00+08:00",
        "2026-01-31 08:05:00 +0800 CST",
        '="2026-01-31 08:05"',
        "'2026/1/31 8:05",
    ],
)
def test_time_gets_zone(text: str) -> None:
    assert CHINA(text) == datetime(2026, 1, 31, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("2026-02-30", "impossible_date"),
        ("2026-13-01", "impossible_date"),
        ("2026-01-01 25:00", "impossible_date"),
        ("0001-01-01", "impossible_date"),
        ("9999-12-31", "impossible_date"),
        ("03/04/2026", "ambiguous_date"),
        ("3.4.26", "ambiguous_date"),
        ("2026-03-05 08:00-09:00", "ambiguous_date"),
        ("2026/3/5 8:00 -17", "ambiguous_date"),
        ("昨天", "not_a_date"),
        ("", "not_a_date"),
        ("1", "not_a_date"),
        (True, "not_a_date"),
        (float("nan"), "not_a_date"),
        (-5.0, "not_a_date"),
        ([], "not_a_date"),
    ],
)
def test_invalid_date_is_refused(cell: object, code: str) -> None:
    with pytest.raises(BadDate) as caught:
        CHINA(cell)
    assert caught.value.code == code


def test_declared_date_formats_are_parsed() -> None:
    assert NEW_YORK("01/02/2026 03:04:05 PM") == datetime(2026, 1, 2, 20, 4, 5, tzinfo=UTC)
    assert NEW_YORK("01/02/2026 12:04:05 AM") == datetime(2026, 1, 2, 5, 4, 5, tzinfo=UTC)
    with pytest.raises(BadDate, match="impossible_date"):
        NEW_YORK("13/02/2026 03:04:05 PM")
    with pytest.raises(BadDate, match="impossible_date"):
        NEW_YORK("01/02/2026 00:04:05 PM")
    both = reader("UTC", ("MM/DD/YYYY", "DD/MM/YYYY"))
    assert both("05/05/2026") == date(2026, 5, 5)
    assert both("13/05/2026") == date(2026, 5, 13)
    with pytest.raises(BadDate, match="ambiguous_date"):
        both("03/05/2026")


@pytest.mark.parametrize("text", ["", "YYYY", "YYYY-MM", "DD/MM/YYYY DD", "MM/DD/YYYY AM"])
def test_unusable_date_formats_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="made of"):
        compile_format(text)


def test_summer_time_is_handled_consistently() -> None:
    read = reader("America/New_York")
    assert read("2026-03-08 02:30:00") == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # left out: an hour on, 03:30
    assert read("2026-11-01 01:30:00") == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # twice: the first


def test_spreadsheet_serial_days_are_parsed() -> None:
    assert CHINA(43831.0) == date(2020, 1, 1)
    assert CHINA(43831.5) == datetime(2020, 1, 1, 4, 0, tzinfo=UTC)
    assert CHINA(date(2020, 1, 1)) == date(2020, 1, 1)
    assert CHINA(datetime(2020, 1, 1, 8)) == datetime(2020, 1, 1, tzinfo=UTC)  # noqa: DTZ001


@forall(st.text(st.sampled_from("0123456789-/年月日 :.TZ+时分秒AP"), max_size=25) | st.text(max_size=20) | st.floats())
def test_any_text_parses_or_raises_bad_date(cell: object) -> None:
    for read in (CHINA, NEW_YORK):
        try:
            read(cell)
        except BadDate as bad:
            assert bad.code in ("not_a_date", "ambiguous_date", "impossible_date")
