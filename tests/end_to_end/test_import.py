"""Real exports, read in place: counts are compared with a ten-line oracle. Texts are never printed."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.intake.history.items import HistoryItem
from services.intake.history.recorder import record_batch
from services.intake.importer import mapping_file as mappings
from services.intake.importer.job import Report, import_file
from services.supervision.policy_activation import activate
from shared.commands.authorization import Principal
from shared.kernel.legal_time import elapsed, to_text
from shared.policy.loading.loader import load
from tests.support.county import DEMO, County, county

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HUIYIN_EVAL_DATA", "/nonexistent"))
MESSAGES = DATA / "taidi2020c/messages_with_replies.csv.gz"
REQUESTS = DATA / "311/baltimore_5000.csv.gz"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
OPERATIONS = Principal("operations", None, "k-ops")
BALTIMORE = "us-md-bal"


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason="data not present")


async def imported(here: County, path: Path, mapping: str, jurisdiction: str) -> Report:

    async def send(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows = [HistoryItem.model_validate(item) for item in items]
        found = await record_batch(rows, here.ports, principal=OPERATIONS, jurisdiction=jurisdiction)
        return [{**one._asdict(), "due": one.due._asdict() if one.due else None} for one in found]

    mapped = mappings.load(ROOT / "examples/mappings" / mapping)
    report = await import_file(send, path, mapped, rejects_path=here.folder / "rejects.csv")  # type: ignore[attr-defined]
    await here.settle()
    return report


def table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or ()), list(reader)


def written(path: Path, columns: list[str], rows: list[dict[str, str]]) -> Path:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), "utf-8", newline="")
    return path


async def outcome(here: County) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    async for commits in here.ports.log.scan("case/"):
        for commit in commits:
            for event in commit.recorded:
                told = (event.type, to_text(event.effective_at), event.body.model_dump_json())  # type: ignore[union-attr]
                found.setdefault(commit.stream, []).append(told)
    return {stream: sorted(events) for stream, events in found.items()}


async def types(here: County) -> Counter[str]:
    return Counter(kind for events in (await outcome(here)).values() for kind, _, _ in events)


async def latencies(here: County) -> list[timedelta]:
    found = []
    for stream in await outcome(here):
        case = await here.case(stream.removeprefix("case/"))
        if case.handling.replied_at is not None and case.filing.filed_at is not None:
            found.append(elapsed(case.filing.filed_at, case.handling.replied_at, "Asia/Shanghai"))
    return sorted(found)


def oracle(rows: list[dict[str, str]]) -> list[timedelta]:
    times: Callable[[str], datetime] = datetime.fromisoformat
    return sorted(times(row["reply_time"]) - times(row["time"]) for row in rows if row["reply_time"])


@needs(MESSAGES)
async def test_messages_with_replies_are_imported(tmp_path: Path) -> None:
    async with county(start=NOW, seed=None) as here:
        here.folder = tmp_path  # type: ignore[attr-defined]
        report = await imported(here, MESSAGES, "messages_with_replies.yaml", DEMO)
        assert (report.rows, report.added, report.steps_added, report.clean) == (2816, 2816, 2815, True)
        again = await imported(here, MESSAGES, "messages_with_replies.yaml", DEMO)
        assert (again.added, again.extended, again.same) == (0, 0, 2816)
        await here.tick()
        assert await types(here) == {"CaseRegistered": 2816, "PartyRecorded": 2816, "ReplyDelivered": 2815}
        found = await latencies(here)
    assert sum(one <= timedelta(days=15) for one in found) == 1732
    assert sum(one <= timedelta(days=60) for one in found) == 2656


@needs(MESSAGES)
@pytest.mark.parametrize("seed", range(3))
async def test_import_in_random_halves_equals_oracle(tmp_path: Path, seed: int) -> None:
    columns, rows = table(MESSAGES)
    half = random.Random(seed).sample(rows, len(rows) // 2)
    async with county(start=NOW, seed=None) as here:
        here.folder = tmp_path  # type: ignore[attr-defined]
        await imported(here, written(tmp_path / "half.csv", columns, half), "messages_with_replies.yaml", DEMO)
        assert await latencies(here) == oracle(half)


@needs(MESSAGES)
async def test_import_without_replies_is_completed_by_full_import(tmp_path: Path) -> None:
    columns, rows = table(MESSAGES)
    blank = [{**row, "reply": "", "reply_time": ""} for row in rows]
    ends = []
    for files in ((blank, rows), (rows,)):
        async with county(start=NOW, seed=None) as here:
            here.folder = tmp_path  # type: ignore[attr-defined]
            for some in files:
                path = written(tmp_path / "some.csv", columns, some)
                report = await imported(here, path, "messages_with_replies.yaml", DEMO)
            assert (report.added, report.steps_added) == (0 if len(files) == 2 else 2816, 2815)
            # ids follow from the deployment's key, which is another one in each county
            ends.append(sorted(str([(k, at) for k, at, _ in events]) for events in (await outcome(here)).values()))
    assert ends[0] == ends[1]


@needs(REQUESTS)
async def test_due_dates_of_another_law_are_imported(tmp_path: Path) -> None:
    async with county(start=NOW, seed=None) as here:
        here.folder = tmp_path  # type: ignore[attr-defined]
        sections = {entry.section: entry.document for entry in load(ROOT / "examples/policies/baltimore.yaml")}
        # without a date, as a new user does: the clocks state their own effective dates
        await activate(here.ports.handling("supervision"), OPERATIONS, BALTIMORE, sections)
        report = await imported(here, REQUESTS, "baltimore.yaml", BALTIMORE)
        assert (report.added, report.refused, report.bad_rows) == (5000, 0, 0)
        assert (report.dues_equal, report.dues_different, report.dues_not_derived) == (4865, 0, 0)
        closures = Counter()  # type: ignore[var-annotated]
        for stream in await outcome(here):
            closures[(await here.case(stream.removeprefix("case/"))).closure] += 1
        assert (closures["merged"], closures["guided"], closures[None]) == (102, 8, 114)
        await here.tick()
        assert set(await types(here)) == {"CaseRegistered", "CaseClosed"}
