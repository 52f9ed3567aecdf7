"""An import that is killed several times and resumed gives the same result as an undisturbed one."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

from tests.faults.server import HUIYIN
from tests.support.process import huiyin

ROWS = 600
KILLS = int(os.environ.get("HUIYIN_IMPORT_KILLS", "2"))
"""`make nightly` asks for ten."""
MAPPING = """
jurisdiction: cn-demo
source: {format: csv, zone: Asia/Shanghai}
channel: {constant: web}
item: {column: id}
filing:
  received_at: {column: filed}
  title: {column: title}
  text: {column: text}
  place: {column: place}
  name: {column: who}
steps:
  - event: ReplyDelivered
    date: {column: replied}
    fields: {text: {column: reply}}
"""


def export(folder: Path) -> tuple[Path, Path]:
    """An invented export with a reply for two rows of three."""
    rng = random.Random(5)
    file = folder / "export.csv"
    with file.open("w", encoding="gb18030", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "filed", "title", "text", "place", "who", "reply", "replied"])
        for row in range(ROWS):
            day, later = rng.randint(1, 27), rng.randint(1, 27)
            reply = ["已处理", f"2025-04-{later:02d} 15:30:00"] if row % 3 else ["", ""]
            writer.writerow(
                [
                    f"R{row}",
                    f"2025-03-{day:02d} 09:{row % 60:02d}:00",
                    "路灯",
                    "路灯不亮" * rng.randint(1, 60),
                    "dh",
                    "某",
                    *reply,
                ]
            )
    mapping = folder / "mapping.yaml"
    mapping.write_text(MAPPING, "utf-8")
    return file, mapping


def from_nothing(data: Path, *words: str) -> list[str]:
    return [str(HUIYIN), *words, "--data", str(data)]


def run(data: Path, *words: str) -> str:
    done = huiyin(*words, "--data", str(data))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outcome(data: Path) -> str:
    return str(json.loads(run(data, "digest", "--json"))["outcome"])


def killed(data: Path, words: list[str], after: float) -> bool:
    """Start, kill -9 after so many seconds; False when it was done before that."""
    with subprocess.Popen(
        from_nothing(data, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        deadline = time.monotonic() + after
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return False
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return True


def test_kills_do_not_change_import_result(tmp_path: Path) -> None:
    file, mapping = export(tmp_path)
    words = ["import", str(file), "--mapping", str(mapping)]
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    for data in (calm, rough):
        run(data, "policy", "activate", "demo", "--from", "2020-01-01")
    began = time.monotonic()
    subprocess.run(from_nothing(calm, *words), check=True, capture_output=True, timeout=240)  # as those that are killed
    whole = time.monotonic() - began
    rng = random.Random(3)
    kills = sum(killed(rough, words, rng.uniform(0.3, 0.9) * whole) for _ in range(KILLS))
    assert kills >= 1
    assert json.loads(run(rough, *words, "--json"))["refused"] == 0
    assert outcome(rough) == outcome(calm)
    again = json.loads(run(rough, *words, "--json"))
    assert (again["added"], again["steps_added"]) == (0, 0)
    assert "0" in run(rough, "verify", "--json")
