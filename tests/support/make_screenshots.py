"""Makes the screenshots of the README: `python -m tests.support.make_screenshots` (needs Chromium)."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from services.portal.browser import COOKIE
from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import server

FOLDER = Path(__file__).resolve().parents[2] / "docs/screenshots"


async def made(url: str, key: str) -> None:
    """The three pages, each in a context of its own."""
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
        await watched.press(".acts .act")
        await watched.page.screenshot(path=FOLDER / "command.png")
        await watched.go("/desk/register")
        await watched.page.screenshot(path=FOLDER / "register.png")
        await browser.close()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "data") as running:
        asyncio.run(made(running.url, running.key("registrar:xfj")))


if __name__ == "__main__":
    main()
