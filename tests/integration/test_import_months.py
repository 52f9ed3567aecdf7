"""The exports of two months, with every change that such exports bring: both together equal the last one alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from services.intake.importer.job import Report
from shared.case import Case
from shared.deadlines.derivation import deadlines
from shared.kernel.identifiers import case_id
from tests.support.county import DEMO, County, county
from tests.support.history_import import figures, imported

MAPPING = """
source: {zone: Asia/Shanghai}
channel: {constant: old, class: web}
item: 编号
filing: {received_at: 登记, text: 内容, location: 地点, phone: 电话, place: 属地, class: {constant: claim}}
organisation: {column: 单位, create: true}
steps:
  - {event: Accepted, date: 受理, fields: {path: {constant: "6"}}}
  - {event: SignedFor, date: 签收}
  - {event: ReplyDelivered, date: 答复时间, fields: {text: 答复}}
  - {event: CaseClosed, date: 办结, fields: {kind: {column: 方式, default: unknown}}}
"""
COLUMNS = ("编号", "登记", "内容", "地点", "电话", "属地", "单位", "受理", "签收", "答复时间", "答复", "办结", "方式")
FIRST = {
    "登记": "2025-03-03", "内容": "路灯不亮", "地点": "东街", "电话": "1", "属地": "杨柳街道", "单位": "甲局",
    "受理": "2025-03-04", "签收": "2025-03-05",
}  # fmt: skip
ANSWERED = {"答复时间": "2025-03-20", "答复": "已修"}
CLOSED = {"办结": "2025-03-25", "方式": "explained"}

Cells = dict[str, str]
CHANGES: dict[str, tuple[Cells, Cells]] = {
    "nothing": (ANSWERED, {}),
    "place filled in": ({"属地": ""}, {"属地": "荷港街道"}),
    "place corrected": ({}, {"属地": "荷港街道"}),
    "place that the policy lacks": ({}, {"属地": "无名村"}),
    "place emptied": ({}, {"属地": ""}),
    "text filled in": ({"内容": ""}, {"内容": "路灯不亮"}),
    "text corrected": ({}, {"内容": "路灯不亮，已三天"}),
    "location corrected": ({}, {"地点": "西街"}),
    "telephone corrected": ({}, {"电话": "2"}),
    "organisation filled in": ({"单位": "", "受理": "", "签收": ""}, {"单位": "乙局"}),
    "organisation filled in with a step": ({"单位": "", "受理": "", "签收": ""}, {"单位": "乙局", "签收": "2025-03-06"}),
    "organisation filled in for steps that waited for it": ({"单位": ""}, {"单位": "乙局"}),
    "organisation changed": ({}, {"单位": "乙局"}),
    "organisation changed after the reply": (ANSWERED, {"单位": "乙局"}),
    "organisation changed with a step": ({}, {"单位": "乙局", **ANSWERED}),
    "reply before a known closing": (CLOSED, ANSWERED),
    "signing and reply before a known closing": ({**CLOSED, "签收": ""}, {**ANSWERED, "签收": "2025-03-05"}),
    "text of a reply corrected": (ANSWERED, {"答复": "已修好"}),
    "next steps": ({}, {**ANSWERED, **CLOSED}),
    "filed earlier": ({}, {"登记": "2025-03-01"}),
    "everything": (
        {"属地": "", "内容": "", "单位": "", "受理": "", "签收": "", **CLOSED},
        {
            "属地": "荷港街道", "内容": "井盖", "地点": "西街", "电话": "2", "单位": "乙局",
            "受理": "2025-03-04", "签收": "2025-03-06", **ANSWERED,
        },
    ),
}  # fmt: skip


def export(rows: dict[str, Cells]) -> str:
    lines = [",".join(COLUMNS)]
    lines += [
        ",".join({"编号": item, **FIRST, **cells}.get(column, "") for column in COLUMNS) for item, cells in rows.items()
    ]
    return "\n".join(lines) + "\n"


def months(changes: dict[str, tuple[Cells, Cells]]) -> tuple[str, str]:
    items = {name: f"I-{number}" for number, name in enumerate(changes)}
    january = {items[name]: before for name, (before, _) in changes.items()}
    february = {items[name]: {**before, **after} for name, (before, after) in changes.items()}
    return export(january), export({**february, "N-1": ANSWERED})


async def state(here: County, item: str) -> tuple[Any, ...]:
    case = await here.case(case_id(here.ports.keys.secret("case-id"), DEMO, "old", item))
    facts = {(fact.name, fact.kind, fact.effective_at) for fact in case.facts}
    return case.state, case.assignment.org, case.filing.filed_at, case.handling.replied_at, case.closure, facts


async def by_cell(here: County) -> dict[tuple[str, str | None, str], tuple[Any, ...]]:
    found = await figures(here, by=("organisation", "month"))
    return {
        (one.measure, one.of, str(sorted(one.group.items()))): (one.numerator, one.denominator, one.unknown, one.value)
        for one in found
    }


async def test_both_months_equal_the_whole(tmp_path: Path) -> None:
    january, february = months(CHANGES)
    async with (
        county(start=datetime(2026, 4, 1, tzinfo=UTC)) as here,
        county(start=datetime(2026, 4, 1, tzinfo=UTC)) as whole,
    ):
        tried = await imported(here, tmp_path, january, MAPPING, dry_run=True)
        first = await imported(here, tmp_path, january, MAPPING)
        assert _told(tried) == _told(first)
        assert (first.added, first.problems) == (len(CHANGES), {"organisation_missing": 2})
        tried = await imported(here, tmp_path, february, MAPPING, dry_run=True)
        second = await imported(here, tmp_path, february, MAPPING)
        assert _told(tried) == _told(second)
        assert (second.added, second.refused, second.left_out, second.problems) == (1, 0, 0, {})
        assert second.same == 2, "nothing, and what was emptied"
        assert second.notices == {"emptied_in_source": 1}
        assert second.extended == len(CHANGES) - 2
        again = await imported(here, tmp_path, february, MAPPING)
        assert (again.same, again.corrected, again.steps_added) == (len(CHANGES) + 1, 0, 0)
        older = await imported(here, tmp_path, january, MAPPING)
        assert (older.same, older.corrected) == (len(CHANGES), 0), "an older export takes nothing back"
        assert (await imported(whole, tmp_path, february, MAPPING)).clean
        for number, name in enumerate(CHANGES):
            assert await state(here, f"I-{number}") == await state(whole, f"I-{number}"), name
        cells = await by_cell(here)
        assert len(cells) > 20
        assert cells == await by_cell(whole)


def _told(report: Report) -> tuple[Any, ...]:
    counts = (
        report.added,
        report.extended,
        report.steps_added,
        report.same,
        report.corrected,
        report.left_out,
        report.refused,
    )
    return *counts, report.problems, report.notices


OTHER = {"登记": "2025-09-01", "受理": "", "签收": "", "内容": "广场舞噪声扰民", "属地": "荷港街道", "单位": "乙局"}


async def test_reused_number_reopening_and_older_export_are_told(tmp_path: Path) -> None:
    mapping = MAPPING + "  - {event: SourceStatedOpen, date: 列示}\n"
    january, february = months(
        {
            "number used again": (ANSWERED, OTHER),
            "reopened": ({**ANSWERED, **CLOSED}, {"办结": "", "方式": ""}),
            "step emptied": ({}, {"签收": ""}),
            "organisation changed": ({}, {"单位": "乙局"}),
            "organisation changed back with a step": ({"单位": "丙局"}, {"单位": "乙局"}),
            "filed after a step": ({}, {"登记": "2025-03-06", "受理": "", "签收": ""}),
        }
    )
    lines = february.splitlines()
    february = (
        "\n".join(
            [lines[0] + ",列示", *(f"{one},{'2025-04-01' if one.startswith('I-1,') else ''}" for one in lines[1:])]
        )
        + "\n"
    )
    january = january.replace("方式\n", "方式,列示\n", 1)
    async with county(start=datetime(2026, 4, 1, tzinfo=UTC)) as here:
        assert (await imported(here, tmp_path, january, mapping)).clean
        tried = await imported(here, tmp_path, february, mapping, dry_run=True)
        report = await imported(here, tmp_path, february, mapping)
        assert _told(tried) == _told(report)
        assert (report.refused, report.problems) == (1, {"other_matter": 1, "changed_in_source": 1})
        assert report.notices["reopened_in_source"] == 1
        assert report.notices["emptied_in_source"] == 3, (
            "the closing, the signing, and the signing of the row that moved"
        )
        first = await state(here, "I-0")
        assert (first[0], first[2]) == ("replied", date(2025, 3, 3)), "the case of the number is as it was"
        assert (await state(here, "I-1"))[0] == "replied", "what the source lists as open is open"
        assert (await state(here, "I-5"))[2] == date(2025, 3, 3), "no step is before the filing"
        older = await imported(here, tmp_path, january, mapping)
        assert older.corrected == 0
        march = february.replace(
            "I-4,2025-03-03,路灯不亮,东街,1,杨柳街道,乙局,2025-03-04,2025-03-05,,",
            "I-4,2025-03-03,路灯不亮,东街,1,杨柳街道,丙局,2025-03-04,2025-03-05,2025-03-20,",
        )
        assert march != february
        assert (await imported(here, tmp_path, march, mapping)).corrected == 1
        assert (await state(here, "I-4"))[1] != (await state(here, "I-3"))[1]


async def test_shortened_delay_is_kept_and_contradictions_are_reported_by_column(tmp_path: Path) -> None:
    late = {"答复时间": "2025-12-20", "答复": "已修"}
    january, february = months(
        {
            "shortened delay": (late, ANSWERED),
            "lengthened delay": (ANSWERED, late),
            "other kind of closing": ({**ANSWERED, **CLOSED}, {"方式": "resolved_unconfirmed"}),
            "impossible step": ({}, {"签收": "2025-02-01", **ANSWERED}),
        }
    )
    async with county(start=datetime(2026, 4, 1, tzinfo=UTC)) as here:
        assert (await imported(here, tmp_path, january, MAPPING)).clean
        before = await _late(here, "I-0")
        assert before
        report = await imported(here, tmp_path, february, MAPPING)
        assert await _late(here, "I-0") == before, "the breach stays"
        assert await _late(here, "I-1")
        assert (report.added, report.refused) == (1, 0)
        assert report.problems == {"before_filing": 1, "history_differs": 1}
        rejects = (tmp_path / "rejects.csv").read_text("utf-8-sig")
        assert ",方式" in rejects
        assert ",签收" in rejects
        assert "resolved_unconfirmed" not in rejects
        assert "2025-02-01" not in rejects
        case = await here.case(case_id(here.ports.keys.secret("case-id"), DEMO, "old", "I-3"))
        assert case.handling.replied_at == date(2025, 3, 20), "the other new steps of the row are taken"


async def _late(here: County, item: str) -> set[tuple[str, object]]:
    case: Case = await here.case(case_id(here.ports.keys.secret("case-id"), DEMO, "old", item))
    book = await here.ports.policies.book(DEMO)
    now = here.clock.now()
    return {(one.clock, one.end and one.end.effective_at) for one in deadlines(case, book) if one.status(now) == "late"}
