"""Files on the citizens' pages: sent with a filing or an answer, refused one by one, and nobody else's."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.integration.test_portal_citizens import ZH, filing, hidden, sent, strict
from tests.support import sample_files as samples
from tests.support.serving import Served, served

PHOTO = ("files", ("漏水 照片.jpg", samples.jpeg(), "image/jpeg"))
PROGRAM = ("files", ("run.jpg", b"MZ" + b"\x00" * 200, "image/jpeg"))


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def carried(page: httpx.Response) -> list[list[Any]]:
    found: list[list[Any]] = json.loads(html.unescape(hidden(page, "uploads")))
    return found


async def test_photograph_is_sent_with_the_filing_and_offers_its_place(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = {**await filing(citizen), "at": "0"}
        step = await citizen.post("/submit", data={**good, "go": "next"}, files=[PHOTO])
        assert step.status_code == 200 and 'name="identity"' in step.text
        uploads = hidden(step, "uploads")
        ((_id, name, size, latitude, longitude),) = carried(step)
        assert name == "漏水 照片.jpg" and size > 0
        assert (latitude, longitude) == pytest.approx((samples.GPS_LATITUDE, samples.GPS_LONGITUDE), abs=1e-5)
        fields = {**good, "uploads": html.unescape(uploads)}
        check = await citizen.post("/submit", data={**fields, "at": "1", "go": "next"})
        assert "漏水 照片.jpg" in check.text and 'name="locate"' in check.text
        placed = await citizen.post("/submit", data={**fields, "at": "2", "locate": _id})
        assert hidden(placed, "location").startswith("30.259")
        done = [await citizen.post("/submit", data={**fields, "at": "2", "go": "send"}) for _ in range(2)]
        assert {one.status_code for one in done} == {200}, done[0].text
        await here.runtime.drain()
        case = (await citizen.get("/track")).text
    assert "回执" in done[0].text and done[0].text.count("<dd><code>") == done[1].text.count("<dd><code>")
    assert case
    async with here.client("registrar") as registrar:
        (listed,) = (await registrar.get("/v1/cases")).json()["cases"]
        files = (await registrar.get(f"/v1/files/{listed['number']}")).json()["files"]
    assert [one["name"] for one in files if one["form"] is None] == ["漏水 照片.jpg"]


async def test_refused_file_is_named_next_to_field_and_rest_is_kept(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = {**await filing(citizen, text="写了很久的字"), "at": "0"}
        answer = await citizen.post("/submit", data={**good, "go": "next"}, files=[PROGRAM, PHOTO])
        assert answer.status_code == 422
        strict(answer)
        assert 'id="files-error"' in answer.text and "run.jpg" in answer.text and "写了很久的字" in answer.text
        ((kept, *_rest),) = carried(answer)
        fields = {**good, "uploads": html.unescape(hidden(answer, "uploads"))}
        gone = await citizen.post("/submit", data={**fields, "remove": kept})
        assert 'name="uploads"' not in gone.text
        large = ("files", ("big.pdf", b"%PDF-" + b"0" * 11 * 1024 * 1024, "application/pdf"))
        answer = await citizen.post("/submit", data={**fields, "go": "next"}, files=[large])
        assert answer.status_code == 422 and "10 MB" in answer.text and "写了很久的字" in answer.text
        assert len(carried(answer)) == 1


async def test_too_many_files_are_said_before_anything_is_filed(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        good = {**await filing(citizen), "at": "0"}
        text = ("files", ("a.txt", "说明".encode(), "text/plain"))
        answer = await citizen.post("/submit", data={**good, "go": "next"}, files=[text] * 11)
    assert answer.status_code == 422 and 'id="files-error"' in answer.text and len(carried(answer)) == 11


async def test_files_of_another_filing_cannot_be_named(here: Served) -> None:
    async with here.browser(**ZH) as one, here.browser(**ZH) as other:
        step = await one.post("/submit", data={**await filing(one), "at": "0", "go": "next"}, files=[PHOTO])
        stolen = {**await filing(other), "uploads": html.unescape(hidden(step, "uploads"))}
        answer = await other.post("/submit", data={**stolen, "go": "send"})
    assert answer.status_code in (404, 422) and 'id="files-error"' in answer.text


@pytest.mark.parametrize(
    "uploads", ["[", "{}", "[1]", '[["a"]]', '[["../x", "n", 1, null, null]]', '[["é", "n", 1, "x", []]]', "[" * 9000]
)
async def test_forged_lists_of_files_do_no_harm(here: Served, uploads: str) -> None:
    async with here.browser(**ZH) as citizen:
        answer = await citizen.post(
            "/submit", data={**await filing(citizen), "uploads": uploads, "at": "0", "go": "next"}
        )
    assert answer.status_code == 200
    strict(answer)


BOUNDED = "multipart/form-data; boundary=x"
HEAD = b"--x\r\nContent-Disposition: form-data; name="


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"", "multipart/form-data", 422),
        (b"", BOUNDED, 422),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", BOUNDED, 422),
        (HEAD + b"at\r\n\r\n\xff\r\n--x--\r\n", BOUNDED, 422),
        (HEAD + b"at\r\n\r\n0", BOUNDED, 422),
        (HEAD + b"a" * 9000 + b"\r\n\r\n0\r\n--x--\r\n", BOUNDED, 422),
        (HEAD + b"text\r\n\r\n" + b"a" * 1_100_000 + b"\r\n--x--\r\n", BOUNDED, 413),
        ((HEAD + b"a\r\n\r\n0\r\n") * 2100 + b"--x--\r\n", BOUNDED, 422),
    ],
)
async def test_malformed_multipart_forms_get_a_page(here: Served, content: bytes, media: str, status: int) -> None:
    async with here.browser(**ZH) as citizen:
        answer = await citizen.post("/submit", content=content, headers={"content-type": media})
    assert answer.status_code == status
    strict(answer)


async def test_uploads_before_a_filing_need_a_random_id_and_are_limited(here: Served) -> None:
    async with here.client() as client:
        for filing_id in ("short", "a" * 101, "a b" * 10):
            answer = await client.post("/v1/files", content=b"text", headers={"filing-id": filing_id})
            assert (answer.status_code, answer.json()["code"]) == (422, "wrong_filing_id")
        answer = await client.post("/v1/files", content=b"text", headers={"filing-id": "a" * 20, "query-code": "x"})
        assert answer.status_code == 401
        found = [
            (await client.post("/v1/files", content=b"text", headers={"filing-id": f"{'a' * 16}{one}"})).status_code
            for one in range(61)
        ]
        assert found == [201] * 60 + [429]
        for path in ("/v1/files/own", "/v1/files/own/1"):
            assert (await client.get(path, headers={"filing-id": "a" * 20})).status_code == 401


async def test_questions_of_the_office_are_answered_with_a_photograph(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, code = await sent(citizen)
        await here.runtime.drain()
        questions = ["哪一户漏水？", "<b>何时开始？</b>"]
        assert (await here.act("registrar", number, "ask_petitioner", questions=questions)).is_success
        page = await citizen.get("/track")
        assert "哪一户漏水？" in page.text and "<b>何时" not in page.text and "/track/do/answer" in page.text
        form = await citizen.get("/track/do/answer")
        strict(form)
        fields = {"command_id": hidden(form, "command_id"), "asked": hidden(form, "asked"), "answer-1": "三月初"}
        refused = await citizen.post("/track/do/answer", data=fields, files=[PROGRAM])
        assert refused.status_code == 422 and "三月初" in refused.text and 'id="files-error"' in refused.text
        added = await citizen.post("/track/do/answer", data={**fields, "go": "add"}, files=[PHOTO])
        assert added.status_code == 200 and "漏水 照片.jpg" in added.text and "三月初" in added.text
        here.clock.advance(16 * 60)
        fields["uploads"] = html.unescape(hidden(added, "uploads"))
        ended = await citizen.post("/track/do/answer", data=fields)
        again = {name: html.unescape(hidden(ended, name)) for name in ("answer-1", "asked", "uploads", "command_id")}
        back = await citizen.post("/track", data={**again, "number": number, "code": code, "then": "answer"})
        assert "三月初</textarea>" in back.text and "漏水 照片.jpg" in back.text
        done = await citizen.post("/track/do/answer", data=again)
        assert done.headers["location"] == "/track?done=answer", done.text
        page = await citizen.get("/track")
        assert "哪一户漏水？" not in page.text
        shown = await citizen.post("/track/documents")
        assert "漏水 照片.jpg" in shown.text
        (link,) = re.findall(r"/track/files/\d+", shown.text)
        file = await citizen.get(link)
        assert file.content[:2] == b"\xff\xd8" and "attachment" in file.headers["content-disposition"]
        assert "sandbox" in file.headers["content-security-policy"]
        assert (await citizen.get("/track/files/1")).status_code == 404
        elsewhere = await citizen.get(link, headers={"sec-fetch-site": "cross-site"})
        assert elsewhere.status_code == 403
    async with here.browser(**ZH) as stranger:
        assert b"\xff\xd8" not in (await stranger.get(link)).content


async def test_form_closed_by_script_sends_nothing_and_keeps_input(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        await sent(citizen)
        form = await citizen.get("/track/do/add_material")
        assert 'data-expires="900"' in form.text
        fields = {"command_id": hidden(form, "command_id"), "text": "打了很久的字"}
        stays = await citizen.post("/track/do/add_material", data={**fields, "go": "stay"})
        assert "打了很久的字</textarea>" in stays.text
        closed = await citizen.post("/track/do/add_material", data={**fields, "go": "close"})
        assert hidden(closed, "text") == "打了很久的字" and "number" in closed.text
        assert (
            "待办" not in (await citizen.get("/track")).text and "/track/do" not in (await citizen.get("/track")).text
        )


async def test_own_data_are_shown_and_saved_and_hold_nothing_of_others(here: Served) -> None:
    async with here.browser(**ZH) as citizen:
        number, _code = await sent(citizen, text="楼道漏水的正文", others="李四，13900000000", representatives="1")
        await here.runtime.drain()
        office = await here.act("registrar", number, "ask_petitioner", questions=["内部的询问"])
        assert office.is_success
        await citizen.post("/track/do/add_material", data={"command_id": "c" * 20, "text": "补充的正文"})
        shown = await citizen.post("/track/data")
        strict(shown)
        for text in ("张三", "13800000000", "楼道漏水的正文", "补充的正文"):
            assert text in shown.text
        for text in ("李四", "13900000000", "内部的询问"):
            assert text not in shown.text
        copy = await citizen.post("/track/data", data={"go": "copy"})
        assert "attachment" in copy.headers["content-disposition"] and copy.json()["person"]["name"] == "张三"
        assert "李四" not in copy.text and "内部的询问" not in copy.text
        corrected = {"command_id": "d" * 20, "name": "张三丰"}
        assert (await citizen.post("/track/do/correct_party", data=corrected)).status_code == 303
        assert "张三丰" in (await citizen.post("/track/data")).text
    async with here.browser(**ZH) as stranger:
        assert "张三" not in (await stranger.post("/track/data")).text
