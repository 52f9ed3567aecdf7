"""The desk in a real browser: an invitation, sign-in, and a case from signing for it to the reply, with and without scripts."""

from __future__ import annotations

import json

import pyotp
import pytest
from playwright.async_api import Browser

from services.portal.browser import COOKIE
from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import Server, huiyin

pytestmark = [pytest.mark.slow]
PASSWORD = "a long sentence for the tests 7"


async def test_invited_clerk_signs_in_and_works_on_a_case(running: Server, browser: Browser) -> None:
    folder = running.preparing.rpartition("HUIYIN_DATA=")[2]
    invited = huiyin("person", "invite", "z-88", "--role", "clerk", "--org", "zj", "--data", folder, "--json")
    link = json.loads(invited.stdout)["link"]
    context = await context_of(browser, width=1280)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    await watched.go("/join#" + link.rpartition("#")[2])
    await watched.press("[data-join] button")
    secret = await page.inner_text("main p code")
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.fill("#totp", pyotp.TOTP(secret).now())
    await watched.is_accessible()
    await watched.press("form[action='/join'] .actions button")
    assert page.url.startswith(f"{running.url}/desk")
    await watched.is_accessible()
    await watched.go("/desk?queue=to_sign")
    await page.keyboard.press("j")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await watched.is_accessible()
    await watched.press("a[href$='/do/sign_off']")
    await watched.is_accessible()
    await watched.press("#command .actions button")
    assert "签收" in await page.inner_text(".done")
    await watched.press("form[action='/sign-out'] button")
    await watched.go("/desk")
    assert page.url.startswith(f"{running.url}/sign-in")
    watched.was_good(link.rpartition("#")[2])
    await context.close()


@pytest.mark.parametrize("script", [True, False])
async def test_registrar_registers_and_finds_with_the_keyboard_alone(
    running: Server, browser: Browser, script: bool
) -> None:
    context = await context_of(browser, width=1280, scheme="dark", script=script)
    key, url = running.key("registrar:xfj"), running.url.replace("http:", "https:")
    await context.add_cookies([{"name": f"{COOKIE}session", "value": key, "url": url, "secure": True}])
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    await watched.go("/desk/register")
    if script:
        await watched.is_accessible()
    await page.focus("#text")
    await page.keyboard.type("路灯不亮")
    await page.focus("#name")
    await page.keyboard.type("李四")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    number = await page.inner_text(".done a")
    assert number.startswith("20")
    assert await page.input_value("#text") == "", "the screen is ready for the next one"
    await watched.go(f"/desk?number={number}")
    assert number in await page.inner_text(".cases")
    await watched.press(".cases a")
    assert number in await page.inner_text("h1")
    watched.was_good()
    await context.close()
