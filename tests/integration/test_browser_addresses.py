"""Addresses as a browser or a proxy asks for them: errors are pages, HEAD is answered, and every answer has a request id."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.api.site import build_site
from tests.support.serving import Served, served

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-language": "en-GB"}


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


@pytest.fixture
async def browser(here: Served) -> AsyncIterator[httpx.AsyncClient]:
    site = build_site(here.runtime, here.app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="https://huiyin.test") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/cases", 401, "key_required"),
        ("/v1/cases/2026-0000-0000-0", 401, "key_required"),
        ("/v1/nothing", 404, "no_such_route"),
        ("/v1/status", 405, "wrong_method"),
        ("/v1/public/form?x=1", 422, None),
        ("/nothing", 404, "no_such_page"),
    ],
)
async def test_error_is_a_page_for_a_browser_and_json_for_a_program(
    browser: httpx.AsyncClient, path: str, status: int, code: str | None
) -> None:
    page = await browser.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (status, "text/html")
    assert page.headers["x-request-id"] in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert '<html lang="en"' in page.text
    chinese = await browser.get(path, headers={**BROWSER, "accept-language": "zh-CN"})
    assert '<html lang="zh-CN"' in chinese.text
    if path.startswith("/v1/"):
        for accept in ("application/json", "*/*", "text/html, application/problem+json"):
            answer = await browser.get(path, headers={"accept": accept})
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
            assert answer.headers["x-request-id"]
        assert code in (answer.json()["code"], None)
        assert f"<code>{answer.json()['code']}</code>" in page.text


async def test_page_of_an_error_repeats_nothing_of_the_address_as_markup(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/v1/<script>alert(1)</script>?<b>", headers=BROWSER)
    assert "<script" not in page.text
    assert "<b>" not in page.text


@pytest.mark.parametrize(
    "path", ["/", "/submit", "/track", "/livez", "/openapi.json", "/v1/public/form", "/v1/policies"]
)
async def test_head_is_get_without_its_body(here: Served, browser: httpx.AsyncClient, path: str) -> None:
    headers = {"authorization": f"Bearer {here.keys['supervisor']}"} if path.startswith("/v1/pol") else {}
    whole, head = await browser.get(path, headers=headers), await browser.head(path, headers=headers)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.headers["x-request-id"] != whole.headers["x-request-id"]


async def test_head_of_what_is_missing_has_the_status_and_no_body(browser: httpx.AsyncClient) -> None:
    for path, status in (("/v1/nothing", 404), ("/v1/cases", 401), ("/v1/status", 405)):
        head = await browser.head(path)
        assert (head.status_code, head.content) == (status, b"")
    allowed = await browser.post("/livez")
    assert allowed.headers["allow"] == "GET, HEAD"


async def test_receipt_can_be_shown_again_on_this_browser_until_the_matter_is_closed_there(
    browser: httpx.AsyncClient,
) -> None:
    same = {"sec-fetch-site": "same-origin", "origin": "https://huiyin.test"}
    gone = await browser.get("/submit/receipt")
    assert (gone.status_code, gone.headers["location"]) == (303, "/track")
    form = {
        "at": "2",
        "go": "send",
        "text": "楼道漏水",
        "identity": "anonymous",
        "place": "dh-yl",
        "command_id": "b" * 32,
    }
    receipt = await browser.post("/submit", data=form, headers=same)
    again = await browser.get("/submit/receipt")
    assert again.status_code == 200
    code = receipt.text.split("<code>")[2].split("</code>")[0]
    assert code in receipt.text
    assert code in again.text
    assert again.headers["cache-control"] == "no-store"
    await browser.post("/track/leave", headers=same)
    assert (await browser.get("/submit/receipt")).status_code == 303
