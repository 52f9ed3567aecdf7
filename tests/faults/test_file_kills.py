"""kill -9 between blob, upload record and event: no acknowledged file is lost, and no event is without its blob.

HUIYIN_FILE_KILLS sets how many kills; `make nightly` asks for 1,000.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from deploy.modes.embedded import opened
from shared.events.files import FileAttached
from shared.eventstore.field_encryption import open_sealed
from shared.kernel.settings import Settings
from shared.operations.blob_copy import verify_blobs
from tests.faults.file_kills import acknowledged, content_of, uploads_of

KILLS = int(os.environ.get("HUIYIN_FILE_KILLS", "40"))
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
    ),
)
ROOT = Path(__file__).parents[2]


def killed(folder: Path) -> Counter[str]:
    """How often a process was killed at each place."""
    rng, kills = random.Random(SEED), Counter[str]()
    command = [sys.executable, "-m", "tests.faults.file_kills", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        for turn in range(10 * KILLS):
            if kills.total() >= KILLS:
                break
            place = PLACES[turn % len(PLACES)]
            server.stdin.write(f"{SEED * 10_000 + turn} {place} {rng.choice((0.1, 0.4, 1.0))}\n")
            server.stdin.flush()
            status = int(server.stdout.readline())
            assert status in (0, -9), f"the process failed after a kill: {status}"
            kills[place] += status == -9
        server.stdin.close()
    return kills


@pytest.mark.timeout(3600)
async def test_killed_process_loses_no_acknowledged_file(tmp_path: Path) -> None:
    kills = killed(tmp_path)
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
        assert max(blobs.values()) == 1, "no file is in two events"
    assert len(known) == len(set(known.values()))
    print(f"\n{kills.total()} kills at {len(kills)} places, {len(known)} filings with {files} files, all open")
