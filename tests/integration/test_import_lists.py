"""Places, subjects and organisations of another system: matched by code, name or alias, translated, or created."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.intake.importer import mapping_file
from services.intake.importer.errors import MappingError
from services.intake.listed_codes import listed_code
from shared.case import Case
from shared.policy.documents import Organisation, Place
from tests.support.county import County, county
from tests.support.history_import import imported

MAPPING = """
source: {zone: Asia/Shanghai}
channel: {constant: old, class: web}
item: 编号
filing: {received_at: 时间, text: 内容, place: PLACE, subject: SUBJECT}
organisation: {column: 单位, create: true}
"""
HEAD = "编号,时间,内容,属地,分类,单位\n"
CREATE = "{column: 属地, create: true}", "{column: 分类, create: true}"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[County]:
    async with county(start=datetime(2026, 4, 1, tzinfo=UTC)) as made:
        yield made


def mapping(place: str = "属地", subject: str = "分类") -> str:
    return MAPPING.replace("PLACE", place).replace("SUBJECT", subject)


async def cases(here: County) -> list[Case]:
    found = {}
    async for commits in here.ports.log.scan("case/"):
        for commit in commits:
            found[commit.stream] = await here.case(commit.stream.removeprefix("case/"))
    return list(found.values())


async def test_created_place_and_subject_keep_their_names(here: County, tmp_path: Path) -> None:
    rows = "1,2026-01-05,灯,望江新村,井盖,甲局\n2,2026-01-06,灯,望江新村\u200b,井盖,甲局\n"
    assert (await imported(here, tmp_path, HEAD + rows, mapping(*CREATE))).clean
    book = await here.ports.policies.book("cn-demo")
    (place,) = {case.filing.place for case in await cases(here)}
    (subject,) = {case.filing.subject for case in await cases(here)}
    assert (book.names[place or ""], book.names[subject or ""]) == ("望江新村", "井盖")
    assert (await imported(here, tmp_path, HEAD + rows, mapping(*CREATE))).same == 2
    assert len(book.added_entries) == 2


@pytest.mark.parametrize("given", ["张三 13900000000", "x" * 125, "a@b.cn", "330102199003071234"])
async def test_what_is_no_name_is_kept_sealed_and_creates_nothing(here: County, tmp_path: Path, given: str) -> None:
    report = await imported(here, tmp_path, HEAD + f"1,2026-01-05,灯,{given},,\n", mapping(*CREATE))
    assert report.added == 1
    assert (await here.ports.policies.book("cn-demo")).added_entries == {}
    assert [case.filing.place for case in await cases(here)] == [None]


async def test_accusation_creates_no_place(here: County, tmp_path: Path) -> None:
    more = mapping(*CREATE).replace("text: 内容", "text: 内容, class: {constant: accusation}")
    await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,某家村,,\n", more)
    assert (await here.ports.policies.book("cn-demo")).added_entries == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [("育林社区", "yl"), ("YULIN", "yl"), ("育林", "yl"), ("yl", "yl"), ("东湖", None)],
)
def test_entry_is_found_by_code_name_and_alias(given: str, code: str | None) -> None:
    listed = {
        "yl": Place(code="yl", name="育林社区", name_en="Yulin", aliases=("育林", "育林片")),
        "a": Place(code="a", name="甲", aliases=("东湖",)),
        "b": Place(code="b", name="乙", aliases=("东湖",)),
    }
    assert listed_code(listed, given) == code
    orgs = {"zj": Organisation(code="zj", name="住房和城乡建设局", aliases=("住建局",))}
    assert listed_code(orgs, "住建局") == "zj"


@pytest.mark.parametrize(
    ("text", "code"),
    [("路灯不亮", "0302"), ("小区路灯", "0302"), ("噪声", "0401"), ("夜间噪声[施工]", "0402"), ("其他", None)],
)
def test_patterns_fit_after_the_table(text: str, code: str | None) -> None:
    value = "{column: 分类, table: {噪声: '0401'}, patterns: {'*路灯*': '0302', '*噪声[施工]*': '0402'}}"
    parsed = mapping_file.parse(mapping(subject=value))
    assert parsed.filing.subject is not None
    assert parsed.filing.subject.looked_up(text) == code


def test_table_file_is_read_next_to_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("路灯,0302\n\n噪声,0401\n", "gb18030")
    (tmp_path / "m.yaml").write_text(
        mapping(subject="{column: 分类, table_file: codes.csv, table: {噪声: '0499'}}"), "utf-8"
    )
    subject = mapping_file.load(tmp_path / "m.yaml").filing.subject
    assert subject is not None
    assert (subject.looked_up("路灯"), subject.looked_up("噪声")) == ("0302", "0499")


@pytest.mark.parametrize("content", ["路灯\n", "路灯,0302,x\n", "路灯,0302\n路灯,0303\n", '"路灯,0302\n', None])
def test_wrong_table_file_is_refused_with_its_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "codes.csv").write_text(content, "utf-8")
    (tmp_path / "m.yaml").write_text(mapping(subject="{column: 分类, table_file: codes.csv}"), "utf-8")
    with pytest.raises(MappingError) as error:
        mapping_file.load(tmp_path / "m.yaml")
    assert error.value.field == "filing.subject.table_file"
    assert error.value.line == 5
    assert "路灯" not in error.value.why + error.value.why_zh


async def test_organisations_of_steps_are_found_by_name(here: County, tmp_path: Path) -> None:
    book = await here.ports.policies.book("cn-demo")
    entry = next(one for one in book.organisations.values() if one.kind == "handling")
    steps = "steps:\n  - {event: SignedFor, date: 时间, fields: {org: 单位}}\n"
    report = await imported(here, tmp_path, HEAD + f"1,2026-01-05,灯,,,{entry.name}\n", mapping() + steps)
    assert report.clean
    (case,) = await cases(here)
    assert (case.assignment.org, case.facts[-1].org) == (entry.code, entry.code)
