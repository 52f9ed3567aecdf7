"""Members of staff sign in with a passkey, in a real browser with a virtual authenticator."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page

from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import Server

pytestmark = [pytest.mark.slow]


async def authenticator(page: Page) -> None:
    """Give the page a device that holds passkeys and knows its person."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def test_link_of_the_start_sets_a_passkey_which_signs_in_and_keeps_a_form(
    running: Server, browser: Browser
) -> None:
    found = re.search(r"督查人员 supervisor\s+(http://localhost:\d+)/join#(\S+)", running.printed)
    assert found and found[1] == running.url
    context = await context_of(browser, width=1280)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    await authenticator(page)
    await watched.go(f"/join#{found[2]}")
    assert page.url == f"{running.url}/join", "the invitation leaves the address at once"
    await watched.press("[data-join] button")
    await watched.is_accessible()
    await watched.press("[data-passkey] button")
    assert page.url == f"{running.url}/desk"
    await watched.press("form[action='/sign-out'] button")
    await watched.is_accessible()
    await watched.press("[data-passkey] button")
    assert page.url == f"{running.url}/desk"
    await watched.go(f"/join#{found[2]}")
    await watched.press("[data-join] button")
    assert "invitation_used" in await page.content()
    watched.was_good(found[2], expected=("404",))
    await context.close()
