"""What people read instead of codes and UTC."""

from __future__ import annotations

import httpx
import pytest

from shared.cli.importing import local_times
from shared.cli.wording import Wording, at, due, wording

SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-01-31T16:05:09.000001Z", SHANGHAI, "2026-02-01 00:05 +08:00"),
        ("2026-07-01T16:00:00.000000Z", "America/New_York", "2026-07-01 12:00 -04:00"),
        ("2026-01-31T16:05:09.000001Z", None, "2026-01-31 16:05 +00:00"),
        ("2026-01-31", SHANGHAI, "2026-01-31"),
        ("0102", SHANGHAI, "0102"),
        (None, SHANGHAI, ""),
    ],
)
def test_times_in_the_zone_of_the_jurisdiction(text: str | None, zone: str | None, shown: str) -> None:
    assert at(text, zone) == shown


def test_the_end_of_a_day_is_that_day() -> None:
    assert due("2026-01-31T15:59:59.999999Z", SHANGHAI) == "2026-01-31"
    assert due("2026-01-31T15:59:59.999999Z") == "2026-01-31 15:59 +00:00"
    assert due("2026-01-31T09:30:00.000000Z", SHANGHAI) == "2026-01-31 17:30 +08:00"


def test_a_row_is_previewed_in_the_zone_of_its_file() -> None:
    row = {"line": 2, "steps": [{"effective_at": "2026-01-31T16:00:00.000000Z"}], "item": "*** (3)"}
    assert local_times(row, SHANGHAI) == {
        "line": 2,
        "steps": [{"effective_at": "2026-02-01 00:00 +08:00"}],
        "item": "*** (3)",
    }


def test_names_beside_codes() -> None:
    words = Wording({"A": SHANGHAI, "B": "UTC"}, {"A": {"zj": "住建局"}, "B": {"zj": "Housing"}})
    assert words.named("zj", "B") == "Housing (zj)"
    assert words.named("zj") == "住建局 (zj)"
    assert (words.named("xx", "A"), words.named(None)) == ("xx", "")
    assert (words.zone("B"), words.zone("C"), words.zone()) == ("UTC", None, None)


async def test_who_may_not_see_policies_reads_codes() -> None:
    refused = httpx.MockTransport(lambda _request: httpx.Response(403, json={"code": "role_not_allowed"}))
    async with httpx.AsyncClient(transport=refused, base_url="http://huiyin") as client:
        assert await wording(client) == Wording({}, {})
