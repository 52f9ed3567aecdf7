"""Processes that upload files, attach them to filings, send messages and webhooks about them, and are killed at a failpoint.

`python -m tests.faults.file_kills FOLDER PORT` imports everything once, and forks a process for each line of input, `SEED PLACE
PART`. It answers each with the status of that process. A webhook goes to the PORT of this machine, messages to a spool."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from deploy.modes.embedded import opened
from services.intake.commands.filing import FileCase, Person
from services.intake.messages.sender import MessageSender
from services.intake.registration import file_case
from shared.application.file_references import owner_of
from shared.application.ports import Ports
from shared.commands.attached_files import FileDetails
from shared.commands.authorization import Principal
from shared.eventstore.file_encryption import CHUNK
from shared.hosting.process import Process
from shared.kernel import failpoints
from shared.kernel.settings import Settings
from shared.messaging.member import Member
from shared.messaging.webhooks.endpoints import WebhookEndpoints
from shared.operations.blob_sweep import sweep
from tests.support.county import DEMO, MORNING, REGISTRAR, activate
from tests.support.shifted_clock import ShiftedClock

FILINGS = 3
"""Filings of one process at most. During the last one it dies at the place for certain, if it comes there."""
DETAILS = FileDetails("image/jpeg", "photo", "photo.jpg")
OWNER = owner_of(REGISTRAR)
ZJ = Principal("organisation", "zj", "k-zj", jurisdiction=DEMO)
TURNS = 10_000
"""A seed is this, times something, plus the number of the turn."""


def content_of(upload: str) -> bytes:
    """The same bytes for the same upload."""
    rng = random.Random(upload)
    return rng.randbytes(rng.choice((0, 1, 5_000, CHUNK, CHUNK + 1, 3 * CHUNK + 77)))


def uploads_of(item: str) -> list[str]:
    return [f"{item}-{number}" for number in range(random.Random(item).choice((1, 1, 2)))]


def acknowledged(folder: Path) -> dict[str, str]:
    """Item -> case, of the filings whose answer arrived."""
    path = folder / "acknowledged"
    return dict(line.split() for line in path.read_text().splitlines() if " " in line) if path.exists() else {}


@cache
def settings_of(folder: Path) -> Settings:
    return Settings(gateway_sms=f"spool:{folder / 'spool'}", outbound_networks="127.0.0.0/8")


def hour_of(turn: int) -> datetime:
    """When the process of this turn begins."""
    return MORNING + timedelta(minutes=2 * turn)


async def prepare(folder: Path, port: int) -> None:
    clock = ShiftedClock(MORNING - timedelta(hours=1))
    async with opened(folder / "data", settings_of(folder), clock=clock, feed=False, tasks=False) as process:
        await activate(process.ports, "demo", DEMO, date(2000, 1, 1))
        url = f"http://127.0.0.1:{port}/hook"
        await WebhookEndpoints(process.ports).add(ZJ, Member(DEMO, "zj"), url, (), 0, "prepare")


async def told(process: Process) -> None:
    """Let everything follow from what was filed, and send what is to be sent."""
    await process.ports.feed.drain()  # groups do not wait to gather more
    for part in process.parts:
        for sender in part.senders:
            assert isinstance(sender, MessageSender)
            await sender.round()
            await sender.idle()
        if part.webhooks is not None:
            await part.webhooks.look()
            await part.webhooks.round()
            await part.webhooks.idle()


async def _some(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 20_000):
        yield content[at : at + 20_000]


async def _sent(ports: Ports, upload: str, rng: random.Random) -> None:
    """Send the file in parts, from wherever the upload stands."""
    content = content_of(upload)
    status = await ports.files.begin_upload(OWNER, upload, size=len(content), details=DETAILS)
    while not status.complete and status.offset < len(content):
        part = content[status.offset : status.offset + rng.choice((1_000, CHUNK, len(content)))]
        if status.offset + len(part) == len(content) and rng.random() < 0.6:  # the last part and the end in one
            await ports.files.receive(OWNER, upload, status.offset, _some(part))
            break
        status = await ports.files.append(OWNER, upload, status.offset, _some(part))
    await ports.files.finish(OWNER, upload, details=DETAILS)


async def _work(folder: Path, seed: int, place: str, part: float) -> None:
    rng = random.Random(seed)
    clock = ShiftedClock(hour_of(seed % TURNS))
    async with opened(folder / "data", settings_of(folder), clock=clock, tasks=False) as process:
        armed = failpoints._ARMED
        armed[place] = failpoints.Armed(True, part)
        ports, done = process.ports, len(acknowledged(folder))
        await sweep(ports, next(one for one in process.parts if one.name == "intake"))
        for number in range(done, done + FILINGS):
            if number == done + FILINGS - 1:
                armed[place] = failpoints.Armed(True, 1.0)
            item = f"item-{number}"
            for upload in uploads_of(item):
                await _sent(ports, upload, rng)
            command = FileCase(
                channel="web",
                item=item,
                text="路灯不亮",
                place="dh-yl",
                subject="0102",
                petitioner=Person(name="张三", phone="13800138000"),
                files=tuple(uploads_of(item)),
            )
            receipt = await file_case(ports.handling("intake"), REGISTRAR, command, DEMO, files=ports.files)
            with (folder / "acknowledged").open("a") as file:
                file.write(f"{item} {receipt.case}\n")
            await told(process)


def serve(folder: Path, port: int) -> None:
    asyncio.run(prepare(folder, port))
    print("ready", flush=True)
    for line in sys.stdin:
        seed, place, part = line.split()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asyncio.run(_work(folder, int(seed), place, float(part)))
                code = 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
