"""Makes the screenshots of the README: `python -m tests.support.make_screenshots` (needs Chromium)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import httpx
from playwright.async_api import async_playwright

from services.portal.browser import COOKIE
from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import server

FOLDER = Path(__file__).resolve().parents[2] / "docs/screenshots"


CALL = {"command_id": "shot-1", "number": "13900000000", "missed_at": "2026-03-05T09:10:00+08:00", "line": "12345"}
ENTRY = {
    "command_id": "shot-2",
    "office": "zj",
    "title": "医保报销比例",
    "text": "居民医保住院报销比例为百分之七十，持社保卡在定点医院结算。",
    "basis": ["医疗保障办法第九条"],
    "review_on": "2036-01-01",
}


async def prepare(url: str, key: str) -> None:
    """An entry of the knowledge and a missed call, for the call page."""
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60) as client:
        (await client.put("/v1/knowledge/rate", json=ENTRY)).raise_for_status()
        (await client.post("/v1/calls", json=CALL)).raise_for_status()


async def made(url: str, key: str) -> None:
    """The pages of citizens and of staff, each in a context of its own."""
    await prepare(url, key)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        context = await context_of(browser, width=390)
        watched = Watched(await context.new_page(), url)
        page = watched.page
        await watched.go("/submit")
        await page.fill("#text", "楼道漏水两个月，物业不管。")
        await page.select_option("#place", "dh-yl")
        await page.select_option("#subject", "0102")
        await page.screenshot(path=FOLDER / "submit.png")
        await watched.press("button[value=next]")
        await page.check("#identity-named")
        await page.fill("#name", "张三")
        await watched.press("button[value=next]")
        await watched.press("button[value=send]")
        await asyncio.sleep(1)
        await watched.press("a.button[href='/track']")
        await page.screenshot(path=FOLDER / "track.png")
        context = await context_of(browser, width=1280)
        own = url.replace("http:", "https:")
        await context.add_cookies([{"name": f"{COOKIE}session", "value": key, "url": own, "secure": True}])
        watched = Watched(await context.new_page(), url)
        await watched.go("/desk")
        await watched.page.screenshot(path=FOLDER / "desk.png")
        await watched.press("[data-row] a")
        await watched.page.screenshot(path=FOLDER / "case.png")
        await watched.go("/desk/call")
        await watched.page.fill("#text", "咨询居民医保住院的报销比例")
        await watched.page.click("details.answer summary")
        await watched.press("details.answer[open] button")
        await watched.page.screenshot(path=FOLDER / "call.png")
        await browser.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "data") as running:
        asyncio.run(made(running.url, running.key("registrar:xfj")))


if __name__ == "__main__":
    main()
