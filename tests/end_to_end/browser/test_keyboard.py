"""A day at the desk without a mouse: letters are registered, dispatched, handled and closed with the keyboard alone."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from services.portal.browser import COOKIE
from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import Server, huiyin

pytestmark = [pytest.mark.slow]
_MOST_TABS = 80


class Typist:
    """A member of staff with a keyboard and no mouse."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.page = watched.page
        self.keys = watched.page.keyboard

    async def go_to(self, selector: str) -> None:
        """Press Tab until the focus is there."""
        for _ in range(_MOST_TABS):
            if await self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            await self.keys.press("Tab")
        raise AssertionError(f"{selector} is not reached with Tab on {self.page.url}")

    async def opens(self, key: str) -> None:
        async with self.page.expect_navigation():
            await self.keys.press(key)

    async def write(self, name: str, text: str) -> None:
        await self.go_to(f"#{name}")
        await self.keys.type(text)

    async def choose(self, name: str, value: str) -> None:
        await self.go_to(f"#{name}")
        for _ in range(_MOST_TABS):
            if await self.page.input_value(f"#{name}") == value:
                return
            await self.keys.press("ArrowDown")
        raise AssertionError(f"{value} cannot be chosen")

    async def press_on(self, selector: str) -> None:
        """Press something that stays on the page."""
        await self.go_to(selector)
        await self.keys.press("Enter")

    async def day(self, name: str) -> None:
        """Type the present day of the legal time into a field of a date."""
        await self.go_to(f"#{name}")
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        await self.keys.type("01022003")
        day_first = await self.page.input_value(f"#{name}") == "2003-02-01"
        for _ in range(3):
            await self.keys.press("ArrowLeft")
        await self.keys.type(f"{today:%d%m%Y}" if day_first else f"{today:%m%d%Y}")
        assert await self.page.input_value(f"#{name}") == today.isoformat()

    async def press(self, selector: str) -> None:
        await self.go_to(selector)
        await self.opens("Enter")

    async def find(self, number: str) -> None:
        """Search by number and open the case: / number Enter j Enter."""
        await self.keys.press("Escape")
        if await self.page.query_selector("[data-search]") is None:
            await self.opens("/")
        else:
            await self.keys.press("/")
        await self.page.wait_for_selector("[data-search]:focus")
        await self.keys.type(number)
        await self.opens("Enter")
        await self.page.wait_for_selector("[data-row]")
        await self.keys.press("j")
        await self.opens("o")
        assert number in await self.page.inner_text("h1")

    async def form(self, command: str) -> None:
        """Press the letter beside an act. It opens the form and does nothing."""
        key = await self.page.get_attribute(f"a[href$='/do/{command}']", "data-key")  # it appears when it is possible
        assert key
        await self.opens(key)
        assert self.page.url.endswith(f"/do/{command}")

    async def act(self, number: str, command: str, choices: dict[str, str] | None = None, **texts: str) -> None:
        await self.find(number)
        await self.form(command)
        await self.fill(choices, **texts)
        await self.press("#command .actions button[data-once]")
        assert f"done={command}" in self.page.url, await self.page.inner_text("main")

    async def fill(self, choices: dict[str, str] | None = None, **texts: str) -> None:
        for name, value in (choices or {}).items():
            await self.choose(name, value)
        for name, text in texts.items():
            await self.write(name, text)


async def typist(browser: Browser, running: Server, key: str) -> Typist:
    context = await context_of(browser, width=1280)
    url = running.url.replace("http:", "https:")
    await context.add_cookies([{"name": f"{COOKIE}session", "value": key, "url": url, "secure": True}])
    watched = Watched(await context.new_page(), running.url)
    await watched.go("/desk?scope=all")
    return Typist(watched)


@pytest.mark.parametrize(
    ("letters", "whole"), [(1, False), pytest.param(10, True, marks=pytest.mark.nightly)], ids=["morning", "day"]
)
async def test_day_without_a_mouse(running: Server, browser: Browser, letters: int, whole: bool) -> None:
    """`whole`: until the first case is closed; otherwise until its receipt is signed for."""
    folder = running.preparing.rpartition("HUIYIN_DATA=")[2]

    async def person(role: str, org: str, code: str) -> Typist:
        issued = huiyin("keys", "add", role, org, "--person", f"{code}-{letters}", "--data", folder, "--json")
        return await typist(browser, running, json.loads(issued.stdout)["key"])

    office = await person("registrar", "xfj", "k-r")
    writer = await person("clerk", "zj", "k-w")
    await office.opens("r")
    numbers = []
    for place in range(letters):
        await office.choose("channel", "letter")
        await office.write("name", "李四")
        await office.write("text", f"第{place + 1}封来信，请你们管一管这件事")
        await office.opens("Control+Enter")
        numbers.append(await office.page.inner_text(".done a"))
    assert len(set(numbers)) == letters
    for number in numbers:
        await office.act(number, "dispatch", org="zj", reason="职责范围")
        await writer.act(number, "sign_off")
        if whole:
            await writer.act(number, "accept", path="6")
    if not whole:
        for one in (office, writer):
            one.watched.was_good()
        return
    checker = await person("clerk", "zj", "k-c")
    number = numbers[0]
    await writer.act(number, "ask_petitioner", questions="请提供路灯编号")
    for command, choices, texts in (
        ("decide", {"result": "explained"}, {"basis": "物业管理条例第三条", "text": "已责成维修"}),
        ("deliver_reply", {"mode": "post"}, {"text": "路灯已经修复", "reference": "挂号信存根"}),
    ):
        await writer.find(number)
        await writer.form(command)
        await writer.fill(choices, **texts)
        await writer.press("button[value=ready]")
        for step in ("to_check", "to_sign"):
            await checker.watched.go(f"/desk?drafts={step}")
            await checker.page.wait_for_selector("[data-row]")
            await checker.keys.press("j")
            await checker.opens("Enter")
            await checker.press("form.draft button")
            await checker.press("button[name=agreed][value='1']")
        await writer.find(number)
        await writer.press("form.draft button")
        if command == "deliver_reply":  # the day on the slip is known when it is back
            await writer.press_on("#deliver summary")
            await writer.day("effective_at")
        await writer.press("form[action$='/deliver'] button")
        assert f"done={command}" in writer.page.url, await writer.page.inner_text("main")
    await office.act(number, "follow_up", {"reached": "true", "satisfied": "true"})
    await office.act(number, "close", {"kind": "explained"})
    assert "办结" in await office.page.inner_text("h1")
    for one in (office, writer, checker):
        one.watched.was_good()


async def test_letters_are_letters_while_typing_and_can_be_switched_off(running: Server, browser: Browser) -> None:
    office = await typist(browser, running, running.key("registrar:xfj"))
    page, before = office.page, office.page.url
    await office.keys.press("/")
    await office.keys.type("jkoxr?/")
    assert await page.input_value("#number") == "jkoxr?/" and page.url == before
    await office.keys.press("Escape")
    await office.keys.press("?")
    assert await page.is_visible("dialog")
    await office.go_to("[data-keys-switch]")
    await office.keys.press("Space")
    await office.keys.press("Escape")
    await office.keys.press("r")
    await office.keys.press("j")
    assert page.url == before and await page.evaluate("!document.activeElement.closest('[data-row]')")
    await page.reload()
    await office.keys.press("?")
    assert not await page.is_checked("[data-keys-switch]"), "it stays switched off"
    await office.go_to("[data-keys-switch]")
    await office.keys.press("Space")
    await office.keys.press("Escape")
    composing = (
        "k => document.body.dispatchEvent(new KeyboardEvent('keydown', {key: k, isComposing: true, bubbles: true}))"
    )
    await page.evaluate(composing, "r")
    assert page.url == before, "a key of an input method is not a key of the desk"
    await office.opens("r")
    assert page.url.endswith("/desk/register")
    office.watched.was_good()
