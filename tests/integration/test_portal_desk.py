"""The desk over HTTP: what each role sees, forms from the catalogue, two clerks at once, a session that ends in mid-form."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from services.portal.browser import COOKIE
from tests.support.serving import Served, served

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def at_desk(here: Served, role: str = "clerk") -> httpx.AsyncClient:
    """A browser whose session is a key of that role: the interface takes both as bearer."""
    browser = here.browser(**{"accept-language": "zh-CN"})
    browser.cookies.set(f"{COOKIE}session", here.keys[role], domain="huiyin.test")
    return browser


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, name
    return found[1]


async def test_without_session_every_page_of_the_desk_asks_to_sign_in(here: Served) -> None:
    receipt = await here.filed()
    async with here.browser() as stranger:
        for path in ("/desk", "/desk/register", f"/desk/case/{receipt['number']}"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?back={path}")
        assert "staff code" in (await stranger.get("/sign-in", headers={"accept-language": "en"})).text.lower()


async def test_list_and_case_are_in_words_and_text_is_opened_by_an_act(here: Served) -> None:
    receipt = await here.filed(text=f"楼道{HOSTILE}")
    async with at_desk(here) as clerk:
        listed = await clerk.get("/desk")
        case = await clerk.get(f"/desk/case/{receipt['number']}")
        opened = await clerk.post(f"/desk/case/{receipt['number']}/open")
    assert receipt["number"] in listed.text and "待签收" in listed.text and "杨柳街道" in listed.text
    assert "转送、交办事项的书面告知" in case.text and "楼道" not in case.text
    assert "签收" in case.text and "/do/sign_off" in case.text
    assert "楼道&#34;&gt;&lt;script&gt;" in opened.text and "<script>alert" not in opened.text
    reads = [
        event for commit in await here.runtime.ports.log.load(f"reads/{receipt['case']}") for event in commit.recorded
    ]
    assert len(reads) == 1


async def test_every_command_of_the_catalogue_has_a_form_in_words(here: Served) -> None:
    receipt = await here.filed()
    async with at_desk(here) as clerk:
        names = (await clerk.get("/openapi.json")).json()["paths"]["/v1/cases/{reference}/commands"]["post"]
        mapping = names["requestBody"]["content"]["application/json"]["schema"]["discriminator"]["mapping"]
        for name in mapping:
            form = await clerk.get(f"/desk/case/{receipt['number']}/do/{name}")
            assert form.status_code == 200, name
            assert 'name="command_id"' in form.text
        assert (await clerk.get(f"/desk/case/{receipt['number']}/do/nothing")).status_code == 404
    assert len(mapping) > 60


async def test_command_is_given_once_and_missing_fields_are_named(here: Served) -> None:
    receipt = await here.filed()
    address = f"/desk/case/{receipt['number']}/do"
    async with at_desk(here) as clerk:
        form = await clerk.get(f"{address}/sign_off")
        fields = {name: hidden(form, name) for name in ("command_id", "expected_version")}
        for _ in range(2):
            done = await clerk.post(f"{address}/sign_off", data=fields)
        assert done.status_code in (200, 303)
        page = await clerk.get(f"{address}/accept")
        more = {name: hidden(page, name) for name in ("command_id", "expected_version")}
        assert (await clerk.post(f"{address}/accept", data={**more, "path": "6"})).status_code == 303
        page = await clerk.get(f"{address}/decide")
        more = {name: hidden(page, name) for name in ("command_id", "expected_version")}
        empty = await clerk.post(f"{address}/decide", data=more)
        assert empty.status_code == 422 and 'id="text-error"' in empty.text and 'id="result-error"' in empty.text
        good = {**more, "result": "explained", "basis": "物业管理条例\n第三条", "text": "已责成维修"}
        decided = await clerk.post(f"{address}/decide", data=good)
        assert decided.headers["location"].endswith("?done=decide")
    types = [
        event.type
        for commit in await here.runtime.ports.log.load(f"case/{receipt['case']}")
        for event in commit.recorded
    ]
    assert types.count("SignedFor") == 1 and types.count("DecisionIssued") == 1


async def test_second_clerk_is_told_what_the_first_did_and_keeps_the_text(here: Served) -> None:
    receipt = await here.filed()
    address = f"/desk/case/{receipt['number']}/do/request_return"
    async with at_desk(here) as first, at_desk(here) as second:
        form = await second.get(address)
        fields = {name: hidden(form, name) for name in ("command_id", "expected_version")}
        other = await first.get(f"/desk/case/{receipt['number']}/do/sign_off")
        await first.post(
            f"/desk/case/{receipt['number']}/do/sign_off",
            data={name: hidden(other, name) for name in ("command_id", "expected_version")},
        )
        typed = {**fields, "reason_code": "not_our_mandate", "reason": "不属于我局职责"}
        told = await second.post(address, data=typed)
        assert told.status_code == 200 and "期间已有他人办理本件" in told.text and "签收" in told.text
        assert "不属于我局职责" in told.text
        again = await second.post(
            address, data={**typed, "again": "1", "expected_version": hidden(told, "expected_version")}
        )
        assert again.status_code == 303


async def test_session_that_ends_in_mid_form_keeps_what_was_typed(here: Served) -> None:
    receipt = await here.filed()
    address = f"/desk/case/{receipt['number']}/do/request_return"
    async with here.browser() as clerk:
        clerk.cookies.set(f"{COOKIE}session", "hys_no-longer-valid", domain="huiyin.test")
        answer = await clerk.post(address, data={"reason": "打了很久的字", "command_id": "x-1"})
    assert answer.status_code == 200
    assert "打了很久的字" in answer.text and f'name="resume" value="{address}"' in answer.text


async def test_registrar_registers_in_one_screen_and_others_do_not_find_it(here: Served) -> None:
    async with at_desk(here, "registrar") as desk:
        screen = await desk.get("/desk/register")
        assert "来信" in screen.text and "杨柳街道" in screen.text
        body = {"command_id": hidden(screen, "command_id"), "channel": "letter", "text": "路灯不亮", "name": "李四",
                "place": "dh-yl", "subject": "0102", "received_at": "2026-03-01"}  # fmt: skip
        first = await desk.post("/desk/register", data=body)
        second = await desk.post("/desk/register", data=body)
        empty = await desk.post("/desk/register", data={**body, "text": " "})
    numbers = {re.search(r"/desk/case/([0-9A-Z-]+)\"", page.text)[1] for page in (first, second)}  # type: ignore[index]
    assert len(numbers) == 1, "posted twice, registered once"
    assert empty.status_code == 422 and "李四" in empty.text
    async with at_desk(here, "clerk") as clerk:
        assert (await clerk.get("/desk/register")).status_code == 404


async def test_case_of_another_unit_is_not_found(here: Served) -> None:
    receipt = await here.filed()
    key = await here.key_of("clerk", "jtj")
    async with here.browser() as other:
        other.cookies.set(f"{COOKIE}session", key, domain="huiyin.test")
        answer = await other.get(f"/desk/case/{receipt['number']}")
    assert answer.status_code == 404 and "杨柳街道" not in answer.text


async def test_staff_sign_in_is_refused_without_encryption(here: Served) -> None:
    async with here.browser() as browser:
        answer = await browser.get("http://huiyin.test/sign-in")
        posted = await browser.post("http://huiyin.test/sign-in", data={"person": "a", "password": "b", "totp": "1"})
    assert answer.status_code == posted.status_code == 403 and "https" in answer.text
