"""The receipt and the status page in a real browser: on screen, on paper, with and without scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page

from tests.support.process import Server

pytestmark = [pytest.mark.slow]
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


def filed(running: Server, item: str) -> dict[str, Any]:
    """Register a filing whose text contains markup, and return its receipt."""
    body = {
        "channel": "web", "item": item, "text": HOSTILE, "title": HOSTILE, "location": HOSTILE, "place": "dh-yl",
        "subject": HOSTILE[:60], "petitioner": {"name": HOSTILE},
    }  # fmt: skip
    headers = {"authorization": f"Bearer {running.key('registrar:xfj')}"}
    answer = httpx.post(f"{running.url}/v1/submissions", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


class Watched:
    """A page, and everything that it should not have done."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))
        self._url = url

    def was_good(self, code: str) -> None:
        assert self.faults == []
        assert [url for url in self.asked if not url.startswith((self._url, "data:"))] == []
        assert [
            url for url in self.asked if code in url.partition("#")[0] or code.replace("-", "") in url.partition("#")[0]
        ] == []


async def opened(context: BrowserContext, running: Server) -> Watched:
    return Watched(await context.new_page(), running.url)


async def test_query_code_in_url_fragment_is_used_and_leaves_no_trace(running: Server, browser: Browser) -> None:
    receipt = filed(running, "browser-1")
    context = await browser.new_context()
    watched = await opened(context, running)
    page = watched.page
    await page.goto(f"{running.url}/status#n={receipt['number']}&c={receipt['code']}")
    assert page.url == f"{running.url}/status"
    assert await page.input_value("input[name=number]") == receipt["number"]
    await page.keyboard.press("Enter")  # the button has the focus
    await page.wait_for_selector(".told")
    assert page.url == f"{running.url}/status"
    said = await page.inner_text(".told")
    assert "信访件" in said
    assert "Your case is" in said
    await page.click("form[action='/receipt'] button")
    await page.wait_for_selector(".qr svg")
    assert receipt["code"] in await page.inner_text("main")
    watched.was_good(receipt["code"])
    await context.close()


async def test_pages_work_without_javascript(running: Server, browser: Browser) -> None:
    receipt = filed(running, "browser-2")
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    watched = await opened(context, running)
    page = watched.page
    await page.goto(f"{running.url}/status")
    await page.fill("input[name=number]", receipt["number"])
    await page.fill("input[name=code]", receipt["code"].lower())
    await page.click("main form button")
    assert "信访件" in await page.inner_text(".told")
    assert await page.locator("button[data-print]").count() == 0
    await page.click("form[action='/receipt'] button")
    assert receipt["number"] in await page.inner_text("main")
    assert not await page.locator("button[data-print]").is_visible()
    watched.was_good(receipt["code"])
    await context.close()


@pytest.mark.parametrize("paper", ["A4", "A5"])
async def test_receipt_fits_one_sheet(running: Server, browser: Browser, paper: str, tmp_path: Path) -> None:
    receipt = filed(running, f"browser-{paper}")
    context = await browser.new_context()
    watched = await opened(context, running)
    page = watched.page
    await page.goto(f"{running.url}/status")
    await page.fill("input[name=number]", receipt["number"])
    await page.fill("input[name=code]", receipt["code"])
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".told")
    await page.click("form[action='/receipt'] button")
    await page.wait_for_selector(".qr svg")
    sheet = await page.pdf(format=paper, path=tmp_path / f"{paper}.pdf")
    assert len(re.findall(rb"/Type\s*/Page[^s]", sheet)) == 1
    watched.was_good(receipt["code"])
    await context.close()


async def test_wrong_number_and_code_are_reported_on_page(running: Server, browser: Browser) -> None:
    context = await browser.new_context()
    watched = await opened(context, running)
    page = watched.page
    await page.goto(f"{running.url}/status")
    await page.fill("input[name=number]", HOSTILE[:50])
    await page.fill("input[name=code]", HOSTILE[:50])
    await page.click("main form button")
    assert "请核对回执" in await page.inner_text("[role=alert]")
    assert "onerror" not in await page.content()
    assert [fault for fault in watched.faults if "404" not in fault] == []
    await context.close()
