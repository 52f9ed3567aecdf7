"""A page in a real browser, and everything that it should not have done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page

AXE = Path(__file__).resolve().parents[2] / "support/vendor/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Watched:
    """One page: console errors, violations of the content security policy, dialogs, and requests to elsewhere are faults."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))

    async def go(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def press(self, selector: str) -> None:
        """Press something that opens another page, and wait for it."""
        async with self.page.expect_navigation():
            await self.page.click(selector)

    async def is_accessible(self) -> None:
        """No violation of WCAG 2.2 AA, nothing wider than the screen."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text("utf-8"))
        found: list[dict[str, Any]] = await self.page.evaluate(
            "rules => axe.run({runOnly: rules}).then(r => r.violations.map(v => "
            "({id: v.id, at: v.nodes.slice(0, 3).map(n => n.html + ' | ' + n.failureSummary)})))",
            RULES,
        )
        assert found == [], (self.page.url, found)
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (self.page.url, wide)

    def was_good(self, *secrets: str, expected: tuple[str, ...] = ()) -> None:
        """`secrets`: texts that may be in no address. `expected`: statuses that the browser may report as failed."""
        assert [fault for fault in self.faults if not any(f"status of {one}" in fault for one in expected)] == []
        assert [url for url in self.asked if not url.startswith((self.url, "data:"))] == []
        for url in self.asked:
            for secret in secrets:
                assert secret not in url.partition("#")[0] and secret.replace("-", "") not in url.partition("#")[0]


async def context_of(
    browser: Browser, *, language: str = "zh", width: int = 375, scheme: str = "light", script: bool = True
) -> BrowserContext:
    return await browser.new_context(
        locale={"zh": "zh-CN", "en": "en-GB"}[language],
        viewport={"width": width, "height": 760},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
    )
