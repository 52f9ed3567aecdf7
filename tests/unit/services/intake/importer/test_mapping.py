"""Mapping files: errors name the line, and personal identifiers are never read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.intake.history.step_types import STEPS
from services.intake.importer import mapping_file as mappings
from services.intake.importer.errors import MappingError
from services.intake.importer.excluded_columns import classifies_persons

BASE = """source: {zone: Asia/Shanghai}
channel: web
item: id
filing:
  received_at: time
"""
ROOT = Path(__file__).parents[5]


def failing(text: str) -> MappingError:
    with pytest.raises(MappingError) as caught:
        mappings.parse(text)
    assert caught.value.why_zh
    return caught.value


def test_minimal_mapping_loads() -> None:
    mapping = mappings.parse(BASE)
    assert mapping.columns == {"id", "time"}
    assert mapping.channel.constant == "web"


def test_yaml_keywords_stay_text() -> None:
    mapping = mappings.parse(BASE + "  subject: {column: s, table: {no: off, 1: 2020-01-01, ~: null}}\n")
    assert mapping.filing.subject is not None
    assert mapping.filing.subject.table == {"no": "off", "1": "2020-01-01", "~": "null"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (BASE + "  tittle: x\n", 6, "Did you mean title"),
        (BASE + "stepps: []\n", 6, "Did you mean steps"),
        (BASE.replace("{zone: Asia/Shanghai}", "{}"), 1, "Asia/Shanghai"),
        (BASE.replace("Asia/Shanghai", "Asia/Beijing"), 1, "unknown time zone"),
        (BASE.replace("item: id\n", ""), 1, "item is missing"),
        (BASE + "  title: {column: a, constant: b}\n", 6, "exactly one"),
        (BASE + "  title: a\n  title: b\n", 7, "twice"),
        (BASE + "  title: [a\n", None, "YAML"),
        (BASE + "  title: &x a\n  text: *x\n", None, "Anchors"),
        (BASE + "steps:\n  - event: ReplyDeliverd\n    date: d\n", 7, "ReplyDelivered"),
        (BASE + "steps:\n  - event: DeadlineBreached\n    date: d\n", 7, "cannot come from an export"),
        (BASE + "steps:\n  - event: PolicyActivated\n    date: d\n", 7, "cannot come from an export"),
        (BASE + "steps:\n  - event: CaseClosed\n    date: d\n", 7, "needs the field kind"),
        (BASE + "steps:\n  - event: SignedFor\n    date: d\n    fields: {txt: a}\n", 9, "no field txt"),
        (BASE.replace("{zone: Asia/Shanghai}", "{zone: UTC, date_formats: [D/M/Y]}"), 1, "made of YYYY"),
        (BASE.replace("{zone: Asia/Shanghai}", "{zone: UTC, delimiter: ab}"), 1, "one character"),
        (BASE.replace("item: id", "item: 是否扬言"), 3, "classifies persons"),
        (BASE + "steps:\n  - event: SignedFor\n    date: d\n    when: {yybz: [a]}\n", 9, "classifies persons"),
        ("- a\n", 1, "source"),
        ("", 1, "source"),
    ],
)
def test_mapping_errors_name_line_and_remedy(text: str, line: int | None, says: str) -> None:
    error = failing(text)
    assert says in str(error)
    if line is not None:
        assert error.line == line


def test_mapping_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes((BASE + "  title: 标题\n").encode("gb18030"))
    assert "标题" in mappings.load(path).columns
    path.write_bytes(b"\xff\xff\xff")
    with pytest.raises(MappingError):
        mappings.load(path)
    path.write_bytes(b"a" * 1_000_001)
    with pytest.raises(MappingError):
        mappings.load(path)
    with pytest.raises(MappingError):
        mappings.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted((ROOT / "examples/mappings").glob("*.yaml")), ids=lambda path: path.name)
def test_example_mappings_load(path: Path) -> None:
    assert mappings.load(path).columns


def test_documented_example_loads_and_lists_every_event() -> None:
    text = (ROOT / "docs/import.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    assert len(mappings.parse(example[1]).steps) == 3
    assert re.findall(r"^\| `([A-Z]\w+)` \|", text, re.MULTILINE) == list(STEPS)


MARKS = [
    "是否扬言",
    "是否扬言(yybz)",
    "yybz",
    "是否特殊人员",
    "tsry",
    "TSRY",
    "重点人员标志",
    "是否重点人员",
    "政治面貌",
    "信访人政治面貌",
    "民族",
    "信访人民族",
    "民族代码",
    "职业",
    "信访人职业",
    "户口",
    "户口所在地",
    "户籍地",
    "户口性质",
    "ethnicity",
    "Ethnic_Group",
    "petitionerRace",
    "occupation",
    "Occupation_Code",
    "political_status",
    "politicalAffiliation",
    "special_person",
    "keyPerson",
    "hukou",
    "household_registration",
    "person.yybz",
    "blacklisted",
    "稳控责任人",
    "是否非访",
]
HARMLESS = [
    "编号",
    "内容",
    "姓名",
    "联系电话",
    "分类",
    "承办单位",
    "承办人",
    "答复时间",
    "地点",
    "区县",
    "是否匿名",
    "是否保密",
    "msg_id",
    "user",
    "title",
    "time",
    "text",
    "reply",
    "reply_time",
    "SRType",
    "Agency",
    "Address",
    "职业病类别说明",
    "民政局",
    "人员数量",
    "trace_id",
    "status",
    "key",
    "person_count",
    "email",
    "住址",
]


@pytest.mark.parametrize("column", MARKS)
def test_personal_identifier_columns_are_recognised(column: str) -> None:
    assert classifies_persons(column)


@pytest.mark.parametrize("column", HARMLESS)
def test_other_columns_are_not_personal_identifiers(column: str) -> None:
    assert not classifies_persons(column)
