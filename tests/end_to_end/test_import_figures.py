"""Figures of a real export in every cell by organisation and month, against SQL over the file itself."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from services.analytics.statistics.as_of import facts_as_of
from services.analytics.statistics.models import StatsQuery
from services.analytics.statistics.query import query
from tests.support.county import County, county
from tests.support.history_import import imported

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HUIYIN_EVAL_DATA", "/nonexistent"))
REQUESTS = DATA / "311/nyc_10000.csv.gz"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HERE = "us-ny-nyc"
needs_data = pytest.mark.skipif(not REQUESTS.exists(), reason="not run: HUIYIN_EVAL_DATA names no data")


async def ready(here: County) -> None:
    from services.supervision.policy_activation import activate
    from tests.support.history_import import OPERATIONS

    document: dict[str, Any] = {"code": HERE, "name": "New York", "zone": "America/New_York"}
    await activate(here.ports.handling("supervision"), OPERATIONS, HERE, {"jurisdiction": document})


async def cells(here: County, **asked: Any) -> dict[tuple[str, str, str], tuple[int, int, float | None]]:
    """(measure, organisation, month) -> denominator, unknown, value."""
    facts = await facts_as_of(here.ports.log, here.ports.policies, NOW)
    try:
        result = await query(facts, StatsQuery(**asked), NOW)
    finally:
        await facts.close()
    return {
        (one.measure, one.group["organisation"], one.group.get("month", "")): (one.denominator, one.unknown, one.value)
        for one in result.figures
        if one.denominator or one.unknown
    }


def told(sql: str) -> dict[tuple[str, str], list[Any]]:
    """(organisation, month) -> the further columns of a query over the file."""
    source = f"read_csv('{REQUESTS}', all_varchar = true)"
    rows = duckdb.connect().execute(sql.replace("SOURCE", source)).fetchall()
    return {(row[0], row[1]): list(row[2:]) for row in rows}


MONTH = "left(created_date, 7)"
CLOSED = "left(closed_date, 7)"


@needs_data
async def test_every_cell_by_organisation_and_month_equals_sql(tmp_path: Path) -> None:
    mapping = (ROOT / "examples/mappings/nyc.yaml").read_text("utf-8")
    async with county(start=NOW, seed=None) as here:
        await ready(here)
        report = await imported(here, tmp_path, REQUESTS, mapping, jurisdiction=HERE)
        assert (report.rows, report.added, report.clean) == (10000, 10000, True), report.problems
        got = await cells(
            here, by=("organisation", "month"), measures=("registered", "closed", "elapsed_closing_median")
        )
        stock = await cells(here, by=("organisation",), period="2026-06-01..2026-06-28", measures=("backlog",))
        earlier = await cells(here, by=("organisation",), period="2026-05", measures=("backlog",))

    def of(measure: str) -> dict[tuple[str, str], int]:
        return {(org, month): cell[0] for (name, org, month), cell in got.items() if name == measure and cell[0]}

    registered = told(f"SELECT agency, {MONTH}, count(*) FROM SOURCE GROUP BY ALL")
    assert of("registered") == {key: one[0] for key, one in registered.items()}
    closed = told(f"SELECT agency, {CLOSED}, count(*) FROM SOURCE WHERE closed_date IS NOT NULL GROUP BY ALL")
    assert of("closed") == {key: one[0] for key, one in closed.items()}
    # times between two changes of summer time: the difference of instants
    seconds = (
        "date_diff('microsecond', timezone('America/New_York', created_date::TIMESTAMP), "
        "timezone('America/New_York', closed_date::TIMESTAMP)) / 1e6"
    )
    median = told(
        f"SELECT agency, {CLOSED}, quantile_disc({seconds}, 0.5) / 86400 FROM SOURCE WHERE closed_date IS NOT NULL GROUP BY ALL"
    )
    values = {
        (org, month): cell[2]
        for (name, org, month), cell in got.items()
        if name == "elapsed_closing_median" and cell[0]
    }
    assert values.keys() == median.keys()
    for key, one in median.items():
        assert values[key] == pytest.approx(one[0]), key
    for day, found in (("2026-06-28", stock), ("2026-05-31", earlier)):
        open_then = told(
            f"SELECT agency, '', count(*) FROM SOURCE WHERE left(created_date, 10) <= '{day}' "
            f"AND (closed_date IS NULL OR left(closed_date, 10) > '{day}') GROUP BY ALL"
        )
        assert {(org, month): cell[0] for (_, org, month), cell in found.items()} == {
            key: one[0] for key, one in open_then.items()
        }
        assert all(cell[1] == 0 for cell in found.values())
