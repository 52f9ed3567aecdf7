"""What a source does not know is kept, and counts as unknown in every figure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.intake.importer import mapping_file
from services.intake.importer.errors import MappingError
from shared.case import Case
from shared.eventstore.field_encryption import open_sealed
from tests.support.county import County, county
from tests.support.history_import import figure, imported

MAPPING = """
source: {zone: Asia/Shanghai}
channel: {constant: old, class: web}
item: 编号
filing: {received_at: 时间, text: 内容}
steps:
  - {event: ReplyDelivered, date: 答复时间, undated: true, fields: {text: 答复}}
  - {event: CaseClosed, date: 办结时间, undated: true, when: {状态: 已办结}, fields: {kind: {constant: unknown}}}
  - {event: SourceStatedOpen, date: {constant: DAY}, when: {状态: 办理中}}
"""
JANUARY = MAPPING.replace("DAY", "2026-01-31")
FEBRUARY = MAPPING.replace("DAY", "2026-02-28")
HEAD = "编号,时间,内容,答复,答复时间,状态,办结时间\n"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[County]:
    async with county(start=datetime(2026, 4, 1, tzinfo=UTC)) as made:
        yield made


async def cases(here: County) -> dict[str, Case]:
    found = {}
    async for commits in here.ports.log.scan("case/"):
        for commit in commits:
            case = await here.case(commit.stream.removeprefix("case/"))
            found[case.id] = case
    return found


async def texts(here: County) -> list[str]:
    found = []
    for case in await cases(here):
        for part in await open_sealed(here.ports.keys, await here.events(f"case/{case}")):
            found += [str(value) for value in part.values.values()]
    return sorted(found)


async def test_closed_of_unknown_kind_is_in_no_numerator_and_no_denominator(here: County, tmp_path: Path) -> None:
    report = await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,,,已办结,2026-01-09\n", JANUARY)
    assert report.clean
    for measure in ("resolution", "resolved_unconfirmed", "closed_unresolved"):
        assert await figure(here, measure) == (0, 0, 1)
    assert (await figure(here, "closed", "unknown"))[1] == 1
    assert (await figure(here, "elapsed_closing_median"))[1:] == (1, 0)


async def test_undated_reply_and_closing_are_kept_and_unknown(here: County, tmp_path: Path) -> None:
    report = await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,已修好,,已办结,\n2,2026-01-06,水,,,,\n", JANUARY)
    assert (report.steps_added, report.clean, report.undated_texts) == (2, True, {})
    by_state = sorted(case.state for case in (await cases(here)).values())
    assert by_state == ["closed", "registered"]
    assert "已修好" in await texts(here)
    for measure in ("elapsed_reply_15d", "elapsed_reply_median", "elapsed_closing_median", "resolution"):
        assert (await figure(here, measure))[2] == 2
    assert (await figure(here, "elapsed_reply_15d"))[0] == 0
    assert await figure(here, "on_time_reply") == (0, 0, 0) or (await figure(here, "on_time_reply"))[1] == 0


async def test_undated_steps_are_recorded_once_and_dated_by_a_later_export(here: County, tmp_path: Path) -> None:
    undated = HEAD + "1,2026-01-05,灯,已修好,,已办结,\n"
    dated = HEAD + "1,2026-01-05,灯,已修好,2026-01-08,已办结,2026-01-09\n"
    await imported(here, tmp_path, undated, JANUARY)
    assert (await imported(here, tmp_path, undated, JANUARY)).same == 1
    report = await imported(here, tmp_path, dated, FEBRUARY)
    assert (report.steps_added, report.clean) == (2, True)
    (case,) = (await cases(here)).values()
    assert (case.state, case.closure.closed_at, case.handling.replied_at) == (
        "closed",
        date(2026, 1, 9),
        date(2026, 1, 8),
    )
    assert (await imported(here, tmp_path, undated, JANUARY)).same == 1


async def test_dated_step_does_not_reopen_what_was_closed_without_date(here: County, tmp_path: Path) -> None:
    await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,,,已办结,\n", JANUARY)
    await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,好了,2026-01-08,已办结,\n", FEBRUARY)
    (case,) = (await cases(here)).values()
    assert (case.state, case.handling.replied_at) == ("closed", date(2026, 1, 8))


async def test_undated_text_that_is_not_kept_is_counted(here: County, tmp_path: Path) -> None:
    dated_only = JANUARY.replace("答复时间, undated: true", "答复时间")
    report = await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,已修好,,办理中,\n", dated_only)
    assert report.undated_texts == {"答复": 1}


async def test_backlog_of_history_is_known_until_the_last_export(here: County, tmp_path: Path) -> None:
    rows = "1,2026-01-05,灯,,,办理中,\n2,2026-01-06,水,,,已办结,2026-02-03\n3,2026-01-07,路,,,,\n"
    await imported(here, tmp_path, HEAD + rows, JANUARY)
    assert await figure(here, "backlog", period="2026-01") == (None, 2, 1)
    assert await figure(here, "backlog", period="2026-02") == (None, 0, 2)
    await imported(here, tmp_path, HEAD + rows, FEBRUARY)
    assert await figure(here, "backlog", period="2026-01") == (None, 2, 1)
    assert await figure(here, "backlog", period="2026-02") == (None, 1, 1)
    assert await figure(here, "backlog", period="2026-03") == (None, 0, 2)
    assert await figure(here, "backlog", period="2025-12") == (None, 0, 0)


@pytest.mark.parametrize(
    "step",
    [
        "{event: CaseClassified, undated: true, when: {状态: x}, fields: {class_: {constant: accusation}}}",
        "{event: ExtensionGranted, undated: true, when: {状态: x}, fields: {days: 状态, approver: 状态}}",
        "{event: CaseClosed, fields: {kind: {constant: unknown}}}",
        "{event: CaseClosed, undated: true, fields: {kind: {constant: unknown}}}",
    ],
)
def test_step_without_date_that_would_decide_something_is_refused(step: str) -> None:
    with pytest.raises(MappingError) as error:
        mapping_file.parse(MAPPING.split("steps:")[0] + "steps:\n  - " + step + "\n")
    assert error.value.why
    assert error.value.why_zh
