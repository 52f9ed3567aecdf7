"""The citizens' pages in a real browser: filing, following, printing, with and without scripts, for everybody."""

from __future__ import annotations

import asyncio
import re
import secrets
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.end_to_end.browser.watched import Watched, context_of
from tests.support.process import Server, server
from tests.support.sample_files import jpeg

pytestmark = [pytest.mark.slow]
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
MATRIX = list(product(("zh", "en"), (375, 1280), ("light", "dark")))
IN_CI = [("zh", 375, "light"), ("en", 1280, "dark")]


async def file_as_citizen(watched: Watched, text: str = "楼道漏水两个月，物业不管。") -> tuple[str, str]:
    """File in three steps, as somebody who reads the pages; returns number and code."""
    page = watched.page
    await watched.go("/submit")
    await page.fill("#text", text)
    await page.select_option("#place", "dh-yl")
    await page.select_option("#subject", "0102")
    await page.set_input_files("#files", {"name": "漏水.jpg", "mimeType": "image/jpeg", "buffer": jpeg()})
    await watched.press("button[value=next]")
    await page.check("#identity-named")
    await page.fill("#name", "张三")
    await page.fill("#phone", "13800000000")
    await watched.press("button[value=next]")
    await watched.press("button[value=send]")
    return await pair_of(page)


async def filed(running: Server, text: str = "楼道漏水两个月，物业不管。") -> tuple[str, str]:
    """Number and code of a filing, for tests that are not about filing: it is sent without a browser."""
    body = {
        "command_id": secrets.token_urlsafe(24), "text": text, "place": "dh-yl", "subject": "0102", "identity": "named",
        "petitioner": {"name": "张三", "phone": "13800000000"},
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=running.url, timeout=60) as client:
        answer = await client.post("/v1/public/submissions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["number"], answer.json()["code"]


async def pair_of(page: Page) -> tuple[str, str]:
    await page.locator(".pair code").nth(1).wait_for()
    found = await page.locator(".pair code").all_inner_texts()
    return found[0], found[1]


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [pytest.param(*one, marks=[] if one in IN_CI else [pytest.mark.nightly]) for one in MATRIX],
)
async def test_every_page_is_accessible_and_makes_no_foreign_requests(
    running: Server, browser: Browser, language: str, width: int, scheme: str
) -> None:
    context = await context_of(browser, language=language, width=width, scheme=scheme)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    for path in ("/", "/submit", "/track", "/sign-in", "/join", "/nothing"):
        await watched.go(path)
        await watched.is_accessible()
    await watched.go("/submit")
    await watched.press("button[value=next]")
    await watched.is_accessible()
    assert await page.locator("[role=alert]").is_visible()
    await watched.press("button[value=map]")
    await watched.is_accessible()
    await page.fill("#text", HOSTILE)
    await page.check("#class-accusation")
    await watched.press("button[value=next]")
    await watched.is_accessible()
    number, code = await file_as_citizen(watched, HOSTILE)
    await watched.is_accessible()
    await watched.press("a.button[href='/track']")
    await watched.is_accessible()
    for name in ("add_material", "answer", "withdraw", "correct_party", "consent_to_messages"):
        await watched.go(f"/track/do/{name}")
        await watched.is_accessible()
    for form in ("data", "documents"):
        await watched.go("/track")
        await watched.press(f"form[action='/track/{form}'] button")
        await watched.is_accessible()
    await watched.go("/track")
    await watched.press("button[value=large]")
    await watched.go("/track")
    await watched.is_accessible()
    await page.set_viewport_size({"width": 320, "height": 600})
    for path in ("/", "/submit", "/track"):
        await watched.go(path)
        await watched.is_accessible()
    watched.was_good(number, code, expected=("404", "422"))
    await context.close()


async def test_citizens_pages_are_whole_without_scripts(running: Server, browser: Browser) -> None:
    context = await context_of(browser, script=False)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    await watched.go("/submit")
    await watched.press("button[value=map]")
    async with page.expect_navigation():
        await page.click(".picture", position={"x": 140, "y": 120})
    assert await page.input_value("#place") == "dh", "the middle of the map"
    _number, code = await file_as_citizen(watched)
    assert not await page.locator("[data-print]").is_visible()
    await watched.press("a.button[href='/track']")
    await watched.press("a[href='/track/do/add_material']")
    await page.fill("#text", "昨天又漏了。")
    await watched.press("main form .actions button")
    assert "补充材料" in await page.inner_text(".done")
    await watched.press("form[action='/track/leave'] button")
    await page.wait_for_selector("#ask")
    watched.was_good(code)
    await context.close()


async def test_address_of_receipt_opens_the_case_and_leaves_no_trace(running: Server, browser: Browser) -> None:
    context = await context_of(browser)
    watched = Watched(await context.new_page(), running.url)
    number, code = await filed(running)
    page = watched.page
    for path in ("/track", "/status"):  # former receipts name the second one
        await watched.go(f"{path}#n={number}&c={code}")
        assert page.url == f"{running.url}/track"
        assert await page.input_value("#number") == number
        async with page.expect_navigation():
            await page.keyboard.press("Enter")  # the button has the focus
        assert number in await page.inner_text("main")
        assert page.url == f"{running.url}/track"
        await page.reload()
        assert number in await page.inner_text("main"), "refresh works"
        await context.clear_cookies()
    watched.was_good(code)
    await context.close()


async def test_page_of_a_case_warns_before_it_closes_and_stays_by_one_press(running: Server, browser: Browser) -> None:
    context = await context_of(browser)
    watched = Watched(await context.new_page(), running.url)
    await context.grant_permissions([])
    await watched.page.clock.install()
    number, code = await filed(running)
    page = watched.page
    await watched.go(f"/track#n={number}&c={code}")
    await watched.press("#ask .actions button")
    assert not await page.locator("[data-warning]").is_visible()
    await page.clock.fast_forward("13:30")
    await page.locator("[data-warning]").wait_for(state="visible")
    await page.click("[data-stay] button")
    await page.wait_for_function("() => document.querySelector('[data-expires]') !== null")
    watched.was_good(code)
    await context.close()


@pytest.mark.parametrize("paper", ["A4", "A5"])
async def test_printed_receipt_fits_one_sheet(running: Server, browser: Browser, paper: str, tmp_path: Path) -> None:
    context = await context_of(browser, width=1280)
    number, code = await filed(running)
    async with httpx.AsyncClient(base_url=running.url) as client:
        answer = await client.post("/v1/receipt", json={"number": number, "code": code})
    printed = tmp_path / "receipt.html"
    printed.write_text(answer.text, "utf-8")
    page = await context.new_page()
    await page.goto(printed.as_uri())
    sheet = await page.pdf(format=paper)
    assert len(re.findall(rb"/Type\s*/Page[^s]", sheet)) == 1
    await context.close()


def given(running: Server, role: str, number: str, name: str, **fields: Any) -> None:
    answer = httpx.post(
        f"{running.url}/v1/cases/{number}/commands",
        json={"command": name, "command_id": f"story-{name}-{number}", **fields},
        headers={"authorization": f"Bearer {running.key(role)}"},
    )
    assert answer.status_code == 200, answer.text


async def test_tenant_files_by_telephone_reads_the_reply_and_says_it_is_not_remedied(
    running: Server, browser: Browser
) -> None:
    """The story of the tenant: the reply says that it was repaired, it was not, and the case is ordered to be handled again."""
    context = await context_of(browser)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    number, code = await file_as_citizen(watched)
    await wait_for(running, number, "dispatched")
    clerk, office = "organisation:zj", "registrar:xfj"
    given(running, clerk, number, "sign_off")
    given(running, clerk, number, "accept", path=6)
    given(running, clerk, number, "serve_notice", kind="acceptance", mode="in_person")
    given(running, clerk, number, "decide", result="supported", basis=["物业管理条例"], text="已责成物业维修完毕。")
    given(running, clerk, number, "deliver_reply", mode="in_person")
    await watched.press("a.button[href='/track']")
    await watched.press("form[action='/track/documents'] button")
    assert "已责成物业维修完毕。" in await page.inner_text("main")
    await watched.is_accessible()
    await watched.press("a[href='/track/do/evaluate']")
    await page.check("#object-organisation")
    await page.check("#grade-dissatisfied")
    await page.fill("#text", "没有修好，昨天又漏了。")
    await watched.press("main form .actions button")
    assert "评价" in await page.inner_text(".done")
    given(running, office, number, "order_redo", ground="dissatisfied", text="请重新办理")
    await page.reload()
    assert "重办" in await page.inner_text(".told")
    watched.was_good(code)
    await context.close()


async def wait_for(running: Server, number: str, state: str) -> None:
    headers = {"authorization": f"Bearer {running.key('registrar:xfj')}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers) as client:
        for _ in range(100):
            if (await client.get(f"/v1/cases/{number}", params={"content": "false"})).json()["state"] == state:
                return
            await asyncio.sleep(0.1)
    raise AssertionError(f"the case is not {state}")


async def test_back_and_reloading_keep_what_was_typed_and_send_nothing_twice(running: Server, browser: Browser) -> None:
    context = await context_of(browser)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    await watched.go("/submit")
    await page.fill("#text", "路灯坏了一个月。")
    await page.select_option("#place", "dh-yl")
    await watched.press("button[value=next]")
    await page.check("#identity-named")
    await page.fill("#name", "张三")
    for move in (page.reload, page.go_back):  # the second step again, then the first one
        await move()
        await page.wait_for_selector("#filing:not([data-fresh])")
    assert await page.input_value("#text") == "路灯坏了一个月。" and await page.input_value("#place") == "dh-yl"
    await page.fill("#text", "路灯坏了两个月。")
    await watched.press("button[value=next]")
    assert await page.input_value("#name") == "张三", "what was typed on the second step is still there"
    await watched.press("button[value=next]")
    await watched.press("button[value=send]")
    number, code = await pair_of(page)
    await page.reload()
    assert (await pair_of(page)) == (number, code)
    await page.go_back()
    assert await page.input_value("#text") == "", "what was sent is not shown to the next person"
    await watched.go("/track")
    await watched.press("a[href='/track/do/add_material']")
    await page.fill("#text", "今天还没修。")
    await page.reload()
    await page.wait_for_selector("#act:not([data-fresh])")
    assert await page.input_value("#text") == "今天还没修。"
    await watched.press("main form .actions button")
    assert await page.is_visible(".done")
    await page.reload()
    await page.go_back()
    assert await page.input_value("#text") == ""
    await watched.go("/track")
    for form in ("data", "documents"):
        await watched.press(f"form[action='/track/{form}'] button")
        heading = await page.inner_text("h1")
        await page.reload()
        assert await page.inner_text("h1") == heading and page.url == f"{running.url}/track/{form}"
        await page.go_back()
        assert number in await page.inner_text("main")
        await page.go_forward()
        assert await page.inner_text("h1") == heading
        await page.go_back()
    timeline = await page.inner_text(".timeline")
    assert timeline.count("补充材料") == 1
    watched.was_good(code)
    await context.close()


async def test_subjects_are_suggested_while_writing_and_a_press_chooses_one(running: Server, browser: Browser) -> None:
    context = await context_of(browser)
    watched = Watched(await context.new_page(), running.url)
    page = watched.page
    await watched.go("/submit?qr=LD-0417")
    assert await page.input_value("#place") == "dh-yl"
    await page.fill("#text", "楼道漏水，墙面渗水。")
    await page.click(".guesses button[value='0102']")
    assert await page.input_value("#subject") == "0102"
    await watched.is_accessible()
    watched.was_good()
    await context.close()


@pytest.mark.nightly
async def test_browser_works_for_the_turn_of_a_flooded_network_and_sends_by_itself(
    browser: Browser, tmp_path: Path
) -> None:
    with server(tmp_path / "data", HUIYIN_PUBLIC_FILINGS="1") as flooded:
        async with httpx.AsyncClient(base_url=flooded.url) as client:
            for name in ("anonymous-filing-001", "anonymous-filing-002"):
                body = {"command_id": name, "text": "x", "identity": "anonymous"}
                await client.post("/v1/public/submissions", json=body)
        context = await context_of(browser)
        watched = Watched(await context.new_page(), flooded.url)
        _number, code = await file_as_citizen(watched)
        assert await watched.page.is_visible("[data-forget=filing]")
        watched.was_good(code, expected=("429",))
        await context.close()
