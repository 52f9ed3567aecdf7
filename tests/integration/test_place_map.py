"""The map on /submit: one press on the picture or on a name chooses a place, with what was typed kept and without a script."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import AsyncIterator

import httpx
import pytest

from services.portal.place_map import drawn, pressed
from tests.integration.test_portal_citizens import ZH, hidden, strict
from tests.support.serving import Served, served

TYPED = "路灯坏了两个月"


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def chosen(page: httpx.Response) -> str | None:
    found = re.search(r'<option value="([^"]+)" selected>', page.text)
    return found[1] if found else None


async def opened(citizen: httpx.AsyncClient) -> tuple[dict[str, str], httpx.Response]:
    first = await citizen.get("/submit")
    assert 'value="map"' in first.text
    fields = {"at": "0", "command_id": hidden(first, "command_id"), "text": TYPED, "class": ""}
    page = await citizen.post("/submit", data={**fields, "go": "map"})
    strict(page)
    return {**fields, "map": "1", "area": "", "shown": ""}, page


async def test_map_is_drawn_from_the_policy_and_a_press_leads_from_district_to_street(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        fields, page = await opened(citizen)
        assert TYPED in page.text
        picture = b64decode(page.text.partition("data:image/svg+xml;base64,")[2].partition('"')[0]).decode()
        assert all(name in picture for name in ("东湖区", "西山区", "北河县")) and "<script" not in picture
        width, height = (int(found) for found in re.findall(r'(?:width|height)="(\d+)"', picture)[:2])
        page = await citizen.post("/submit", data={**fields, "point.x": str(width // 2), "point.y": str(height // 2)})
        assert chosen(page) == "dh" and TYPED in page.text and hidden(page, "area") == "dh"
        page = await citizen.post("/submit", data={**fields, "area": "dh", "pick": "dh-yl"})
        assert chosen(page) == "dh-yl" and hidden(page, "area") == "dh", "a street is the end"
        back = await citizen.post("/submit", data={**fields, "area": "dh", "place": "dh-yl", "pick": ".."})
        assert chosen(back) == "dh-yl" and "北河县" in back.text
        beside = await citizen.post("/submit", data={**fields, "point.x": "0", "point.y": "0"})
        assert beside.status_code == 422 and "该处没有可选的地点" in beside.text and TYPED in beside.text
        last = {**fields, "at": "0", "place": "dh-yl", "go": "next"}
        assert hidden(await citizen.post("/submit", data=last), "place") == "dh-yl"


async def test_press_in_a_wider_picture_and_bad_values_are_understood(here: Served) -> None:
    async with here.client() as anybody:
        answer = (await anybody.get("/v1/public/map")).json()
        unknown = await anybody.get("/v1/public/map", params={"area": "nowhere"})
    assert unknown.status_code == 422 and unknown.json()["code"] == "unknown_place"
    found = drawn(answer, "", "zh")
    assert found is not None and found.width <= 280
    middle = pressed(answer, found.width // 2, found.height // 2, None)
    twice = pressed(answer, found.width, found.height, 2 * found.width)
    assert middle is not None and twice is not None and middle["code"] == twice["code"] == "dh"
    assert pressed(answer, 10**9, 10**9, 1) is None
    async with here.browser(**ZH) as citizen:
        fields, _page = await opened(citizen)
        for bad in (
            {"point.x": "-5", "point.y": "x"},
            {"pick": "<script>"},
            {"pick": "dh", "area": "nowhere"},
            {"point.x": "9", "shown": "0"},
        ):
            page = await citizen.post("/submit", data={**fields, **bad})
            assert page.status_code in (200, 422) and TYPED in page.text and "<script>" not in page.text


async def test_policy_without_boundaries_has_no_map() -> None:
    empty = {"area": None, "above": None, "box": None, "shapes": []}
    assert drawn(empty, "", "zh") is None and pressed(empty, 1, 1, None) is None
