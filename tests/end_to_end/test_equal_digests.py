"""One input in every storage form: embedded, full, migrated both ways, and rebuilt from the topic alone. The digests agree."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from deploy.demo.sample.complaints import complaints
from tests.end_to_end.test_full_mode import Process, asked, load, serving, settled
from tests.support.process import huiyin, server
from tests.support.servers import kafka, mongodb

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
MESSAGES = Path(os.environ.get("HUIYIN_EVAL_DATA", "/nonexistent")) / "taidi2020c/messages_with_replies.csv.gz"
STATS = (
    "/v1/stats?period=all",
    "/v1/stats?measures=registered&period=all&by=subject",
    "/v1/stats?period=all&by=organisation",
)
Fill = Callable[[Path, dict[str, str]], None]


def sample(data: Path, _place: dict[str, str]) -> None:
    """The closed cases of the bundled sample; open cases have times of their own."""
    load(data, [row for row in complaints(date(2026, 6, 1), "Asia/Shanghai") if not row["go_live"]])


def messages(data: Path, place: dict[str, str]) -> None:
    mapping = str(ROOT / "examples/mappings/messages_with_replies.yaml")
    given = ("--mapping", mapping, "--jurisdiction", "cn-demo", "--rejects", str(data.with_suffix(".rejects")))
    done = huiyin("import", str(MESSAGES), *given, "--data", str(data), **place)
    assert done.returncode == 0, done.stderr


def found(one: Process, fill: Fill, place: dict[str, str]) -> dict[str, Any]:
    """Fill it; then its digests and its statistics."""
    done = huiyin("policy", "activate", "demo", "--data", str(one.data), **place)
    assert done.returncode == 0, done.stderr
    fill(one.data, place)
    settled([one])
    return said(one)


def said(one: Process) -> dict[str, Any]:
    digests = asked(one.data, "GET", "/local/digest")
    stats = [asked(one.data, "GET", path) for path in STATS]
    for each in stats:
        del each["now"]
    return {**digests, "stats": stats}


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param(sample, marks=pytest.mark.nightly),
        pytest.param(
            messages,
            marks=pytest.mark.skipif(not MESSAGES.exists(), reason="not run: data not present (HUIYIN_EVAL_DATA)"),
        ),
    ],
)
def test_digests_and_statistics_agree_between_modes(tmp_path: Path, fill: Fill) -> None:
    name, secrets = uuid4().hex[:8], tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    place = {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}",
        "HUIYIN_SECRETS": str(secrets),
    }
    assert huiyin("topics", "apply", **place).returncode == 0
    with server(tmp_path / "embedded", sample=False) as alone:
        embedded = found(Process(tmp_path / "embedded", alone.process, alone.url), fill, {})
    with serving("all", tmp_path, place) as one:
        full = found(one, fill, place)
    assert full["outcome"] == embedded["outcome"]
    assert full["stats"] == embedded["stats"]

    # From the topic alone: an empty log, in an empty folder, with the same keys.
    (tmp_path / "again").mkdir()
    empty = {**place, "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}-again"}
    made = huiyin("rebuild", "--from", "topic", "--json", "--data", str(tmp_path / "again" / "all"), **empty)
    assert made.returncode == 0, made.stderr
    again = orjson.loads(made.stdout)
    assert (again["log"], again["views"]) == (full["log"], full["views"])
    assert (again["left_out"], again["strange_records"]) == (0, 0)
    twice = huiyin("rebuild", "--from", "topic", "--json", "--data", str(tmp_path / "again" / "all"), **empty)
    assert orjson.loads(twice.stdout)["commits_written"] == 0, (
        "beside a log that has everything it only builds the views"
    )
    with serving("all", tmp_path / "again", empty) as one:
        settled([one])
        assert said(one) == full, "and it works on as it did"
        findings = asked(one.data, "POST", "/local/verify")["findings"]
        assert {each["column"] for each in findings} == {"key"}, "the keys of texts are not on the topic"

    # There and back.
    back, there = tmp_path / "back", {**place, "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}-there"}
    for arguments, where in (
        (("--from", "mongodb", "--to", str(back)), place),
        (("--from", str(back), "--to", "mongodb"), there),
    ):
        moved = huiyin("migrate", *arguments, "--json", **where)
        assert moved.returncode == 0, moved.stderr
        assert orjson.loads(moved.stdout)["log_to"] == full["log"]
    built = huiyin("rebuild", "--data", str(back))
    assert built.returncode == 0, built.stderr
    digests = orjson.loads(huiyin("digest", "--json", "--data", str(back)).stdout)
    assert digests == {one: full[one] for one in ("log", "views", "outcome", "blobs")}, (
        "the views are the same in both modes, too"
    )
