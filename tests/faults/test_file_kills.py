"""kill -9 at twelve places between blob, upload record, event and message: no acknowledged file is lost, no event is without its
blob, no message reaches a gateway that deduplicates twice, and every entry reaches the webhook.

HUIYIN_FILE_KILLS sets how many kills; `make nightly` asks for 1,000.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from deploy.modes.embedded import opened
from services.intake.messages.outgoing import Message, fold
from shared.application.ports import Ports
from shared.events.files import FileAttached
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.settings import Settings
from shared.operations.blob_copy import verify_blobs
from tests.faults.file_kills import acknowledged, content_of, settings_of, told, uploads_of
from tests.support.county import DEMO, MORNING
from tests.support.shifted_clock import ShiftedClock

KILLS = int(os.environ.get("HUIYIN_FILE_KILLS", "12"))
SEED = int(os.environ.get("HUIYIN_SEED", "1"))
PLACES = (
    *(
        "blob.written",
        "blob.stored",
        "upload.saved",
        "upload.finished",
        "upload.attached",
        "log.appended",
        "blob.swept",
        "consumer.reacts",
        "outbox.told",
        "message.sending",
        "message.sent",
        "webhook.sent",
    ),
)
ROOT = Path(__file__).parents[2]


@contextmanager
def receiving() -> Iterator[tuple[int, list[str]]]:
    """A receiver of webhooks: its port, and the ids that it took."""
    taken: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            taken.append(self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, taken
        server.shutdown()


def killed(folder: Path, port: int) -> Counter[str]:
    """How often a process was killed at each place."""
    rng, kills = random.Random(SEED), Counter[str]()
    command = [sys.executable, "-m", "tests.faults.file_kills", str(folder), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        for turn in range(10 * KILLS):
            if kills.total() >= KILLS:
                break
            place = min(PLACES, key=lambda one: kills[one])  # the same number at each
            server.stdin.write(f"{SEED * 10_000 + turn} {place} {rng.choice((0.1, 0.4, 1.0))}\n")
            server.stdin.flush()
            status = int(server.stdout.readline())
            assert status in (0, -9), f"the process failed after a kill: {status}"
            kills[place] += status == -9
        server.stdin.close()
    return kills


async def later(folder: Path) -> None:
    """What waited for the day, or for the next attempt, is sent in the next days."""
    for day in range(20, 24):
        clock = ShiftedClock(MORNING + timedelta(days=day))
        async with opened(folder / "data", settings_of(folder), clock=clock, tasks=False) as process:
            await told(process)
            await told(process)


async def messages_of(ports: Ports) -> dict[str, list[Message]]:
    """Case -> its messages."""
    found: dict[str, list[RecordedEvent]] = {}
    async for commits in ports.log.scan("messages/"):
        for commit in commits:
            found.setdefault(commit.stream.removeprefix("messages/"), []).extend(commit.recorded)
    return {case: list(fold(events).values()) for case, events in found.items()}


@pytest.mark.timeout(3600)
async def test_killed_process_loses_no_acknowledged_file(tmp_path: Path) -> None:
    with receiving() as (port, taken):
        kills = killed(tmp_path, port)
        await later(tmp_path)
    assert kills.total() >= KILLS
    assert all(kills[place] for place in PLACES), kills
    known = acknowledged(tmp_path)
    files = 0
    async with opened(tmp_path / "data", Settings(), feed=False, tasks=False) as process:
        ports = process.ports
        assert [one async for one in verify_blobs(ports.log, ports.blobs)] == [], "every event has its blob, whole"
        blobs: Counter[str] = Counter()
        for item, case in known.items():
            commits = await ports.log.load(f"case/{case}")
            events = [one for commit in commits for one in commit.recorded if isinstance(one.body, FileAttached)]
            found = []
            for event in events:
                assert isinstance(event.body, FileAttached)
                blobs[event.body.blob] += 1
                (key,) = [part.values["key"] for part in await open_sealed(ports.keys, [event], frozenset({"file"}))]
                pieces = [piece async for piece in ports.files.open_file(event.body.blob, key)]
                found.append(b"".join(pieces))
            assert found == [content_of(upload) for upload in uploads_of(item)], item
            files += len(found)
        entries = [
            f"inbox/{DEMO}/zj/{event.version}"
            for commit in await ports.log.load(f"inbox/{DEMO}/zj")
            for event in commit.recorded
        ]
        assert list(dict.fromkeys(taken)) == entries, "every entry reached the webhook, in order"
        messages = await messages_of(ports)
        assert set(known.values()) <= messages.keys(), "every petitioner is told"
        assert all([one.kind for one in each] == ["registered"] for each in messages.values()), "and once"
        assert all(one.state == "sent" for each in messages.values() for one in each)
        assert max(blobs.values()) == 1, "no file is in two events"
    spooled = [orjson.loads(path.read_bytes())["effect_id"] for path in (tmp_path / "spool").glob("*.json")]
    assert sorted(spooled) == sorted(one.id for each in messages.values() for one in each)
    assert len(known) == len(set(known.values()))
    print(
        f"\n{kills.total()} kills at {len(kills)} places, {len(known)} filings with {files} files, all open;"
        f" {len(spooled)} messages, none twice; {len(entries)} entries sent {len(taken)} times"
    )
