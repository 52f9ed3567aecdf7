"""A row becomes an item according to the mapping, or is refused with line, field and code."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from services.intake.history.items import HistoryItem
from services.intake.importer import mapping_file as mappings
from services.intake.importer.errors import ROW_ERRORS, MappingError, RowError
from services.intake.importer.mapping_suggestion import suggest
from services.intake.importer.preview import preview
from services.intake.importer.readers import Row, Table
from services.intake.importer.rejects import Reject, RejectsFile
from services.intake.importer.row_mapper import RowMapper

MAPPING = """
source: {zone: Asia/Shanghai}
channel: {column: 渠道, table: {热线: hotline}, class: call}
item: 编号
filing:
  received_at: 时间
  text: {join: [标题, 内容], with: "\\n"}
  name: 姓名
  phone: 电话
  id_number: 证件
  subject: {column: 分类, table: {路灯: "0101"}}
  anonymous: {column: 匿名, default: 否}
  level: 民族
organisation: {column: 单位, create: true}
steps:
  - event: ReplyDelivered
    date: 答复时间
    fields: {text: 答复, mode: {constant: phone}}
  - event: CaseClosed
    date: 办结时间
    when: {状态: 已办结}
    fields: {kind: {column: 结果, table: {解决: resolved_confirmed}}}
due: {clock: C5, column: 限办}
"""
COLUMNS = [
    "渠道",
    "编号",
    "时间",
    "标题",
    "内容",
    "姓名",
    "电话",
    "证件",
    "分类",
    "匿名",
    "民族",
    "单位",
    "答复时间",
    "答复",
    "办结时间",
    "状态",
    "结果",
    "限办",
    "备注",
    "是否扬言",
]
GOOD: dict[str, Any] = {
    "渠道": "热线", "编号": "A1", "时间": "2026-01-01 08:00:00", "标题": "路灯", "内容": "不亮", "姓名": "王秀英",
    "电话": "13800000000", "证件": "110101199003070011", "分类": "路灯", "民族": "汉", "单位": "城管局",
    "答复时间": "2026-01-03", "答复": "已修", "办结时间": "2026-01-04", "状态": "已办结", "结果": "解决",
    "限办": "2026-03-01", "备注": "x", "是否扬言": "是",
}  # fmt: skip


class Sheet(Table):
    """A table without a file."""

    def __init__(self, columns: list[str] = COLUMNS) -> None:
        self.format = "csv"
        self.columns = []
        self._places = {}
        self.repeated = set()
        self._name(columns)


def understood(**changes: Any) -> dict[str, Any]:
    return rows().item(row(**changes))


def row(**changes: Any) -> Row:
    cells = {**GOOD, **changes}
    return Row(7, [cells.get(column) for column in COLUMNS])


def rows(text: str = MAPPING) -> RowMapper:
    return RowMapper(mappings.parse(text), Sheet())


def refused(**changes: Any) -> tuple[int, str, str]:
    with pytest.raises(RowError) as caught:
        understood(**changes)
    error = caught.value
    for value in changes.values():
        if isinstance(value, str) and len(value) > 3 and value[0] != "#":
            assert value not in error.why + error.why_zh + str(error)
    return error.line, error.field, error.code


def test_whole_row_is_mapped() -> None:
    item = understood()
    assert item == {
        "line": 7,
        "channel": "hotline",
        "channel_class": "call",
        "item": "A1",
        "filing": {
            "received_at": "2026-01-01T00:00:00.000000Z",
            "text": "路灯\n不亮",
            "name": "王秀英",
            "phone": "13800000000",
            "id_number": "110101199003070011",
            "subject": "0101",
            "anonymous": False,
        },
        "organisation": {"name": "城管局", "create": True},
        "steps": [
            {"type": "ReplyDelivered", "effective_at": "2026-01-03", "body": {"text": "已修", "mode": "phone"}},
            {"type": "CaseClosed", "effective_at": "2026-01-04", "body": {"kind": "resolved_confirmed"}},
        ],
        "due": {"clock": "C5", "at": "2026-03-01"},
    }
    HistoryItem.model_validate(json.loads(json.dumps(item)))


def test_personal_identifiers_are_dropped_even_if_mapped() -> None:
    made = rows()
    text = json.dumps(made.item(row(民族="满族标记")), ensure_ascii=False)
    assert "满族标记" not in text
    assert "level" not in text
    assert made.dropped() == ["是否扬言", "民族"]
    assert "是否扬言" not in made.warnings.unmapped


def test_empty_date_or_condition_makes_step_unknown() -> None:
    assert understood(答复时间="", 办结时间="2026-01-04", 状态="办理中").get("steps") is None
    assert [step["type"] for step in understood(状态="办理中")["steps"]] == ["ReplyDelivered"]


def test_unmapped_columns_and_values_are_counted_once() -> None:
    made = rows()
    for value in ("噪声", "噪声", "其他"):
        assert "subject" not in made.item(row(分类=value))["filing"]
    made.item(row(备注=""))
    assert made.warnings.snapshot().unmapped_values == {"分类": {"噪声": 2, "其他": 1}}
    assert made.warnings.snapshot().unmapped_columns == {"备注": 3}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"编号": ""}, "item", "missing"),
        ({"编号": "1.10101E+17"}, "item", "damaged_number"),
        ({"编号": 110101199003070000.0}, "item", "damaged_number"),
        ({"证件": "1.10101E+17"}, "id_number", "damaged_number"),
        ({"证件": "110101199003070000"}, "id_number", "damaged_number"),
        ({"证件": 110101199003070000.0}, "id_number", "damaged_number"),
        ({"电话": "1.38E+10"}, "phone", "damaged_number"),
        ({"时间": ""}, "received_at", "missing"),
        ({"时间": "2026-02-30"}, "received_at", "impossible_date"),
        ({"时间": "03/04/2026"}, "received_at", "ambiguous_date"),
        ({"答复时间": "很快"}, "ReplyDelivered.date", "not_a_date"),
        ({"限办": "下周"}, "due", "not_a_date"),
        ({"渠道": "邮件信箱"}, "channel", "value_not_in_table"),
        ({"结果": "不明不白"}, "CaseClosed.kind", "value_not_in_table"),
        ({"结果": ""}, "CaseClosed.kind", "missing"),
        ({"内容": "a\x00b"}, "text", "control_character"),
        ({"内容": "a\udce8b"}, "text", "bad_encoding"),
        ({"内容": "#N/A"}, "text", "error_cell"),
        ({"内容": "x" * 100_001}, "text", "too_long"),
        ({"答复": "x" * 100_001}, "ReplyDelivered.text", "too_long"),
        ({"姓名": "x" * 2_001}, "name", "too_long"),
        ({"编号": "x" * 129}, "item", "too_long"),
        ({"匿名": "也许是吧"}, "anonymous", "not_allowed_here"),
        ({"内容": {"a": 1}}, "text", "nested_value"),
    ],
)
def test_invalid_rows_are_refused(changes: dict[str, Any], field: str, code: str) -> None:
    assert refused(**changes) == (7, field, code)
    assert code in ROW_ERRORS.sentences


def test_number_with_trailing_zeros_is_accepted() -> None:
    assert understood(证件="'110101199003070038")["filing"]["id_number"] == "110101199003070038"
    assert understood(证件='="110101199003070038"')["filing"]["id_number"] == "110101199003070038"
    assert understood(编号=12.0)["item"] == "12"


def test_control_characters_are_removed_and_counted() -> None:
    made = rows()
    assert made.item(row(内容="a\x0bb"))["filing"]["text"] == "路灯\na b"
    assert made.warnings.snapshot().cleaned == 1


def test_null_text_is_read_as_empty() -> None:
    assert "name" not in understood(姓名="NULL")["filing"]


def test_missing_column_is_named() -> None:
    with pytest.raises(MappingError, match="no column"):
        rows(MAPPING.replace("name: 姓名", "name: 名字")).check_columns()
    rows().check_columns()


def test_duplicate_mapped_column_is_named() -> None:
    mapping = mappings.parse(MAPPING)
    with pytest.raises(MappingError, match="more than one column 内容"):
        RowMapper(mapping, Sheet([*COLUMNS, "内容"])).check_columns()
    RowMapper(mapping, Sheet([*COLUMNS, "备注", "是否扬言"])).check_columns()  # not used: harmless


def test_preview_shows_no_personal_value() -> None:
    text = json.dumps(preview(understood()), ensure_ascii=False)
    for value in ("王秀英", "13800000000", "110101199003070011", "不亮", "已修", "A1"):
        assert value not in text
    assert "城管局" in text
    assert "resolved_confirmed" in text


CELL = (
    st.none()
    | st.text(max_size=30)
    | st.floats()
    | st.integers()
    | st.booleans()
    | st.dates()
    | st.datetimes()
    | st.sampled_from(["2026-01-01", "03/04/2026", "热线", "已办结", "1.1E+17", "\udcff", "\x00", "NULL", "#N/A"])
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@forall(st.lists(CELL, max_size=len(COLUMNS) + 2), st.dictionaries(st.sampled_from(COLUMNS), CELL))
def test_any_row_gives_item_or_row_error(cells: list[Any], changes: dict[str, Any]) -> None:
    made = rows()
    for one in (Row(3, cells), row(**changes), Row(3, (), "broken_quotes")):
        try:
            item = made.item(one)
        except RowError as error:
            assert error.code in ROW_ERRORS.sentences
            assert error.why
            assert error.why_zh
        else:
            HistoryItem.model_validate_json(json.dumps(item))


# ---------------------------------------------------------------- rejects and suggestions


def test_rejects_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("old")
    path.chmod(0o644)
    made = RejectsFile(path)
    assert not path.exists()
    made.write([])
    assert not path.exists()
    made.write([Reject(9, "text", "too_long", "long", "长"), Reject(3, "item", "missing", "none", "无")])
    made.write([Reject(11, "row", "broken_quotes", "quote", "引号")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text("utf-8-sig").splitlines()
    assert lines[0] == "line,field,code,reason,reason_zh,column"
    assert [line.split(",")[0] for line in lines[1:]] == ["3", "9", "11"]


def test_interrupted_rejects_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    made = RejectsFile(path)
    made.write([Reject(1, "a", "b", "c", "d")])
    kept = made.size
    made.write([Reject(2, "a", "b", "c", "d")])
    again = RejectsFile(path, keep=kept)
    again.write([Reject(3, "a", "b", "c", "d")])
    assert [line.split(",")[0] for line in path.read_text("utf-8-sig").splitlines()] == ["line", "1", "3"]


SAMPLES = {
    "cn": "工单编号,来电时间,姓名,联系电话,诉求内容,内容分类,承办单位,答复时间,答复意见,政治面貌,办结时间,限办日期\n"
    + "".join(
        f"GD{n},2026-01-0{n} 08:00,王五,1380000000{n},夜间施工噪声,噪声,城管局,2026-01-1{n},已查处,群众,,\n"
        for n in range(1, 6)
    ),
    "en": "SRRecordID,CreatedDate,SRType,Agency,CloseDate,Ethnicity\n"
    + "".join(f"14-{n},01/0{n}/2026 08:00:00 AM,Pothole,Roads,01/1{n}/2026 08:00:00 AM,x\n" for n in range(1, 6)),
    "mail": "msg_id,user,title,time,text,reply,reply_time\n1,u,t,2026-01-01 08:00:00,long,answer,2026-01-02 08:00:00\n",
    "gaps": "row,msg_id,time,title,label\n1,,,t,交通\n2,m2,2026-01-02 08:00:00,t,交通\n3,,,u,环保\n",
    "bare": "a,b\n",
    "odd": '"x: y","- z"\n1,2\n',
}


@pytest.mark.parametrize("name", SAMPLES)
def test_suggested_mapping_loads(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(SAMPLES[name], "utf-8")
    text = suggest(path)
    mapping = mappings.parse(text)
    for value in ("王五", "13800000001", "夜间施工噪声", "群众", "GD1"):
        assert value not in text
    if name == "cn":
        assert mapping.item.column == "工单编号"
        assert mapping.filing.received_at.column == "来电时间"
        assert mapping.filing.text is not None
        assert mapping.filing.text.column == "诉求内容"
        assert mapping.filing.phone is not None
        assert "ReplyDelivered" in [step.event for step in mapping.steps]
        assert "政治面貌" not in mapping.columns
        assert "政治面貌" in text
    if name == "en":
        assert mapping.source.date_formats
        assert [step.event for step in mapping.steps] == ["CaseClosed"]
    if name == "gaps":
        assert mapping.item.column == "row", "a number that every row has goes before a better name"
        assert mapping.filing.subject is not None
        assert mapping.filing.subject.column == "label"
        assert "empty in 2 of 3 rows" in text
        assert '{column: "time", default: YYYY-MM-DD}' in text
        mapping = mappings.parse(
            text.replace('received_at: "time"', "received_at: {column: time, default: 2026-01-01}")
        )
    if name not in ("bare", "odd"):
        sheet = Table(path, mapping.source)
        sheet.read_columns()
        made = RowMapper(mapping, sheet)
        made.check_columns()
        assert [made.item(one)["line"] for one in sheet]
