"""The desk over HTTP: what each role sees, forms from the catalogue, two clerks at once, a session that ends in mid-form."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from services.portal.api import Api, Caller
from services.portal.browser import COOKIE
from services.portal.same_process import SameProcess
from tests.integration.test_portal_citizens import filing
from tests.support.sample_files import jpeg
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


async def test_draft_is_written_checked_signed_and_delivered_on_the_pages(here: Served) -> None:
    receipt = await here.filed()
    for command, fields in (("sign_off", {}), ("accept", {"path": 6})):
        assert (await here.act("clerk", receipt["case"], command, **fields)).status_code == 200
    second = await here.key_of("clerk", "zj")
    case = f"/desk/case/{receipt['number']}"
    async with at_desk(here) as writer, here.browser(**{"accept-language": "zh-CN"}) as checker:
        checker.cookies.set(f"{COOKIE}session", second, domain="huiyin.test")
        form = await writer.get(f"{case}/do/decide")
        fields = {name: hidden(form, name) for name in ("command_id", "expected_version", "after")}
        typed = {**fields, "result": "explained", "basis": "物业管理条例\n第三条", "text": f"已维修{HOSTILE}"}
        for _ in range(2):
            saved = await writer.post(f"{case}/do/decide", data={**typed, "draft": "ready"})
            assert saved.headers["location"] == f"{case}?done=ready#drafts", saved.text
        other = await writer.get(f"{case}/do/decide")
        assert "已有拟稿" in other.text
        lost = await writer.post(f"{case}/do/decide", data={**typed, "command_id": "x-2", "draft": "save"})
        assert lost.status_code == 409 and "第三条" in lost.text, "a newer draft is not overwritten unseen"
        await here.runtime.drain()
        assert "待我审核" in (await checker.get("/desk?drafts=to_check")).text
        assert receipt["number"] in (await checker.get("/desk?drafts=to_check")).text
        assert "待我审核" not in (await writer.get("/desk?drafts=writing")).text
        for _step in ("check", "sign"):
            page = await checker.post(f"{case}/draft/decision/open")
            assert "<script>alert" not in page.text and "第三条" in page.text
            body = {name: hidden(page, name) for name in ("command_id", "of", "what")}
            empty = await checker.post(f"{case}/draft/decision/judge", data={**body, "agreed": "0"})
            assert empty.status_code == 422
            assert (await checker.post(f"{case}/draft/decision/judge", data={**body, "agreed": "1"})).status_code == 303
        page = await writer.post(f"{case}/draft/decision/open")
        for _ in range(2):
            sent = await writer.post(f"{case}/draft/decision/deliver", data={"of": hidden(page, "of")})
            assert sent.status_code == 303
            await here.runtime.drain()
    types = [
        event.type
        for commit in await here.runtime.ports.log.load(f"case/{receipt['case']}")
        for event in commit.recorded
    ]
    assert types.count("DecisionIssued") == 1
    async with here.client("clerk") as client:
        assert (await client.get("/v1/drafts")).json()["drafts"] == []


ENTRY = {"office": "zj", "title": "报销", "review_on": "2036-06-01"}


async def put_entry(here: Served, name: str, **fields: object) -> None:
    async with here.client("registrar") as client:
        body = {**ENTRY, **fields, "command_id": f"save-{name}"}
        answer = await client.put(f"/v1/knowledge/{name}", json=body)
        assert answer.status_code == 200, answer.text
    await here.runtime.drain()


async def test_draft_is_filled_from_a_template_and_keeps_what_was_typed(here: Served) -> None:
    text = "您反映的{{ case_number }}已办理。"
    await put_entry(here, "done", title="已办结答复", text=text, basis=["条例第三十二条", "条例第三条"])
    await put_entry(here, "other", title="其他事项", text="无关", subject="0202")
    receipt = await here.filed()
    for command, fields in (("sign_off", {}), ("accept", {"path": 6})):
        assert (await here.act("clerk", receipt["case"], command, **fields)).status_code == 200
    case = f"/desk/case/{receipt['number']}"
    async with at_desk(here) as writer:
        form = await writer.get(f"{case}/do/decide")
        assert "已办结答复" in form.text and "其他事项" not in form.text
        typed = {name: hidden(form, name) for name in ("command_id", "expected_version", "after")}
        typed |= {"result": "explained", "text": "旧的正文"}
        none = await writer.post(f"{case}/draft/decision", data={**typed, "draft": "fill"})
        assert none.status_code == 422 and "请选择模板" in none.text and "旧的正文" in none.text
        for _ in range(2):
            filled = await writer.post(f"{case}/draft/decision", data={**typed, "draft": "fill", "template": "done"})
            assert filled.status_code == 200 and "已按模板填写" in filled.text, filled.text
            assert f"您反映的{receipt['number']}已办理。" in filled.text
            assert "条例第三十二条\n条例第三条</textarea>" in filled.text
            assert '<option value="explained" selected>' in filled.text, "the other fields stay"
            await here.runtime.drain()
        assert "待我审核" not in (await writer.get("/desk?drafts=writing")).text, "it is not handed over"
        body = {name: hidden(filled, name) for name in ("command_id", "after")}
        content = {"result": "explained", "basis": "条例第三十二条", "text": "改过的正文", "draft": "ready"}
        ready = await writer.post(f"{case}/draft/decision", data={**body, **content})
        assert ready.headers["location"] == f"{case}?done=ready#drafts", ready.text


async def test_similar_cases_are_shown_while_a_letter_is_typed(here: Served) -> None:
    text = "小区南门的路灯坏了两个月，晚上漆黑一片，老人多次摔倒，请尽快维修"
    old = await here.filed(text=text)
    hidden_one = await here.filed(text=text, confidential=True)
    async with at_desk(here, "registrar") as desk:
        typed = {"text": "反映小区南门的路灯坏了两个月，晚上漆黑一片", "name": "李四"}
        part = await desk.post("/desk/register/near", data=typed)
        assert part.status_code == 200 and old["number"] in part.text and hidden_one["number"] not in part.text
        whole = await desk.post("/desk/register", data={**typed, "look": "1"})
        assert old["number"] in whole.text and "反映小区南门" in whole.text
        assert old["number"] not in (await desk.post("/desk/register/near", data={"text": "路灯坏了"})).text
        assert (await desk.get("/desk/register/near")).status_code == 405, "no text in an address"
    async with at_desk(here, "clerk") as clerk:
        assert (await clerk.post("/desk/register/near", data=typed)).status_code == 404


async def test_call_is_answered_from_an_entry_of_the_knowledge(here: Served) -> None:
    await put_entry(
        here, "rate", title="报销比例", text="{{ case_number }}：报销比例为百分之七十。", basis=["办法第九条"]
    )
    async with at_desk(here, "registrar") as desk:
        screen = await desk.get("/desk/call")
        typed = {"command_id": hidden(screen, "command_id"), "text": "咨询医保报销比例", "knowledge": "1"}
        typed["channel"] = re.search(r'<option value="([^"]+)" selected>', screen.text)[1]  # type: ignore[index]
        assert "报销比例为百分之七十" in screen.text and "{{" not in screen.text
        chosen = await desk.post("/desk/call", data={**typed, "use": "rate"})
        assert hidden(chosen, "entry") == "rate" and "向来电人复述" in chosen.text
        unknown = await desk.post("/desk/call", data={**typed, "use": "nothing"})
        assert hidden(unknown, "entry") == ""
        done = await desk.post("/desk/call", data={**typed, "entry": "rate", "do": "answer"})
        assert "已登记并答复" in done.text and hidden(done, "entry") == "", done.text
        number = re.search(r"/desk/case/([0-9A-Z-]+)\"", done.text)[1]  # type: ignore[index]
        opened = await desk.post(f"/desk/case/{number}/open")
    assert f"{number}：报销比例为百分之七十。" in opened.text


async def test_note_that_labels_a_person_is_asked_about_and_kept(here: Served) -> None:
    receipt = await here.filed()
    case = f"/desk/case/{receipt['number']}"
    async with at_desk(here) as clerk:
        page = await clerk.get(case)
        typed = {"command_id": "note-1", "note": "此人系老上访"}
        asked = await clerk.post(f"{case}/notes", data=typed)
        assert asked.status_code == 200 and "仍然保存" in asked.text and "此人系老上访" in asked.text
        assert (await clerk.post(f"{case}/notes", data={**typed, "confirmed": "1"})).status_code == 303
        opened = await clerk.post(f"{case}/notes/open")
    assert "此人系老上访" not in page.text and "此人系老上访" in opened.text
    reads = await here.runtime.ports.log.load(f"reads/{receipt['case']}")
    assert sum(len(commit.recorded) for commit in reads) == 1


async def test_many_cases_are_previewed_and_each_has_a_result(here: Served) -> None:
    receipts = [await here.filed() for _ in range(3)]
    await here.act("clerk", receipts[2]["case"], "sign_off")
    chosen = {"case": [one["number"] for one in receipts] + ["2026-FXZQ-YZVZ-FXZQ-M"]}
    async with at_desk(here) as clerk:
        choice = await clerk.post("/desk/bulk", data=chosen)
        assert "签收 (2)" in choice.text
        preview = await clerk.post("/desk/bulk", data={**chosen, "name": "sign_off"})
        assert "所选4件中，2件可以办理" in preview.text
        body = {**chosen, "name": "sign_off", "do": "1", "command_id": hidden(preview, "command_id")}
        results = [await clerk.post("/desk/bulk", data=body) for _ in range(2)]
    assert all("已办3件，共4件" in one.text for one in results), results[0].text
    for receipt in receipts:
        log = await here.runtime.ports.log.load(f"case/{receipt['case']}")
        assert [event.type for commit in log for event in commit.recorded].count("SignedFor") == 1


async def test_form_is_kept_while_the_service_is_away(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = await here.filed()

    async def away(*_: object, **__: object) -> httpx.Response:
        raise httpx.ConnectError("refused")

    address = f"/desk/case/{receipt['number']}/do/request_return"
    async with at_desk(here) as clerk:
        form = await clerk.get(address)
        typed = {name: hidden(form, name) for name in ("command_id", "expected_version")}
        typed |= {"reason_code": "not_our_mandate", "reason": f"打了很久的字\n第二行{HOSTILE}"}
        monkeypatch.setattr(SameProcess, "handle_async_request", away)
        answer = await clerk.post(address, data=typed)
        assert answer.status_code == 503 and "打了很久的字" in answer.text and "<script>alert" not in answer.text
        assert "12345" in answer.text and typed["command_id"] in answer.text
        monkeypatch.undo()
        assert (await clerk.post(address, data=typed)).status_code == 303


async def test_call_is_read_back_filed_answered_and_asked_about(here: Served) -> None:
    async with at_desk(here, "registrar") as desk:
        screen = await desk.get("/desk/call")
        typed = {"command_id": hidden(screen, "command_id"), "text": "咨询医保报销比例", "name": "李四"}
        typed["channel"] = re.search(r'<option value="([^"]+)" selected>', screen.text)[1]  # type: ignore[index]
        read = await desk.post("/desk/call", data={**typed, "do": "read"})
        assert "向来电人复述" in read.text and "咨询医保报销比例" in read.text
        missing = await desk.post("/desk/call", data={**typed, "do": "answer"})
        assert missing.status_code == 422 and "李四" in missing.text
        for _ in range(2):
            done = await desk.post("/desk/call", data={**typed, "do": "answer", "answer": "报销比例为百分之七十"})
            assert "已登记并答复" in done.text, done.text
        number = re.search(r"/desk/case/([0-9A-Z-]+)\"", done.text)[1]  # type: ignore[index]
        pin = re.findall(r"<code>(\d{6})</code>", done.text)[0]
        asked = await desk.post("/desk/call", data={"asked_number": number, "pin": pin, "do": "status"})
        assert asked.status_code == 200 and "请向来电人读出以上内容" in asked.text
        wrong = await desk.post(
            "/desk/call", data={"asked_number": number, "pin": "1", "do": "status", "text": "还在打字"}
        )
        assert wrong.status_code == 404 and "还在打字" in wrong.text
    async with at_desk(here, "clerk") as clerk:
        assert (await clerk.get("/desk/call")).status_code == 404


async def test_live_stream_says_what_moved_and_ends_with_the_reader(here: Served) -> None:
    receipt = await here.filed()
    api = Api(httpx.AsyncClient(transport=SameProcess(here.app), base_url="http://huiyin"))
    stream = api.parts(Caller("127.0.0.1", here.keys["clerk"]), "/v1/live", wait=60)
    assert b"event: ready" in await asyncio.wait_for(anext(stream), 5)
    await here.act("clerk", receipt["case"], "sign_off")
    assert receipt["case"].encode() in await asyncio.wait_for(anext(stream), 5)
    await stream.aclose()
    assert [part async for part in api.parts(Caller("127.0.0.1", "wrong"), "/v1/live", wait=60)] == []


async def test_files_are_opened_and_read_at_the_desk_and_nowhere_else(here: Served) -> None:
    async with here.browser(**{"accept-language": "zh-CN"}) as citizen:
        fields = {**await filing(citizen), "at": "0"}
        step = await citizen.post(
            "/submit", data={**fields, "go": "next"}, files=[("files", ("漏水.jpg", jpeg(), "image/jpeg"))]
        )
        fields["uploads"] = html.unescape(hidden(step, "uploads"))
        await citizen.post("/submit", data={**fields, "at": "2", "go": "send"})
    await here.runtime.drain()
    async with here.client("registrar") as registrar:
        (listed,) = (await registrar.get("/v1/cases")).json()["cases"]
    address = f"/desk/case/{listed['number']}"
    key = await here.key_of("clerk", "jtj")
    async with at_desk(here) as clerk, here.browser() as other, here.browser() as stranger:
        other.cookies.set(f"{COOKIE}session", key, domain="huiyin.test")
        closed = await clerk.get(address)
        opened = await clerk.post(f"{address}/files")
        found = re.search(rf'href="({address}/files/\d+)"', opened.text)
        assert found
        file = await clerk.get(found[1])
        from_elsewhere = await clerk.get(found[1], headers={"sec-fetch-site": "cross-site"})
        hidden_file, nobody = await other.get(found[1]), await stranger.get(found[1])
    assert "漏水.jpg" not in closed.text and "漏水.jpg" in opened.text
    assert file.content.startswith(b"\xff\xd8") and file.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in file.headers["content-security-policy"]
    assert (from_elsewhere.status_code, hidden_file.status_code, nobody.status_code) == (403, 404, 303)


async def test_person_at_the_counter_gets_digits_and_a_receipt_to_print(here: Served) -> None:
    async with at_desk(here, "registrar") as registrar:
        form = await registrar.get("/desk/register")
        fields = {"command_id": hidden(form, "command_id"), "channel": "letter", "text": "路灯坏了一个月"}
        done = await registrar.post("/desk/register", data=fields)
        pair = {name: hidden(done, name) for name in ("number", "code")}
        sheet = await registrar.post("/desk/register/receipt", data=pair)
        wrong = await registrar.post("/desk/register/receipt", data={**pair, "code": "AAAA-BBBB"})
    assert re.search(r"电话查询码[^<]*<code>\d{6}</code>", done.text)
    assert pair["number"] in sheet.text and pair["code"] in sheet.text and "@page" in sheet.text
    assert wrong.status_code == 404 and pair["code"] not in wrong.text


async def test_case_is_found_by_its_number_before_the_list_shows_it(
    here: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = await here.filed()
    real = Api.get

    async def behind(self: Api, caller: Caller, path: str, **params: object) -> object:
        answer = await real(self, caller, path, **params)
        return {**answer, "cases": []} if path == "/v1/cases" else answer

    monkeypatch.setattr(Api, "get", behind)
    async with at_desk(here) as clerk:
        found = await clerk.get("/desk", params={"number": receipt["number"]})
        unknown = await clerk.get("/desk", params={"number": "2026-0000-0000-0000-0"})
    assert f'href="/desk/case/{receipt["number"]}"' in found.text and "data-row" in found.text
    assert unknown.status_code == 200 and "data-row" not in unknown.text and "列表为空" in unknown.text


async def test_those_who_lead_see_figures_and_no_case(here: Served) -> None:
    await here.filed()
    await here.runtime.drain()
    async with at_desk(here, "analyst") as leader, at_desk(here) as clerk, at_desk(here, "supervisor") as supervisor:
        first = await leader.get("/desk")
        page = await leader.get("/desk/numbers", params={"period": "all"})
        both = await supervisor.get("/desk/numbers", params={"period": "' OR 1=1"})
        refused = await clerk.get("/desk/numbers")
    assert (first.status_code, first.headers["location"]) == (303, "/desk/numbers")
    assert (
        "登记" in page.text and "按期答复" in page.text and "退出登录" in page.text and "/desk/case/" not in page.text
    )
    assert both.status_code == 200 and "OR 1=1" not in both.text and refused.status_code == 404
