"""R16 on the real process: the wall clock jumps by an hour or a day and is put right again. No deadline fires early, each
fires once.

libfaketime changes what the process reads as wall clock; the monotonic clock stays true, so that the two part.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from shared.kernel.legal_time import instant_from_text
from tests.faults.checker import Op, check, read_log
from tests.faults.filing import Filing
from tests.faults.server import Server
from tests.faults.test_kill import quiet
from tests.faults.tools import libfaketime

HOUR = 3600
STEPS = (HOUR, -HOUR, 24 * HOUR)
DUE = datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
"""Midnight in the demo county: the end of the fifteenth day for what was received on 2 March (C1)."""
BEFORE = 50 * 60
"""Seconds before it at which the process begins: a clock that is an hour ahead has passed it already."""
CASES = 24
RIGHT = (("xs", "02"), ("xs", "03"))
RUNGS = ("Reminded", "DeadlineAtRisk", "DeadlineBreached")


class WallClock:
    """The file that sets the process's wall clock: true time, shifted to `base`, plus an error."""

    def __init__(self, path: Path, base: datetime | None = None) -> None:
        self._path = path
        self._base = (base - datetime.now(UTC)).total_seconds() if base is not None else 0.0
        self.wrong_by(0)

    def wrong_by(self, seconds: float) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(f"{self._base + seconds:+.3f}\n")
        draft.replace(self._path)

    def move_to(self, moment: datetime) -> None:
        """From now on this is the true time."""
        self._base = (moment - datetime.now(UTC)).total_seconds()
        self.wrong_by(0)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


SHOWN = (
    "import time; w, m = time.time(), time.monotonic(); print(flush=True); input();"
    " print(time.time() - w, time.monotonic() - m)"
)


def test_faketime_shifts_wall_clock(tmp_path: Path) -> None:
    """Python's wall clock jumps and its monotonic clock does not: else the test below would prove nothing."""
    clock = WallClock(tmp_path / "clock")
    process = subprocess.Popen(
        [sys.executable, "-c", SHOWN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**clock.environment, "FAKETIME_NO_CACHE": "1"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    clock.wrong_by(HOUR)
    output, _ = process.communicate("\n", timeout=20)
    wall, steady = map(float, output.split())
    assert HOUR - 1 < wall < HOUR + 20
    assert 0 <= steady < 20


@pytest.mark.nightly
async def test_wall_clock_jump_is_detected_and_corrected(tmp_path: Path) -> None:
    clock = WallClock(tmp_path / "clock", DUE - timedelta(seconds=BEFORE))
    server = Server(tmp_path / "data", **clock.environment)
    await asyncio.to_thread(server.prepare)
    filing = Filing(server)
    await server.start()
    try:
        async with server.client() as desk, server.client("operations") as operations:
            old = [await received(desk, filing, f"old-{number}") for number in range(CASES)]
            await quiet(server)
            assert fired(tmp_path) == {}, "it is night: nobody is reminded"
            for small in range(1, 31):  # 30 times 100 ms
                clock.wrong_by(small / 10)
                await asyncio.sleep(0.01)
            clock.wrong_by(0)
            for jumps, step in enumerate(STEPS, 1):
                clock.wrong_by(step)
                await until(operations, "huiyin_clock_wrong", 1)
                assert await figure(operations, "huiyin_clock_jumps_total") == jumps
                before = fired(tmp_path)
                answer = await desk.post("/v1/submissions", json=_filing(f"wrong-{jumps}"))
                assert (answer.status_code, answer.json()["code"]) == (503, "clock_wrong"), "nothing is recorded"
                await asyncio.sleep(1.2)
                assert fired(tmp_path) == before, "paused: nothing fires, early or not"
                clock.wrong_by(0)
                await until(operations, "huiyin_clock_wrong", 0)
            filing.matters = RIGHT
            await filing.many(4, 1, "right")
            await quiet(server)
            clock.move_to(
                DUE + timedelta(seconds=1)
            )  # the deadline has passed, but the ticker does not trust the clock
            await until(operations, "huiyin_clock_wrong", 1)
            assert fired(tmp_path) == {}
            assert (await operations.post("/local/clock:accept")).status_code == 200
            await rungs_are(tmp_path, {"Reminded": 2 * CASES, "DeadlineBreached": CASES})
            await asyncio.sleep(1.5)
            await quiet(server)
            assert await figure(operations, "huiyin_clock_jumps_total") == len(STEPS) + 1, server.output()[-2000:]
        assert server.stop() == 0
    finally:
        server.kill()
    log = read_log(tmp_path / "data" / "log.sqlite")
    assert check(filing.history, log) == []
    breaches = Counter(commit.stream for commit, event in log.events if event["type"] == "DeadlineBreached")
    assert breaches == {f"case/{case}": 1 for case in old}
    last: dict[str, str] = {}
    for commit, event in log.events:
        if event["type"] == "DeadlineBreached":
            assert 0 <= (DUE - instant_from_text(event["effective_at"])).total_seconds() <= 1
            assert event["recorded_at"] >= event["effective_at"], "early"
        assert last.get(commit.stream, "") <= event["recorded_at"], "recorded_at never goes back in a stream"
        last[commit.stream] = event["recorded_at"]
    alarms = [
        json.loads(line) for line in server.output().splitlines() if '"clock_wrong"' in line and '"seconds"' in line
    ]
    assert [round(one["seconds"], -2) for one in alarms][:3] == list(STEPS)


def _filing(item: str) -> dict[str, str]:
    return {
        "channel": "web",
        "item": item,
        "text": "路灯不亮",
        "place": "sl",
        "subject": "07",
        "received_at": "2026-03-02",
    }


async def received(desk: httpx.AsyncClient, filing: Filing, item: str) -> str:
    """Registered on 2 March and not yet routed: the dispatch clock is running."""
    answer = await desk.post("/v1/submissions", json=_filing(item))
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    filing.history.append(Op("submit", item, "ok", receipt["case"], receipt["number"]))
    return str(receipt["case"])


def fired(place: Path) -> Counter[str]:
    log = read_log(place / "data" / "log.sqlite")
    return Counter(event["type"] for _commit, event in log.events if event["type"] in RUNGS)


async def rungs_are(place: Path, wanted: dict[str, int]) -> None:
    for _ in range(400):
        if fired(place) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{fired(place)} after 40 s, not {wanted}")


async def figure(operations: httpx.AsyncClient, name: str) -> float:
    lines = (await operations.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


async def until(operations: httpx.AsyncClient, name: str, wanted: float) -> None:
    for _ in range(100):
        if await figure(operations, name) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{name} is not {wanted} after 10 s")
