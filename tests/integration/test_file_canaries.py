"""Canaries in what files and messages carry: names, EXIF, PDF metadata, texts, telephone numbers, addresses of webhooks and the
answers of their servers. Looked through: every byte of the data folder, metrics, log lines, errors, and answers to outsiders."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from shared.hosting.log_format import configure
from shared.hosting.process import Process
from shared.kernel.settings import load
from shared.policy.loading.loader import bundled
from tests.integration.test_canaries import as_
from tests.support import sample_files as files
from tests.support.canaries import Canaries
from tests.support.county import MORNING
from tests.support.receiver import Request, answer, receiving
from tests.support.shifted_clock import ShiftedClock

PHONES = ("13877310001", "13877310002")
DESK = as_("registrar:xfj")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    configure("debug")
    settings = load(
        data=tmp_path / "data",
        gateway_sms=f"spool:{tmp_path / 'spool'}",
        outbound_networks="127.0.0.0/8",
        jurisdiction="cn-demo",
    )
    async with opened(settings.data, settings, create=True, clock=ShiftedClock(MORNING)) as runtime:
        transport = httpx.ASGITransport(build_owner_app(runtime))
        async with httpx.AsyncClient(transport=transport, base_url="http://huiyin") as client:
            sections = {one.section: one.document for one in bundled("demo")}
            wanted = {"jurisdiction": "cn-demo", "sections": sections, "effective_at": "2020-01-01"}
            found = await client.post("/v1/policies:activate", json=wanted, headers=as_("operations"))
            assert found.status_code == 200, found.text
            yield runtime, client


async def send(client: httpx.AsyncClient, data: bytes, upload: str, name: str) -> httpx.Response:
    headers = {**DESK, "Upload-Id": upload, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return await client.post("/v1/files", content=data, headers=headers)


def photograph(birds: Canaries) -> bytes:
    out = io.BytesIO()
    exif = files.exif(1, maker=birds.new("maker").encode("unicode_escape").decode())
    files.picture().save(out, "JPEG", exif=exif, comment=birds.new("comment").encode())
    return out.getvalue()


def scan(birds: Canaries) -> bytes:
    author = birds.new("author").encode("utf-16-be").hex().encode()
    return files.pdf(b"<</Author <FEFF" + author + b">/Title (" + birds.new("heading").encode() + b")>>")


async def filed(client: httpx.AsyncClient, birds: Canaries) -> tuple[dict[str, Any], list[str]]:
    """A case with three files and a telephone number, and what was answered on the way."""
    contents = {
        "photo": photograph(birds),
        "scan": scan(birds),
        "text": birds.new("letter").encode() * 30,
    }
    for upload, data in contents.items():
        made = await send(client, data, upload, f"{birds.new('name of ' + upload)}.bin")
        assert made.status_code == 201, made.text
    bad = [
        await send(client, files.SVG + birds.new("svg").encode(), "bad-1", birds.new("bad name")),
        await send(client, scan(birds) + birds.new("tail").encode(), "bad-2", birds.new("bad name")),
        await send(client, b"MZ\x90\0" + birds.new("program").encode(), "bad-3", birds.new("bad name")),
        await client.post(
            "/v1/files",
            content=b"x",
            headers={**DESK, "Upload-Id": quote(birds.new("id")), "Repr-Digest": quote(birds.new("digest"))},
        ),
        await client.patch(
            f"/v1/uploads/{quote(birds.new('other'))}", content=b"x", headers={**DESK, "Upload-Offset": "0"}
        ),
        await client.get(f"/v1/files/{quote(birds.new('case'))}/2", headers=DESK),
    ]
    assert all(400 <= one.status_code < 500 for one in bad), [one.text for one in bad]
    filing = {
        "channel": "web",
        "item": "files-1",
        "text": birds.new("matter"),
        "place": "dh-yl",
        "subject": "0102",
        "files": list(contents),
        "petitioner": {"name": birds.new("name"), "phone": PHONES[0]},
        "agent": {"name": birds.new("agent"), "phone": PHONES[1]},
    }
    receipt = await client.post("/v1/submissions", json=filing, headers=DESK)
    assert receipt.status_code == 201, receipt.text
    return receipt.json(), [one.text for one in bad] + [receipt.text]


async def hooked(runtime: Process, client: httpx.AsyncClient, birds: Canaries, case: str) -> list[str]:
    """A webhook whose address and whose server's answers hold canaries; what those see who do not own it."""

    def failing(_request: Request) -> bytes:
        return answer(500, body=birds.new("answer").encode())

    async with receiving(failing) as server:
        url = f"{server.url}/{quote(birds.new('path'))}"
        owner = as_("organisation:zj")
        wanted = {"command_id": "hook", "url": url, "after": 0}
        added = await client.post("/v1/webhooks", json=wanted, headers=owner)
        assert added.status_code in (200, 201), added.text
        tried = await client.post(f"/v1/webhooks/{added.json()['id']}:test", headers=owner)
        assert tried.status_code == 200, tried.text
        sender = next(part.webhooks for part in runtime.parts if part.name == "routing")
        assert sender is not None
        await sender.look()
        await sender.round()
        await sender.idle()
        assert server.got
        refused = {"command_id": "hook-2", "url": f"https://10.0.0.1/{quote(birds.new('inside'))}", "after": 0}
        wrong = await client.post("/v1/webhooks", json=refused, headers=owner)
        assert wrong.status_code == 422, wrong.text
        others = [
            await client.get("/v1/webhooks", headers=as_("operations")),
            await client.get(f"/v1/cases/{case}", headers=as_("clerk:jy")),
        ]
        return [wrong.text, *(one.text for one in others)]


async def test_canaries_of_files_and_messages_do_not_leak(
    here: tuple[Process, httpx.AsyncClient], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runtime, client = here
    birds = Canaries()
    receipt, shown = await filed(client, birds)
    for _ in range(3):
        await runtime.drain()
        for sender in next(part.senders for part in runtime.parts if part.name == "intake"):
            await sender.round()  # type: ignore[attr-defined]
            await sender.idle()  # type: ignore[attr-defined]
    sent = "".join(path.read_text("utf-8") for path in (tmp_path / "spool").rglob("*") if path.is_file())
    assert PHONES[0] in sent, "the gateway gets the number: otherwise this test sees nothing at all"
    assert birds.found_in(sent) == [], "a message says nothing of the matter"
    shown += await hooked(runtime, client, birds, receipt["case"])
    listed = (await client.get(f"/v1/files/{receipt['case']}", headers=DESK)).json()["files"]
    assert any(birds.found_in(one["name"] or "") for one in listed), "the desk reads the names"
    for one in listed:
        content = (await client.get(f"/v1/files/{receipt['case']}/{one['version']}", headers=DESK)).content
        if one["media_type"] == "image/jpeg":
            assert birds.found_in_bytes(content) == []
            with Image.open(io.BytesIO(content)) as image:
                assert not image.getexif()
    metrics = await client.get("/metrics", headers=as_("operations"))
    for reader in ("clerk:jy", "analyst", "operations"):
        for path in (f"/v1/files/{receipt['case']}", "/v1/cases", "/v1/uploads/photo"):
            shown.append((await client.get(path, headers=as_(reader))).text)
    await asyncio.sleep(0.3)
    output = capfd.readouterr()
    looked = {"answers": "\n".join((*shown, metrics.text)).encode(), "logs": (output.out + output.err).encode()}
    folder = tmp_path / "data"
    looked |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for place, data in looked.items():
        assert birds.found_in_bytes(data) == [], place
        assert not any(phone.encode() in data for phone in PHONES), place
