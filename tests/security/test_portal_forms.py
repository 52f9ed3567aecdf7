"""Whatever a browser sends in the fields of our forms, a page answers: no value leads to a fault of the server."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

import services.portal
from services.portal.browser import COOKIE
from tests.security.test_portal_matrix import MISSING, filled, routes
from tests.support.serving import served

FIELDS = sorted(
    {
        name
        for file in Path(services.portal.__file__).parent.rglob("*.py")
        for name in re.findall(r'form\["([\w-]+)"\]', file.read_text(encoding="utf-8"))
    }
    - {"view"}
    | {"files", "case", "do", "asked", "answer-0", "expected_version", "of", "after", "execute_by", "path", "days"}
)
"""Every field that a page reads, and some of commands."""
HOSTILE = {
    "digits": "9" * 5000,
    "two signs": "--5",
    "other digits": "٣",
    "nul": "a\x00b",
    "lines": "a\r\nSet-Cookie: x=1",
    "markup": "<script>alert(1)</script>{{7*7}}",
    "way": "../../v1/cases",
    "half a character": '[["a", "\\ud800", 1, 0, 0]]',
    "large numbers": f'[["a", "b", {"9" * 400}, {"9" * 400}, NaN]]',
    "deep": "[" * 5_000,
    "wrong json": '{"a": [1, "\\udfff"]}',
}
ORDINARY = ("digits", "half a character", "large numbers")
"""Those of the ordinary run."""
POSTS = [path for method, path in sorted(set(routes())) if method == "POST"]


@pytest.mark.parametrize(
    "name", [one if one in ORDINARY else pytest.param(one, marks=pytest.mark.nightly) for one in HOSTILE]
)
async def test_no_value_of_a_field_is_a_fault(name: str) -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.browser(**{"accept-language": "en"}) as browser:
            entered = await browser.post("/track", data={"number": receipt["number"], "code": receipt["code"]})
            assert entered.status_code == 303
            browser.cookies.set(f"{COOKIE}session", here.keys["clerk"], domain="huiyin.test")
            faults = []
            for path in POSTS:
                if path in ("/track/leave", "/sign-out"):  # they end what the others need
                    continue
                for number in (receipt["number"], MISSING):
                    data = dict.fromkeys(FIELDS, HOSTILE[name])
                    answer: httpx.Response = await browser.post(filled(path, number), data=data)
                    if answer.status_code >= 500 or "Set-Cookie: x" in str(answer.headers):
                        faults.append((path, answer.status_code))
            assert faults == []
