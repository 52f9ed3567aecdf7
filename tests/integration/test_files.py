"""Files over HTTP: resumable uploads, limits, who may read which file, ranges, redacted forms, the scanner."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.requests import ClientDisconnect

from shared.application.virus_scanner import ScannerUnavailable
from shared.eventstore.blobs import Piece
from tests.support import sample_files as files
from tests.support.serving import Served, served

MB = 1024 * 1024


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def digest(data: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(data).digest()).decode()}:"


def named(name: str) -> str:
    from urllib.parse import quote

    return f"attachment; filename*=UTF-8''{quote(name)}"


async def sent(client: httpx.AsyncClient, data: bytes, upload: str = "u1", **headers: str) -> httpx.Response:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/files?kind=photo", content=data, headers={"Upload-Id": upload, **more})


def code(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["detail"] and problem["detail_zh"] and "zhao-liu" not in answer.text
    return str(problem["code"])


async def a_case(here: Served, *uploads: str, **more: Any) -> dict[str, Any]:
    receipt = await here.filed(files=list(uploads), **more)
    await here.runtime.drain()
    return receipt


async def test_photo_is_stored_anew_offered_with_its_place_and_read_back_by_range(here: Served) -> None:
    async with here.client("registrar") as client:
        data = files.jpeg()
        answer = await sent(client, data, Repr_Digest=digest(data), Content_Disposition=named("../张三\u202e家.pdf"))
        assert answer.status_code == 201, answer.text
        found = answer.json()
        assert (found["media_type"], found["name"], found["held"]) == ("image/jpeg", "张三家.pdf.jpg", None)
        assert (found["latitude"], found["longitude"]) == (files.GPS_LATITUDE, files.GPS_LONGITUDE)
        assert (found["width"], found["height"]) == (48, 64)
        receipt = await a_case(here, "u1")
        listed = (await client.get(f"/v1/files/{receipt['case']}")).json()["files"]
        photo, small = listed
        assert (photo["name"], photo["form"], photo["kind"]) == ("张三家.pdf.jpg", None, "photo")
        assert (small["form"], small["made_of"]) == ("thumbnail", photo["version"])
        whole = await client.get(f"/v1/files/{receipt['case']}/{photo['version']}")
        assert whole.status_code == 200 and whole.headers["content-type"] == "image/jpeg"
        assert whole.headers["content-disposition"].startswith("attachment;")
        assert "sandbox" in whole.headers["content-security-policy"]
        assert (whole.headers["x-content-type-options"], whole.headers["cache-control"]) == ("nosniff", "no-store")
        assert files.CANARY.encode() not in whole.content and len(whole.content) == photo["size"]
        for range_, expected in (
            ("bytes=2-9", whole.content[2:10]),
            ("bytes=-5", whole.content[-5:]),
            ("bytes=10-", whole.content[10:]),
        ):
            part = await client.get(f"/v1/files/{receipt['case']}/{photo['version']}", headers={"Range": range_})
            assert (part.status_code, part.content) == (206, expected)
        beyond = await client.get(f"/v1/files/{receipt['case']}/{photo['version']}", headers={"Range": "bytes=999999-"})
        assert beyond.status_code == 416
        reads = [c async for c in _reads(here, receipt["case"])]
        assert ("text",) in reads and ("file",) in reads


async def _reads(here: Served, case: str) -> AsyncIterator[tuple[str, ...]]:
    for commit in await here.runtime.ports.log.load(f"reads/{case}"):
        for event in commit.recorded:
            yield tuple(event.body.purposes)  # type: ignore[union-attr]


async def test_upload_that_breaks_off_goes_on(here: Served) -> None:
    data = files.pdf(files.pdf_stream(random.Random(1).randbytes(9000)))
    async with here.client("registrar") as client:
        first = await sent(
            client, data[:3000], Upload_Complete="?0", Upload_Length=str(len(data)), Repr_Digest=digest(data)
        )
        assert (first.status_code, first.json()["offset"], first.json()["complete"]) == (201, 3000, False)
        head = await client.head("/v1/uploads/u1")
        assert (head.status_code, head.headers["upload-offset"], head.headers["upload-complete"]) == (204, "3000", "?0")
        wrong = await client.patch("/v1/uploads/u1", content=data[10:], headers={"Upload-Offset": "10"})
        assert code(wrong, 409) == "wrong_offset" and wrong.json()["offset"] == 3000
        last = await client.patch("/v1/uploads/u1", content=data[3000:], headers={"Upload-Offset": "3000"})
        assert (last.status_code, last.json()["media_type"]) == (200, "application/pdf")
        again = await sent(client, data, Repr_Digest=digest(data))
        assert (again.status_code, again.json()["offset"]) == (200, len(data))
        other = await sent(client, data + b"\n", Repr_Digest=digest(data + b"\n"))
        assert code(other, 409) == "upload_differs"


async def test_a_repeated_post_goes_on_where_the_first_broke_off(here: Served) -> None:
    data = files.pdf(files.pdf_stream(b"0123456789" * 5000, packed=False, dictionary=b""))

    async def broken() -> AsyncIterator[bytes]:
        yield data[:2000]
        raise ClientDisconnect

    async with here.client("registrar") as client:
        for digested in ({"Repr-Digest": digest(data)}, {}):
            upload = "with" if digested else "without"
            stated = {"Upload-Id": upload, "Upload-Length": str(len(data)), **digested}
            with pytest.raises(AssertionError):  # the client left: there is nobody to answer
                await client.post("/v1/files", content=broken(), headers=stated)
            assert (await client.get(f"/v1/uploads/{upload}")).json()["offset"] == 2000
            answer = await client.post("/v1/files", content=data, headers={"Upload-Id": upload, **digested})
            assert (answer.status_code, answer.json()["size"]) == (201, len(data))


async def test_limits(here: Served) -> None:
    read = 0

    async def much() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(64):
            read += MB
            yield bytes(MB)

    async with here.client("registrar") as client:
        announced = await client.post("/v1/files", content=much(), headers={"Content-Length": str(10 * MB + 1)})
        assert (code(announced, 413), read) == ("file_too_large", 0)
        stated = await client.post(
            "/v1/files", content=b"x", headers={"Upload-Length": str(10 * MB + 1), "Upload-Complete": "?0"}
        )
        assert code(stated, 413) == "file_too_large"
        unannounced = await client.post("/v1/files", content=much())
        assert code(unannounced, 413) == "file_too_large" and read <= 12 * MB
        text = b"a" * (10 * MB)
        assert (await sent(client, text, "whole")).status_code == 201
        assert code(await sent(client, text + b"a", "more"), 413) == "file_too_large"
        mismatch = await sent(client, b"one", "other", Repr_Digest=digest(b"two"))
        assert code(mismatch, 422 if mismatch.status_code == 422 else 409) == "digest_mismatch"
        for number in range(11):
            assert (await sent(client, b"text", f"t{number}")).status_code == 201
        filing = {"channel": "web", "item": "eleven", "text": "x", "place": "dh-yl", "subject": "0102"}
        eleven = await client.post("/v1/submissions", json={**filing, "files": [f"t{n}" for n in range(11)]})
        assert code(eleven, 422) == "too_many_files"
        ten = await client.post("/v1/submissions", json={**filing, "files": [f"t{n}" for n in range(10)]})
        assert ten.status_code == 201
        rules = {one["name"]: one["value"] for one in (await client.get("/v1/files/rules")).json()["rules"]}
        assert (rules["files_per_filing"], rules["megabytes_per_file"]) == (10, 10)


@pytest.mark.parametrize(
    ("data", "status", "why"),
    [
        (files.SVG, 415, "file_active_content"),
        (files.png_bomb(), 422, "file_pixels"),
        (files.packed({"a": b"x"}), 415, "file_archive"),
        (files.jpeg() + files.packed({"a": b"x"}), 422, "file_polyglot"),
        (files.docx(word__vbaProject_dot_bin=b"x"), 415, "file_macros"),
        (b"", 422, "file_empty"),
    ],
)
async def test_a_refused_file_is_gone_and_no_command_can_name_it(
    here: Served, data: bytes, status: int, why: str
) -> None:
    async with here.client("registrar") as client:
        assert code(await sent(client, data), status) == why
        assert code(await client.get("/v1/uploads/u1"), 404) == "upload_unknown"
        filing = {"channel": "web", "item": "x", "text": "x", "place": "dh-yl", "subject": "0102", "files": ["u1"]}
        assert code(await client.post("/v1/submissions", json=filing), 422) == "file_unknown"


async def test_a_png_named_pdf_is_a_png(here: Served) -> None:
    async with here.client("registrar") as client:
        found = (await sent(client, files.png(), Content_Disposition=named("扫描件.pdf"))).json()
        assert (found["media_type"], found["name"]) == ("image/png", "扫描件.pdf.png")


async def test_hidden_case_and_missing_one_are_the_same(here: Served) -> None:
    async with here.client("registrar") as client:
        await sent(client, b"text")
        receipt = await a_case(here, "u1")
        version = (await client.get(f"/v1/files/{receipt['case']}")).json()["files"][0]["version"]
    stranger = await here.key_of("clerk", "jtj")
    async with here.client(key=stranger) as client:
        for case in (receipt["case"], "0" * 32):
            for path in (f"/v1/files/{case}", f"/v1/files/{case}/{version}"):
                answer = await client.get(path)
                assert code(answer, 404) == "unknown_case"
    async with here.client() as client:
        assert (await client.get(f"/v1/files/{receipt['case']}/{version}")).status_code == 401
    async with here.client("registrar") as client:
        assert code(await client.get(f"/v1/files/{receipt['case']}/{version + 1}"), 404) == "unknown_file"
        assert (await client.get(f"/v1/files/{receipt['case']}/{2**70}")).status_code in (404, 422)


async def test_upload_of_another_owner_does_not_exist(here: Served) -> None:
    async with here.client("registrar") as client:
        await sent(client, b"text")
    async with here.client("clerk") as client:
        assert code(await client.get("/v1/uploads/u1"), 404) == "upload_unknown"
        assert (await client.delete("/v1/uploads/u1")).status_code == 204
    async with here.client("registrar") as client:
        assert (await client.get("/v1/uploads/u1")).status_code == 200
    async with here.client("analyst") as client:
        assert code(await sent(client, b"text"), 403)


async def test_petitioner_sends_and_reads_own_files_with_number_and_code(here: Served) -> None:
    receipt = await a_case(here)
    own = {"Case-Number": receipt["number"], "Query-Code": receipt["code"]}
    async with here.client() as client:
        assert (
            await client.post("/v1/files", content=files.jpeg(), headers={**own, "Upload-Id": "p1"})
        ).status_code == 201
        body = {
            "number": receipt["number"],
            "code": receipt["code"],
            "command": "attach_file",
            "command_id": "c1",
            "files": ["p1"],
        }
        given = await client.post("/v1/citizens/commands", json=body)
        assert given.status_code == 200, given.text
        listed = (await client.get("/v1/files/own", headers=own)).json()["files"]
        assert [one["form"] for one in listed] == [None, "thumbnail"]
        file = await client.get(f"/v1/files/own/{listed[0]['version']}", headers=own)
        assert file.status_code == 200 and file.content.startswith(b"\xff\xd8\xff")
        other = await a_case(here)
        assert code(await client.get(f"/v1/files/{other['case']}", headers=own), 404) == "unknown_file"
        wrong = {**own, "Query-Code": "x"}
        assert code(await client.get("/v1/files/own", headers=wrong), 404) == "wrong_number_or_code"


async def test_of_a_confidential_filing_the_organisation_gets_the_redacted_form_only(here: Served) -> None:
    async with here.client("registrar") as client:
        await sent(client, files.png(64, 48, meta=False), Content_Disposition=named("张三.png"))
        await sent(client, "我叫张三".encode(), "u2")
        receipt = await a_case(here, "u1", "u2", confidential=True)
        case = receipt["case"]
        listed = (await client.get(f"/v1/files/{case}")).json()["files"]
        photo, letter = (
            listed[0]["version"],
            next(one["version"] for one in listed if one["media_type"] == "text/plain"),
        )
        clerk = await here.key_of("clerk", "zj")
        async with here.client(key=clerk) as org:
            assert (await org.get(f"/v1/files/{case}")).json()["files"] == []
            assert code(await org.get(f"/v1/files/{case}/{photo}"), 404) == "unknown_file"
            denied = await org.post(f"/v1/files/{case}/{photo}/redactions", json={"command_id": "r", "text": "x"})
            assert denied.status_code == 403
        cover = {"command_id": "r1", "cover": [{"left": 0, "top": 0, "width": 32, "height": 24}]}
        for _ in range(2):  # the same command twice is one
            made = await client.post(f"/v1/files/{case}/{photo}/redactions", json=cover)
            assert made.status_code == 200, made.text
        assert [one["type"] for one in made.json()["events"]] == ["FileAttached", "FileAttached"]
        replaced = await client.post(
            f"/v1/files/{case}/{letter}/redactions", json={"command_id": "r2", "text": "来信（已隐去姓名）"}
        )
        assert replaced.status_code == 200, replaced.text
        outside = {"command_id": "r3", "cover": [{"left": 60, "top": 0, "width": 32, "height": 24}]}
        assert code(await client.post(f"/v1/files/{case}/{photo}/redactions", json=outside), 422) == "rectangle_outside"
        both = {**cover, "command_id": "r4", "text": "x"}
        assert code(await client.post(f"/v1/files/{case}/{photo}/redactions", json=both), 422) == "cover_or_text"
        not_image = {**cover, "command_id": "r5"}
        assert code(await client.post(f"/v1/files/{case}/{letter}/redactions", json=not_image), 422) == "not_an_image"
    async with here.client(key=clerk) as org:
        seen = (await org.get(f"/v1/files/{case}")).json()["files"]
        assert [one["form"] for one in seen] == ["redacted", "thumbnail", "redacted"]
        black = await org.get(f"/v1/files/{case}/{seen[0]['version']}")
        with Image.open(io.BytesIO(black.content)) as opened:
            assert opened.convert("RGB").getpixel((5, 5)) == (0, 0, 0)
        text = await org.get(f"/v1/files/{case}/{seen[2]['version']}")
        assert text.text == "来信（已隐去姓名）"


class Scanner:
    def __init__(self) -> None:
        self.answer: bool | None = None
        self.seen = b""

    async def infected(self, content: AsyncIterator[Piece]) -> bool:
        self.seen = b"".join([piece async for piece in content])
        if self.answer is None:
            raise ScannerUnavailable("down")
        return self.answer


async def test_file_is_held_back_until_the_scanner_finds_it_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    from deploy.modes import composition

    scanner = Scanner()
    monkeypatch.setattr(composition, "scanner_of", lambda _settings: scanner)
    async with served() as here, here.client("registrar") as client:
        answer = await sent(client, b"letter")
        assert (answer.status_code, answer.json()["held"]) == (202, "scanning")
        filing = {"channel": "web", "item": "x", "text": "x", "place": "dh-yl", "subject": "0102", "files": ["u1"]}
        assert code(await client.post("/v1/submissions", json=filing), 409) == "file_held"
        scanner.answer = False
        assert (await client.get("/v1/uploads/u1")).json()["held"] is None
        assert scanner.seen == b"letter"
        assert (await client.post("/v1/submissions", json=filing)).status_code == 201
        scanner.answer = True
        assert code(await sent(client, files.EICAR, "u2"), 422) == "file_infected"
        assert code(await client.get("/v1/uploads/u2"), 404) == "upload_unknown"


async def test_many_uploads_at_once_all_arrive(here: Served) -> None:
    data = files.pdf(files.pdf_stream(bytes(50_000)))
    async with here.client("registrar") as client:
        done = await asyncio.gather(*(sent(client, data, f"m{number}") for number in range(12)))
    assert {one.status_code for one in done} == {201}


async def test_form_and_wrong_headers_are_refused_with_a_remedy(here: Served) -> None:
    async with here.client("registrar") as client:
        form = await client.post("/v1/files", files={"file": ("a.txt", b"x")})
        assert code(form, 415) == "wrong_content_type"
        for name, value, why in (
            ("Upload-Id", "../x", "wrong_upload_id"),
            ("Upload-Id", "u1:thumbnail", "wrong_upload_id"),
            ("Upload-Length", "-1", "wrong_header"),
            ("Upload-Complete", "yes", "wrong_header"),
            ("Repr-Digest", "sha-256=:AAAA:", "wrong_digest"),
        ):
            answer = await client.post("/v1/files", content=b"x", headers={name: value})
            assert code(answer, 422) == why
        assert code(await client.patch("/v1/uploads/u1", content=b"x"), 422) == "upload_offset_missing"
