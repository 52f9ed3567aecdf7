"""`huiyin stats`: the request to the server, and the four output formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from openpyxl import load_workbook
from pyarrow import parquet
from rich.console import Console

from deploy.cli.stats import StatsOptions, run_stats
from services.analytics.fact_store.store import Facts
from services.analytics.fact_store.visibility import EVERYTHING
from services.analytics.http import router
from services.analytics.statistics.measures import MEASURES, VERSION
from services.analytics.statistics.models import Compared, Figure, StatsResult
from services.analytics.statistics.render import Lang, as_csv, as_json, as_parquet, as_table, as_xlsx, defused, sheet
from shared.application.problem import describe
from shared.commands.authorization import Principal
from shared.eventstore.recorded_event import RecordedEvent
from shared.http.authentication import who
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook
from tests.unit.services.analytics.test_fact_store import BOOK, NOW, J, LogOf, snapshot, stream_of

EVIL = "=HYPERLINK(1)"


def figure(**more: object) -> Figure:
    base: dict[str, object] = {
        "measure": "on_time_reply",
        "of": None,
        "group": {"organisation": "org1"},
        "shape": "rate",
        "unit": "",
        "numerator": 8,
        "denominator": 10,
        "unknown": 2,
        "value": 0.8,
        "wilson_low": 0.49,
    }
    return Figure.model_validate({**base, **more})


def result(*figures: Figure) -> StatsResult:
    return StatsResult(
        period="2025-03",
        first="2025-03-01",
        last="2025-03-31",
        now="2025-04-01T00:00:00.000000Z",
        by=("organisation",),
        cases=12,
        events=90,
        figures=figures or (figure(),),
        names={"org1": "某街道办事处"},
    )


COMPARED = Compared.model_validate(
    {
        "with": "month",
        "period": "2025-02",
        "numerator": 9,
        "denominator": 10,
        "unknown": 0,
        "value": 0.9,
        "difference": -0.1,
    }
)


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+86", "'+86"),
        ("-cmd", "'-cmd"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("-", "-"),
        ("-1.5", "-1.5"),
        (-1.5, -1.5),
        ("org1", "org1"),
        (None, None),
    ],
)
def test_csv_cells_are_never_formulas(cell: str | float | None, safe: str | float | None) -> None:
    assert defused(cell) == safe


def test_csv_has_exact_values_and_stable_columns() -> None:
    text = as_csv(result(figure(group={"organisation": EVIL}, compared=(COMPARED,))))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["organisation"] == "'" + EVIL
    assert (rows[0]["value"], rows[0]["difference_month"], rows[0]["denominator"]) == ("0.8", "-0.1", "10")
    assert (rows[0]["unit"], rows[0]["value_hours"]) == ("率", "")


@pytest.mark.parametrize(("lang", "name", "unit"), [("zh", "某街道办事处", "率"), ("en", "某街道办事处", "share")])
def test_every_code_has_its_name_and_every_value_its_unit_beside_it(lang: Lang, name: str, unit: str) -> None:
    columns, rows = sheet(result(), lang)
    row = dict(zip(columns, rows[0], strict=True))
    assert (row["organisation"], row["organisation_name"]) == ("org1", name)
    assert row["measure_name"] not in (None, row["measure"])
    assert row["unit"] == unit
    assert columns.index("organisation_name") == columns.index("organisation") + 1


def test_parquet_has_typed_columns_with_units_and_texts_that_are_no_formulas() -> None:
    content = as_parquet(result(figure(group={"organisation": EVIL}, compared=(COMPARED,))))
    table = parquet.read_table(io.BytesIO(content))
    (row,) = table.to_pylist()
    assert (row["value"], row["denominator"], row["organisation"]) == (0.8, 10, EVIL)
    assert (str(table.schema.field("value").type), str(table.schema.field("denominator").type)) == ("double", "int64")
    assert table.schema.field("denominator").metadata[b"unit"] == b"cases"
    assert parquet.read_table(io.BytesIO(as_parquet(result().model_copy(update={"figures": ()})))).num_rows == 0


def test_less_than_a_day_is_shown_in_hours() -> None:
    shown = figure(
        measure="elapsed_reply_median", shape="quantile", unit="days", value=0.25, wilson_low=None, numerator=None
    )
    out = io.StringIO()
    Console(file=out, width=160).print(as_table(result(shown), "en"))
    assert "6.0 h" in out.getvalue()
    columns, rows = sheet(result(shown))
    assert rows[0][columns.index("value_hours")] == 6


def test_xlsx_keeps_cell_types() -> None:
    content = as_xlsx(result(figure(group={"organisation": EVIL}, compared=(COMPARED,))))
    page = load_workbook(io.BytesIO(content)).active
    assert page is not None
    heads = [cell.value for cell in page[1]]
    assert heads[:7] == ["指标代码", "指标", "分项代码", "分项", "单位", "单位名称", "值"]
    assert "分母（件）" in heads
    assert (page["E2"].value, page["E2"].data_type) == (EVIL, "s")
    assert page["G2"].data_type == "n"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_table_shows_names_and_aligns_chinese(lang: str) -> None:
    out = io.StringIO()
    console = Console(file=out, width=160)
    console.print(as_table(result(figure(compared=(COMPARED,)), figure(group={"organisation": "[red]"})), lang))  # type: ignore[arg-type]
    text = out.getvalue()
    assert "某街道办事处 org1" in text
    assert "80.0 %" in text
    assert "-10.0 pp" in text
    assert "[red]" in text
    from rich.cells import cell_len

    body = [line for line in text.splitlines() if "│" in line]
    assert len({cell_len(line) for line in body}) == 1


def test_json_output_round_trips() -> None:
    answer = result(figure(compared=(COMPARED,)))
    assert StatsResult.model_validate_json(as_json(answer)) == answer
    assert json.loads(as_json(answer))["figures"][0]["compared"][0]["with"] == "month"


def client(status: int = 200, seen: list[httpx.URL] | None = None) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request.url)
        if status == 200:
            return httpx.Response(200, text=as_json(result()))
        return httpx.Response(status, json={"code": "wrong_period", "detail": "This is no period."})

    return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://test")


async def test_query_contains_given_options_only() -> None:
    seen: list[httpx.URL] = []
    options = StatsOptions(period="2025-03", by="organisation,month", as_of="2025-04-01")
    async with client(seen=seen) as server:
        assert await run_stats(server, options, Console(file=io.StringIO())) == 0
    assert dict(seen[0].params) == {"period": "2025-03", "by": "organisation,month", "as_of": "2025-04-01"}


@pytest.mark.parametrize(("status", "code"), [(422, 2), (403, 1), (503, 1)])
async def test_refusal_is_printed_without_traceback(status: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    async with client(status) as server:
        assert await run_stats(server, StatsOptions()) == code
    assert capsys.readouterr().err == "wrong_period: This is no period.\n"


@pytest.mark.parametrize("kind", ["table", "csv", "xlsx", "json"])
async def test_every_format_can_be_written_to_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"stats.{kind}"
    async with client() as server:
        assert await run_stats(server, StatsOptions(format=kind, output=path)) == 0  # type: ignore[arg-type]
    content = path.read_bytes()
    assert content.startswith({"table": "期间".encode(), "csv": b"\xef\xbb\xbf", "xlsx": b"PK", "json": b"{"}[kind])


async def test_unwritable_output_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("table", "csv", "xlsx", "json"):
        path = tmp_path / "nowhere" / kind
        async with client() as server:
            assert await run_stats(server, StatsOptions(format=kind, output=path)) == 2  # type: ignore[arg-type]
        told = capsys.readouterr().err
        assert f"{path} cannot be written: No such file or directory." in told


# ------------------------------------------------------------------ the catalogue and the route


def test_catalogue_describes_measures() -> None:
    page = (Path(__file__).parents[5] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert f"metric version {VERSION}" in page
    for measure in MEASURES:
        head = f"### `{measure.name}` {measure.zh} · {measure.en}\n"
        assert head in page
        entry = page.split(head)[1].split("\n### ")[0]
        for text in (measure.formula, measure.cohort, measure.excluded, ", ".join(measure.events)):
            assert text in entry, measure.name
    assert page.count("\n### `") == len(MEASURES)


NEXT = "next"
"""The jurisdiction next door: every third case is its."""


class _Clock:
    def now(self) -> datetime:
        return NOW


class _Ports:
    clock = _Clock()

    class policies:  # noqa: N801
        @staticmethod
        async def all() -> dict[str, PolicyBook]:
            return {J: BOOK, NEXT: BOOK}

        @staticmethod
        async def book(_jurisdiction: str) -> PolicyBook:
            return BOOK

    def __init__(self, streams: dict[str, list[RecordedEvent]]) -> None:
        self.log = LogOf(streams)


@asynccontextmanager
async def served(role: str = "analyst", jurisdiction: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    lives = [
        [event._replace(jurisdiction=J if number % 3 else NEXT) for event in stream_of(number)] for number in range(60)
    ]
    facts = Facts()
    await facts.write([snapshot(life) for life in lives])
    app = FastAPI()
    app.include_router(router(_Ports({life[0].stream: life for life in lives}), facts))  # type: ignore[arg-type]
    app.dependency_overrides[who] = lambda: Principal(role, None, "k1", jurisdiction=jurisdiction)  # type: ignore[arg-type]

    async def refused(_request: object, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return JSONResponse(describe(error), error.status)

    app.add_exception_handler(Refused, refused)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as server:
        yield server
    await facts.close()


async def test_http_route_serves_command(capsys: pytest.CaptureFixture[str]) -> None:
    async with served() as server:
        out = io.StringIO()
        options = StatsOptions(period="2025-Q2", by="organisation", compare="year")
        assert await run_stats(server, options, Console(file=out, width=200)) == 0
        assert "按期答复率" in out.getvalue()
        now = StatsResult.model_validate_json((await server.get("/v1/stats")).content)
        counted = sum(not EVERYTHING.hides(snapshot(stream_of(number)).case) for number in range(60))
        assert (now.cases, now.now) == (counted, "2025-09-01T00:00:00.000000Z")
        past = StatsResult.model_validate_json((await server.get("/v1/stats", params={"as_of": "2025-03-01"})).content)
        assert past.now == "2025-03-01T15:59:59.999999Z"
        assert past.cases < now.cases
        for wrong in (
            {"period": "soon"},
            {"by": "person"},
            {"as_of": "2025-03-01T10:00:00"},
            {"as_of": "x"},
            {"as_of": "9999-12-31"},
        ):
            answer = await server.get("/v1/stats", params=wrong)
            assert (answer.status_code, answer.json()["field"]) == (422, next(iter(wrong)))


@pytest.mark.parametrize("role", ["organisation", "citizen", "platform"])
async def test_statistics_require_reporting_role(role: str) -> None:
    async with served(role) as server:
        assert (await server.get("/v1/stats")).status_code == 403


async def test_statistics_cover_own_jurisdiction_only() -> None:
    async def total(jurisdiction: str | None, **asked: str) -> tuple[int, int, int]:
        async with served("supervisor", jurisdiction) as server:
            found = StatsResult.model_validate_json((await server.get("/v1/stats", params=asked)).content)
        (registered,) = [figure for figure in found.figures if figure.measure == "registered"]
        clocks = [figure.denominator for figure in found.figures if figure.measure == "on_time"]
        return found.cases, registered.denominator, sum(clocks)

    for asked in ({}, {"as_of": "2025-08-31"}):
        own, other, both = [await total(one, **asked) for one in (J, NEXT, None)]
        assert [a + b for a, b in zip(own, other, strict=True)] == list(both)
        assert 0 < other[0] < own[0] and min(own) > 0 and min(other) > 0
