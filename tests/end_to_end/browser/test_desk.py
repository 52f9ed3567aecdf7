"""The desk in a real browser: an invitation, sign-in, and a case from signing for it to the reply, with and without scripts."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import httpx
import pyotp
import pytest
from playwright.async_api import Browser, Page

from services.portal.browser import COOKIE
from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import Server, huiyin

pytestmark = [pytest.mark.slow]
MATRIX = list(product(("zh", "en"), (375, 1280), ("light", "dark")))
IN_CI = [("en", 375, "light")]
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


async def signed_in(running: Server, browser: Browser, key: str, **more: Any) -> Watched:
    context = await context_of(browser, **more)
    url = running.url.replace("http:", "https:")
    await context.add_cookies([{"name": f"{COOKIE}session", "value": key, "url": url, "secure": True}])
    return Watched(await context.new_page(), running.url)


def given(running: Server, method: str, path: str, **body: Any) -> dict[str, Any]:
    """The answer of the interface to the registrar."""
    headers = {"authorization": f"Bearer {running.key('registrar:xfj')}"}
    answer = httpx.request(method, f"{running.url}{path}", json=body or None, headers=headers, timeout=60)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def with_template_and_call(running: Server, name: str) -> None:
    """An entry of the knowledge, which is a template too, and a missed call."""
    given(running, "PUT", f"/v1/knowledge/{name}", command_id=f"{name}-entry", office="zj", title=f"报销比例 {name}",
          text="住院报销比例为百分之七十。", basis=["医疗保障办法第九条"], review_on="2036-01-01")  # fmt: skip
    given(running, "POST", "/v1/calls", command_id=f"{name}-call", number="13900000000",
          missed_at="2026-03-05T09:10:00+08:00", line="12345")  # fmt: skip


def person_of(running: Server, role: str, org: str, code: str) -> str:
    """The key of a member of staff."""
    folder = running.preparing.rpartition("HUIYIN_DATA=")[2]
    issued = huiyin("keys", "add", role, org, "--person", code, "--data", folder, "--json")
    key: str = json.loads(issued.stdout)["key"]
    return key


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [pytest.param(*one, marks=[] if one in IN_CI else [pytest.mark.nightly]) for one in MATRIX],
)
async def test_every_page_of_the_desk_is_accessible_and_asks_nobody_else(
    running: Server, browser: Browser, language: str, width: int, scheme: str
) -> None:
    name = f"{language}-{width}-{scheme}"
    with_template_and_call(running, name)
    key = person_of(running, "registrar", "xfj", f"m-{name}")
    watched = await signed_in(running, browser, key, language=language, width=width, scheme=scheme)
    page = watched.page
    await watched.go("/desk?queue=to_sign")
    await watched.is_accessible()
    address = await page.get_attribute("[data-row] a", "href")
    for path in ("/desk?clerk=me", "/desk?drafts=returned", "/desk?number=2026", f"{address}", f"{address}/do/serve_notice",
                 "/desk/register", "/desk/call", "/desk/notices", "/desk/numbers?period=all", "/desk/case/nothing"):  # fmt: skip
        await watched.go(path)
        await watched.is_accessible()
    for part in ("open", "files", "notes/open"):
        await watched.go(f"{address}")
        await watched.press(f"form[action*='/{part}'] button")
        await watched.is_accessible()
    await watched.go(f"{address}/do/serve_notice")
    await watched.press("#command .actions button[data-once]")
    await watched.is_accessible()
    await watched.go("/desk?queue=to_sign")
    await page.check("[data-row]:first-child input")
    await watched.press("#bulk .actions button")
    await watched.is_accessible()
    await watched.press("button[value=urge]")
    await watched.is_accessible()
    await page.set_viewport_size({"width": 320, "height": 600})
    for path in ("/desk", f"{address}", "/desk/call", "/desk/numbers"):
        await watched.go(path)
        await watched.is_accessible()
    watched.was_good(expected=("404", "422"))
    await page.context.close()


async def missed_calls(page: Page) -> int:
    """How many wait. The list itself shows the oldest ten."""
    return int(await page.inner_text("#missed-title .quiet"))


@pytest.mark.parametrize("script", [True, pytest.param(False, marks=pytest.mark.nightly)])
async def test_call_is_answered_from_the_knowledge_and_a_missed_one_is_called_back(
    running: Server, browser: Browser, script: bool
) -> None:
    """The operator types while the caller speaks, chooses an answer, reads back, files, and calls back one that was missed."""
    name = f"call-{script}"
    with_template_and_call(running, name)
    key = person_of(running, "operator", "xfj", f"o-{name}")
    watched = await signed_in(running, browser, key, width=1280, script=script)
    page = watched.page
    await watched.go("/desk/call")
    await page.fill("#text", "咨询住院报销比例是多少，怎么办手续")
    entry = page.locator("details.answer", has_text=f"报销比例 {name}")
    await entry.locator("summary").click()
    async with page.expect_navigation():
        await entry.locator("button").click()
    assert "住院报销比例为百分之七十。" in await page.inner_text(".told")
    assert await page.input_value("#text") == "咨询住院报销比例是多少，怎么办手续"
    await watched.press(".told button[value=answer]")
    told = await page.inner_text(".done")
    number = await page.inner_text(".done a")
    pin = (await page.locator(".done code").all_inner_texts())[2]
    assert "已登记并答复" in told and len(pin) == 6
    await page.fill("#asked_number", number)
    await page.fill("#pin", pin)
    await watched.press("button[value=status]")
    status = await page.inner_text(".done")
    assert number in status and "请向来电人读出" in status and "报销比例" not in status
    waiting = await missed_calls(page)
    assert "13900000000" not in await page.content(), "the number is opened by an act"
    await watched.press("button[value=call_back]")
    assert await page.input_value("#phone") == "13900000000"
    await watched.press("button[value=not_reached]")
    assert await missed_calls(page) == waiting
    await watched.press("button[value=call_back]")
    await page.fill("#text", "路灯坏了两个月，没有人来修")
    await watched.press("button[value=read]")
    await watched.press(".told button[value=file]")
    assert await page.inner_text(".done a") != number
    assert await missed_calls(page) == waiting - 1
    watched.was_good("13900000000", pin)
    await page.context.close()


async def test_draft_is_filled_from_a_template_in_the_browser(running: Server, browser: Browser) -> None:
    with_template_and_call(running, "template")
    key = person_of(running, "clerk", "zj", "t-1")
    watched = await signed_in(running, browser, key, width=375)
    page = watched.page
    await watched.go("/desk?state=accepted&scope=all")
    await watched.press("[data-row] a")
    await watched.press("a[href$='/do/decide']")
    await page.fill("#facts", "现场查看属实。")
    await page.click("details.fill summary")
    await page.select_option("#template", "template")
    await watched.press("button[value=fill]")
    assert await page.input_value("#text") == "住院报销比例为百分之七十。"
    assert await page.input_value("#basis") == "医疗保障办法第九条"
    assert await page.input_value("#facts") == "现场查看属实。", "what was typed stays"
    await watched.is_accessible()
    watched.was_good()
    await page.context.close()


async def test_back_and_reloading_keep_a_form_of_the_desk_and_what_is_sent_twice_is_one_command(
    running: Server, browser: Browser
) -> None:
    key = person_of(running, "registrar", "xfj", "b-1")
    watched = await signed_in(running, browser, key, width=1280)
    page = watched.page
    await watched.go("/desk?queue=to_sign")
    await watched.press("[data-row] a")
    number = await page.inner_text("h1 code")
    before = (await page.inner_text(".timeline")).count("催办")
    await watched.go(f"/desk/case/{number}/do/urge")
    once = await page.input_value("[name=command_id]")
    await page.fill("#text", "请尽快办理。")
    await page.reload()
    assert await page.input_value("#text") == "请尽快办理。"
    await watched.go("/desk")
    await page.go_back()
    assert await page.input_value("#text") == "请尽快办理。" and await page.input_value("[name=command_id]") == once
    await watched.press("#command .actions button[data-once]")
    assert await page.is_visible(".done")
    await page.reload()
    await page.go_back()
    assert await page.input_value("#text") == "", "what was sent is not offered again"
    await page.go_forward()
    assert (await page.inner_text(".timeline")).count("催办") == before + 1
    await watched.go("/desk/register")
    await page.fill("#text", "路灯不亮")
    await page.reload()
    assert await page.input_value("#text") == "路灯不亮"
    await watched.press("form[action='/sign-out'] button")
    assert await page.evaluate("Object.keys(sessionStorage).filter(key => key.startsWith('kept:/desk'))") == []
    watched.was_good()
    await page.context.close()
