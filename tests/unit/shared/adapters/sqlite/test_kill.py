"""`kill -9` while writing: acknowledged commits are kept."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

from shared.adapters.sqlite.event_store import SqliteEventStore

PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from shared.adapters.sqlite.event_store import SqliteEventStore
from tests.support.commits import commit

async def main():
    log = SqliteEventStore(Path(sys.argv[1]))

    async def writer(name):
        stream = f"case/{name}"
        while True:
            known = await log.load(stream)
            written = await log.append(commit(stream, after=known[-1] if known else None, cause=os.urandom(8).hex()))
            os.write(1, f"{stream} {written.last} {written.hash}\\n".encode())

    await asyncio.gather(*(writer(f"{sys.argv[2]}-{number % 20}" if number < 4 else number) for number in range(16)))

asyncio.run(main())
"""


def test_ten_kills_lose_no_acknowledged_commit(tmp_path: Path) -> None:
    random = Random(9)
    path = tmp_path / "log.sqlite"
    acknowledged: dict[tuple[str, int], str] = {}
    for round_ in range(10):
        with (tmp_path / "out").open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(path), str(round_)], stdout=out, cwd=Path(__file__).parents[5]
            )
            end = time.monotonic() + 20
            while (tmp_path / "out").stat().st_size == 0 and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(random.random() * 0.2)
            child.send_signal(signal.SIGKILL)
            child.wait()
        lines = (tmp_path / "out").read_text().split("\n")[:-1]
        assert lines
        for line in lines:
            stream, last, hash_ = line.split()
            acknowledged[stream, int(last)] = hash_

    async def check() -> None:
        log = SqliteEventStore(path)
        stored = {(each.stream, each.last): each.hash async for part in log.scan() for each in part}
        assert {place: stored.get(place) for place in acknowledged} == acknowledged
        assert [finding async for finding in log.verify()] == []
        await log.close()

    asyncio.run(check())
    assert len(acknowledged) > 100
