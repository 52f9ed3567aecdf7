"""The citizens' pages over HTTP: filing, following, what is carried where, and what bad input gets."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from services.portal.api import Api, Caller
from services.portal.application import build
from tests.support.sample_files import jpeg
from tests.support.serving import Served, served

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
ZH = {"accept-language": "zh-CN"}


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served(status_misses=5) as found:
        yield found


def strict(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script>", answer.text.replace("&#34;", ""))


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, name
    return found[1]


async def filing(citizen: httpx.AsyncClient, **more: str) -> dict[str, str]:
    """The fields of the third step of a good filing."""
    first = await citizen.get("/submit")
    return {"at": "2", "command_id": hidden(first, "command_id"), "text": "楼道漏水", "place": "dh-yl", "subject": "0102",
            "identity": "named", "name": "张三", "phone": "13800000000", "class": "", **more}  # fmt: skip


async def sent(citizen: httpx.AsyncClient, **more: str) -> tuple[str, str]:
    """Number and code of a filing."""
    answer = await citizen.post("/submit", data={**await filing(citizen, **more), "go": "send"})
    assert answer.status_code == 200, answer.text
    number, code = re.findall(r"<dd><code>([^<]+)</code>", answer.text)[:2]
    return number, code


async def test_three_steps_lead_to_a_receipt_and_sent_twice_is_one_case(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        page = await citizen.get("/submit")
        strict(page)
        fields = {"at": "0", "command_id": hidden(page, "command_id"), "text": "楼道漏水", "place": "dh-yl"}
        page = await citizen.post("/submit", data={**fields, "go": "next"})
        assert "个人信息保护法" in page.text and page.text.index("个人信息保护法") < page.text.index('id="name"')
        assert hidden(page, "text") == "楼道漏水"
        fields |= {"at": "1", "identity": "named", "name": "张三"}
        page = await citizen.post("/submit", data={**fields, "go": "next"})
        assert "杨柳街道" in page.text and "张三" in page.text
        last = {**fields, "at": "2", "go": "send"}
        receipts = [await citizen.post("/submit", data=last) for _ in range(2)]
    for receipt in receipts:
        strict(receipt)
        assert "<svg" in receipt.text and "第三十四条" in receipt.text
    assert len({tuple(re.findall(r"<dd><code>([^<]+)</code>", one.text)) for one in receipts}) == 1


async def test_missing_input_is_named_next_to_its_field_and_nothing_is_lost(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = await filing(citizen)
        for step, field, fields in (
            ("0", "text", {"text": "  "}),
            ("1", "identity", {"identity": ""}),
            ("1", "name", {"name": ""}),
            ("1", "name", {"identity": "anonymous"}),
            ("1", "representatives", {"representatives": "x"}),
            ("1", "representatives", {"others": "李四", "representatives": "9"}),
        ):
            answer = await citizen.post("/submit", data={**good, **fields, "at": step, "go": "next"})
            assert answer.status_code == 422, fields
            assert f'id="{field}-error"' in answer.text and 'role="alert"' in answer.text
            assert "13800000000" in answer.text, "what was typed for another step is carried along"
            strict(answer)
        skipped = await citizen.post("/submit", data={**good, "text": "", "go": "send"})
        assert skipped.status_code == 422 and 'id="text-error"' in skipped.text, "steps cannot be skipped"


async def test_sign_in_the_address_gives_the_place_and_an_unknown_one_is_said_and_kept(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        for address, place, said in (
            ("/submit?place=dh-yl", "dh-yl", "地点来自您扫描的标识"),
            ("/submit?qr=LD-0417", "dh-yl", "地点来自您扫描的标识"),
            ("/submit?place=LAMP-7", "LAMP-7", "该标识所示地点不在目录中"),
            ("/submit?qr=LD-9", "", "该标识所示地点不在目录中"),
        ):
            page = await citizen.get(address)
            strict(page)
            assert said in page.text
            assert f'<option value="{place}" selected>' in page.text or not place
        hostile = await citizen.get("/submit", params={"place": HOSTILE, "qr": HOSTILE})
        assert "<img" not in hostile.text and hostile.status_code == 200
        good = await filing(citizen, place="LAMP-7", sign="1")
        receipt = await citizen.post("/submit", data={**good, "go": "send"})
        assert "待核定" in receipt.text or "LAMP-7" in receipt.text


async def test_subjects_are_suggested_from_the_text_and_one_press_chooses_one(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = await filing(citizen, subject="", text="楼道漏水，墙面渗水")
        offered = await citizen.post("/submit", data={**good, "at": "0", "go": "guess"})
        assert '<button class="second small" name="guess" value="0102"' in offered.text
        chosen = await citizen.post("/submit", data={**good, "at": "0", "guess": "0102"})
        assert '<option value="0102" selected>' in chosen.text and 'name="guess"' not in chosen.text
        last = await citizen.post("/submit", data={**good, "at": "1", "go": "next"})
        assert 'name="guess" value="0102"' in last.text, "before sending, too"
        part = await citizen.post("/submit/subjects", data={"text": "拖欠工资"})
        assert 'value="0201"' in part.text and "<html" not in part.text
        strange = await citizen.post("/submit/subjects", data={"text": HOSTILE, "jurisdiction": "nowhere"})
        assert strange.status_code == 200 and "button" not in strange.text


async def test_parent_files_for_a_child_with_consent_and_proof(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = {**await filing(citizen, for_whom="guardian"), "at": "1", "go": "next"}
        missing = await citizen.post("/submit", data=good)
        assert 'id="agent_name-error"' in missing.text and 'id="agent_consent-error"' in missing.text
        unsaid = await citizen.post("/submit", data={**good, "for_whom": "", "agent_name": "李四"})
        assert 'id="for_whom-error"' in unsaid.text
        named = {**good, "agent_name": "李四", "agent_consent": "yes"}
        proof = ("proof", ("出生证明.jpg", jpeg(), "image/jpeg"))
        check = await citizen.post("/submit", data=named, files=[proof])
        assert "出生证明.jpg" in check.text and "监护人身份" in check.text and "请将回执转交本人" in check.text
        last = {**named, "uploads": html.unescape(hidden(check, "uploads")), "at": "2", "go": "send"}
        receipt = await citizen.post("/submit", data=last)
        assert "data-hand-on" in receipt.text, receipt.text
        await here.runtime.drain()
    async with here.client("registrar") as registrar:
        (listed,) = (await registrar.get("/v1/cases")).json()["cases"]
        files = (await registrar.get(f"/v1/files/{listed['number']}")).json()["files"]
    assert [(one["name"], one["kind"]) for one in files if one["form"] is None] == [("出生证明.jpg", "certificate")]


async def test_receipt_has_the_digits_for_the_telephone_and_the_case_names_whom_to_call(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        receipt = await citizen.post("/submit", data={**await filing(citizen), "go": "send"})
        pin = re.findall(r"<dd><code>([^<]+)</code>", receipt.text)[2]
        assert re.fullmatch(r"\d{6}", pin) and "电话查询码" in receipt.text
        await here.runtime.drain()
        page = await citizen.get("/track")
        assert (
            'href="tel:000-5550-0111"' in page.text
            and "示例市住房和城乡建设局" in page.text
            and "办公时间" in page.text
        )
        assert pin not in page.text
        data = await citizen.post("/track/data")
        assert "/track/do/request_erasure" in data.text
        form = await citizen.get("/track/do/request_erasure")
        sent_ = {"command_id": hidden(form, "command_id"), "text": "已经解决"}
        done = await citizen.post("/track/do/request_erasure", data=sent_)
        assert done.headers["location"] == "/track?done=request_erasure"
        after = await citizen.post("/track/data")
        assert "申请删除个人信息，由督查人员决定" in after.text


async def test_queued_filing_keeps_its_text_and_is_sent_after_its_wait() -> None:
    async with served(public_filings=1) as here, here.browser(**ZH) as citizen:
        await sent(citizen)
        good = {**await filing(citizen), "go": "send"}
        queued = await citizen.post("/submit", data=good)
        strict(queued)
        assert queued.status_code == 429 and int(queued.headers["retry-after"]) > 0
        assert hidden(queued, "text") == "楼道漏水" and "您的事项已排队" in queued.text
        wait = int(queued.headers["retry-after"])
        early = await citizen.post("/submit", data={**good, "turn": hidden(queued, "turn")})
        assert hidden(early, "turn") == hidden(queued, "turn")
        here.clock.advance(wait)
        done = await citizen.post("/submit", data={**good, "turn": hidden(queued, "turn")})
        assert done.status_code == 200 and "<svg" in done.text


async def test_change_by_somebody_else_is_shown_and_input_is_kept(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, _code = await sent(citizen)
        form = await citizen.get("/track/do/withdraw")
        fields = {"command_id": hidden(form, "command_id"), "text": "打了很久的字"}
        await here.runtime.drain()
        voided = await here.act("registrar", number, "void", reason_code="test")
        assert voided.is_success, voided.text
        late = await citizen.post("/track/do/withdraw", data=fields)
        strict(late)
        assert late.status_code == 409 and "该件已有新的进展" in late.text and "作废" in late.text
        assert "打了很久的字</textarea>" in late.text and "data-once" not in late.text
        assert 'href="tel:000-5550-0100"' in late.text, "whom to call"


async def test_documents_and_data_are_shown_again_by_their_address_once_they_were_opened(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        await sent(citizen)
        for what in ("documents", "data"):
            assert (await citizen.get(f"/track/{what}")).headers["location"] == "/track", (
                "an address alone reads nothing"
            )
            opened = await citizen.post(f"/track/{what}")
            again = await citizen.get(f"/track/{what}")
            assert again.status_code == 200 and again.text == opened.text
        await citizen.post("/track/leave")
        assert (await citizen.get("/track/data")).headers["location"] == "/track"


async def test_renewed_code_comes_with_new_digits_for_the_telephone(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        receipt = await citizen.post("/submit", data={**await filing(citizen), "go": "send"})
        old = re.findall(r"<dd><code>([^<]+)</code>", receipt.text)
        form = await citizen.get("/track/do/renew_query_code")
        renewed = await citizen.post("/track/do/renew_query_code", data={"command_id": hidden(form, "command_id")})
        new = re.findall(r"<dd><code>([^<]+)</code>", renewed.text)
    assert new[0] == old[0] and new[1] != old[1] and new[2] != old[2] and re.fullmatch(r"\d{6}", new[2])


async def test_hostile_text_is_text_on_every_page(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = await filing(citizen, text=HOSTILE, name=HOSTILE, location=HOSTILE, others=HOSTILE, address=HOSTILE)
        for at in ("0", "1", "2"):
            answer = await citizen.post("/submit", data={**good, "at": at, "go": "next"})
            assert "<img" not in answer.text and "<script>" not in answer.text
        await sent(citizen, text=HOSTILE, name=HOSTILE)
        page = await citizen.get("/track")
        strict(page)


async def test_language_is_changed_in_mid_form_without_losing_anything(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = await filing(citizen)
        english = await citizen.post("/submit", data={**good, "at": "1", "view": "en"})
        assert "Your name" in english.text and "您的姓名" not in english.text and "13800000000" in english.text
        large = await citizen.post("/submit", data={**good, "at": "1", "view": "large"})
        assert 'class="large"' in large.text and "Your name" in large.text


async def test_case_is_followed_with_a_cookie_and_no_code_is_in_an_address(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, code = await sent(citizen)
    async with here.browser(**ZH) as citizen:
        assert "编号" in (await citizen.get("/track")).text
        entered = await citizen.post("/track", data={"number": number, "code": code})
        assert (entered.status_code, entered.headers["location"]) == (303, "/track")
        cookie = entered.headers["set-cookie"]
        assert cookie.startswith("__Host-huiyin-case=") and code not in cookie
        for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=900"):
            assert part in cookie
        page = await citizen.get("/track")
        strict(page)
        assert code not in page.text and number in page.text
        assert "《信访工作条例》第二十三条第三款" in page.text and "还剩15天" in page.text
        assert "/track/do/add_material" in page.text
        await citizen.post("/track/leave")
        assert number not in (await citizen.get("/track")).text


async def test_browser_that_keeps_no_cookies_is_told_so_and_by_which_other_way(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, code = await sent(citizen)
        citizen.cookies.clear()
        for path, body in (("/track", {"number": number, "code": code}), ("/desk", {})):
            answer = await (citizen.post(path, data=body) if body else citizen.get(f"{path}?cookies=1"))
            assert answer.status_code == 303 and "cookies=1" in answer.headers["location"]
            citizen.cookies.clear()
            page = await citizen.get(answer.headers["location"])
            assert "浏览器未保存 Cookie" in page.text and "12345" in page.text and code not in page.text
        kept = await citizen.post("/track", data={"number": number, "code": code})
        assert kept.headers["location"] == "/track", "the form set a cookie, and it came back"


async def test_command_of_a_form_that_is_sent_twice_is_given_once(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        await sent(citizen)
        form = await citizen.get("/track/do/add_material")
        fields = {"command_id": hidden(form, "command_id"), "text": "又漏了"}
        for _ in range(2):
            done = await citizen.post("/track/do/add_material", data=fields)
            assert done.headers["location"] == "/track?done=add_material"
        page = await citizen.get("/track?done=add_material")
        empty = await citizen.post("/track/do/add_material", data={"command_id": "x-1"})
    assert page.text.count("补充材料") >= 2
    assert page.text.count("提交补充材料") <= 1
    assert empty.status_code == 422 and 'id="text-error"' in empty.text


async def test_session_that_ends_while_a_form_is_open_keeps_input(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, code = await sent(citizen)
        form = await citizen.get("/track/do/add_material")
        fields = {"command_id": hidden(form, "command_id"), "text": "打了很久的字"}
        here.clock.advance(timedelta(minutes=16))
        asked = await citizen.post("/track/do/add_material", data=fields)
        assert hidden(asked, "text") == "打了很久的字"
        back = await citizen.post(
            "/track",
            data={"number": number, "code": code, "then": "add_material", "text": hidden(asked, "text"),
                  "command_id": hidden(asked, "command_id")},
        )  # fmt: skip
        assert "打了很久的字</textarea>" in back.text
        done = await citizen.post("/track/do/add_material", data=fields)
    assert done.status_code == 303


async def test_wrong_pair_is_not_echoed_and_limit_counts_the_address_of_the_browser(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, code = await sent(citizen)

    async def tried(address: str, wanted: str) -> httpx.Response:
        site = httpx.ASGITransport(here.app)
        api = Api(httpx.AsyncClient(transport=site, base_url="http://huiyin"), here.runtime.principals.own_portal)
        pages = httpx.ASGITransport(build(api), client=(address, 1))
        async with httpx.AsyncClient(transport=pages, base_url="https://huiyin.test") as browser:
            return await browser.post(
                "/track", data={"number": number, "code": wanted}, headers={"sec-fetch-site": "same-origin", **ZH}
            )

    for _ in range(5):
        wrong = await tried("203.0.113.7", "0" * 26)
        assert wrong.status_code == 404 and "0" * 26 not in wrong.text and "不匹配" in wrong.text
    many = await tried("203.0.113.7", "0" * 26)
    assert many.status_code == 429 and int(many.headers["retry-after"]) > 0
    assert (await tried("198.51.100.9", code)).status_code == 303
    assert (await tried("198.51.100.9", "0" * 26)).status_code == 404, "another address has its own limit"


async def test_form_of_another_site_is_refused(here: Served) -> None:
    async with here.browser() as citizen:
        good = await filing(citizen)
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        ):
            answer = await citizen.post("/submit", data={**good, "go": "send"}, headers=headers)
            assert answer.status_code == 403 and "other_site" in answer.text
        del citizen.headers["sec-fetch-site"]
        assert (await citizen.post("/submit", data=good)).status_code == 403, "an old browser without Origin"
        old = await citizen.post("/submit", data={**good, "go": "next"}, headers={"origin": "https://huiyin.test"})
        assert old.status_code == 200


async def test_malformed_forms_and_addresses_get_a_page_and_no_trace(here: Served) -> None:
    async with here.browser() as citizen:
        kind = "application/x-www-form-urlencoded"
        for content, media, status in (
            (b"a=%FF", kind, 422),
            (b"\xff", kind, 422),
            (b"{}", "application/json", 415),
            (b"&".join(b"a=1" for _ in range(3000)), kind, 422),
            (b"text=" + b"x" * 1_100_000, kind, 413),
        ):
            answer = await citizen.post("/submit", content=content, headers={"content-type": media})
            assert answer.status_code == status
            strict(answer)
        assert (await citizen.get("/track/do/tick")).status_code == 404
        assert (await citizen.get("/nothing")).status_code == 404
        assert (await citizen.get("/assets/../app.py")).status_code == 404
        assert (await citizen.put("/submit")).status_code == 405
        back = await citizen.post("/view", data={"view": "en", "back": "//evil.example"})
        assert back.headers["location"] == "/"


async def test_unavailable_interface_keeps_text_and_names_another_way() -> None:
    async def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    api = Api(httpx.AsyncClient(transport=httpx.MockTransport(away), base_url="http://huiyin"))
    pages = httpx.ASGITransport(build(api, telephone="12345"))
    async with httpx.AsyncClient(transport=pages, base_url="https://huiyin.test") as citizen:
        answer = await citizen.post(
            "/submit",
            data={"at": "2", "go": "send", "text": "楼道漏水", "identity": "anonymous", "command_id": "c" * 20},
            headers={"sec-fetch-site": "same-origin", **ZH},
        )
        assert answer.status_code == 503
        assert hidden(answer, "text") == "楼道漏水" and "12345" in answer.text and "interface_away" in answer.text
        for path in ("/", "/submit", "/track"):
            assert (await citizen.get(path)).status_code in (200, 503)


async def test_slow_or_unreadable_answers_of_the_interface_become_a_sentence() -> None:
    async def odd(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>Bad gateway</html>", headers={"x-request-id": "r1"})

    api = Api(httpx.AsyncClient(transport=httpx.MockTransport(odd), base_url="http://huiyin"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build(api)), base_url="https://huiyin.test") as citizen:
        answer = await citizen.get("/submit", headers=ZH)
    assert answer.status_code == 502 and "unreadable_answer" in answer.text and "Bad gateway" not in answer.text


def test_address_of_the_browser_is_forwarded_in_the_form_of_the_standard() -> None:
    assert Caller("203.0.113.7").forwarded == "for=203.0.113.7"
    assert Caller("2001:db8::1").forwarded == 'for="[2001:db8::1]"'


async def test_pages_can_be_limited_to_citizens_or_staff(here: Served) -> None:
    api = Api(httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url="http://huiyin"))
    for pages, there, gone in (("citizen", "/submit", "/desk"), ("staff", "/sign-in", "/submit")):
        app = build(api, pages=pages)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://huiyin.test") as browser:
            assert (await browser.get(there)).status_code == 200
            assert (await browser.get(gone)).status_code == 404
