"""The short set of faults on real servers; the whole set is `make chaos FAULTS=…`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.faults.full import report
from tests.faults.full.faults import FAULTS
from tests.faults.full.run import Plan, run
from tests.faults.full.soak import SOAK
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """A separate broker, so that faults do not affect other tests."""
    broker = Kafka()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def mongo() -> Iterator[ReplicaSet]:
    servers = ReplicaSet()
    yield servers
    servers.stop()


@pytest.mark.needs_kafka
@pytest.mark.needs_mongo
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    os.environ.get("CI") != "true", reason="runs in .ci/run; by hand: make chaos FAULTS=R05,R18,R21,R22,R25"
)
@pytest.mark.parametrize(
    "fault", ["R05", *(pytest.param(fault, marks=pytest.mark.nightly) for fault in ("R18", "R21", "R22", "R25"))]
)
async def test_fault_under_load_breaks_no_guarantee(fault: str, kafka: Kafka, mongo: ReplicaSet) -> None:
    found = await run(fault, Plan(1, kills=1 if fault == "R05" else 2, seconds=6, rate=8), kafka=kafka, mongo=mongo)
    print(json.dumps(found, ensure_ascii=False))
    assert found["failure"] is None
    assert found["violations"] == []
    assert found["submit_ok"] > 20 and found["command_ok"] > 20


def test_fault_table_matches_records() -> None:
    text = report.PAGE.read_text(encoding="utf-8")
    assert report.page(text) == text, "python -m tests.faults.full.report"
    assert report.WHAT.keys() == FAULTS.keys() | {SOAK}
    assert all(run["fault"] in report.WHAT for run in report.recorded())


def test_failed_run_is_shown_as_failed() -> None:
    failed = {**report.recorded()[-1], "fault": "R01", "failure": "it did not\ncome to rest", "violations": []}
    assert "failed: it did not come to rest" in report.table([failed])
