"""The version for elderly people (长辈版), over every page of the portal: telephone, reading aloud, and more time by one press."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from services.portal.browser import COOKIE
from tests.integration.test_portal_citizens import filing, hidden, sent
from tests.security.test_portal_matrix import PATHS, filled
from tests.support.serving import Served, served

NO_PAGES = ("/assets/", "/desk/live", "/sign-in/passkey/options", "/view", "/submit/subjects", "/desk/register/near")
"""Parts of pages, files and streams."""


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def large(browser: httpx.AsyncClient, view: str = "zh.large") -> None:
    browser.cookies.set(f"{COOKIE}view", view, domain="huiyin.test")


def check(page: httpx.Response, where: str) -> None:
    assert '<html lang="zh-CN" class="large">' in page.text, where
    assert 'href="tel:12345"' in page.text and "电话" in page.text, where
    assert re.search(r"<button[^>]*data-read", page.text), where
    if "data-expires" in page.text:  # a limit of time has a button to stay, with and without a script
        assert page.text.count("再停留15分钟") >= 2 and "<noscript>" in page.text, where


async def pages_of(browser: httpx.AsyncClient, number: str, begin: str) -> int:
    seen = 0
    for method, path in PATHS:
        if path.startswith(NO_PAGES) or path.startswith("/desk") != begin.startswith("/desk"):
            continue
        answer = await browser.request(method, filled(path, number), **({"data": {}} if method == "POST" else {}))
        if answer.headers.get("content-type", "").startswith("text/html"):
            check(answer, f"{method} {path}")
            seen += 1
    return seen


async def test_every_page_names_the_telephone_reads_aloud_and_gives_more_time(here: Served) -> None:
    async with here.browser() as citizen:
        large(citizen)
        number, _code = await sent(citizen)
        fields = await filing(citizen)
        for step in ("0", "1"):
            check(await citizen.post("/submit", data={**fields, "at": step, "go": "next"}), f"step {step}")
        check(await citizen.post("/submit", data={**fields, "at": "0", "text": "", "go": "next"}), "an error")
        assert await pages_of(citizen, number, "/") >= 15
        for name in ("documents", "data"):
            check(await citizen.post(f"/track/{name}"), name)
    async with here.browser() as clerk:
        large(clerk)
        clerk.cookies.set(f"{COOKIE}session", here.keys["registrar"], domain="huiyin.test")
        assert await pages_of(clerk, number, "/desk") >= 15


async def test_what_was_typed_outlives_the_limit_of_time_of_a_case(here: Served) -> None:
    """Without a script: the button to stay sends the form, and what was typed is still there."""
    async with here.browser() as citizen:
        large(citizen)
        await sent(citizen)
        form = await citizen.get("/track/do/add_material")
        typed = {"command_id": hidden(form, "command_id"), "text": "昨天又漏了。"}
        here.clock.advance(14 * 60)
        stayed = await citizen.post("/track/do/add_material", data={**typed, "go": "stay"})
        here.clock.advance(14 * 60)
        again = await citizen.post("/track/do/add_material", data={**typed, "go": "stay"})
    assert "昨天又漏了。" in stayed.text and "昨天又漏了。" in again.text
    assert "data-expires" in again.text and 'id="code"' not in again.text
