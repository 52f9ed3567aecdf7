"""Steps with any mixture of filled and empty cells: nothing is invented, and no text is lost in silence."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.intake.importer.mapping_file import parse
from services.intake.importer.readers import Table
from services.intake.importer.row_mapper import RowMapper

MAPPING = """
source: {zone: Asia/Shanghai}
channel: {constant: old, class: web}
item: 编号
filing: {received_at: 时间}
steps:
  - {event: ReplyDelivered, date: 答复时间, undated: UNDATED, fields: {text: 答复}}
  - {event: CaseClosed, date: 办结时间, undated: UNDATED, when: {状态: 已办结}, fields: {kind: {constant: unknown}}}
"""
TEXT = st.sampled_from(["", "已修好", "NULL", "\u200b", "无", "　"])
DATE = st.sampled_from(["", "2026-01-08", "\\N", "N/A", "2026年1月8日", "无"])
STATE = st.sampled_from(["", "已办结", "办理中", "已办结\u200b"])
NOTHING = {"", "NULL", "\u200b", "　", "\\N", "N/A", "无"}


@given(TEXT, DATE, STATE, DATE, st.booleans())
def test_each_step_is_dated_undated_or_unknown(text: str, replied: str, state: str, closed: str, undated: bool) -> None:
    rows = f"编号,时间,答复,答复时间,状态,办结时间\n1,2026-01-05,{text},{replied},{state},{closed}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_text(rows, "utf-8")
        mapping = parse(MAPPING.replace("UNDATED", str(undated).lower()))
        table = Table(path, mapping.source)
        table.read_columns()
        mapper = RowMapper(mapping, table)
        (item,) = [mapper.item(row) for row in table]
    steps = {step["body"].get("step", step["type"]): step for step in item.get("steps", [])}
    has_text, has_reply, is_closed = text in ("已修好", "无"), replied not in NOTHING, "已办结" in state
    assert ("ReplyDelivered" in steps) == (has_reply or (undated and has_text))
    assert ("CaseClosed" in steps) == (is_closed and (closed not in NOTHING or undated))
    for name, date in (("ReplyDelivered", replied), ("CaseClosed", closed)):
        if name in steps:
            known = date not in NOTHING
            assert steps[name]["type"] == (name if known else "UndatedStepRecorded")
            assert steps[name]["effective_at"] == ("2026-01-08" if known else "2026-01-05")
    lost = has_text and "ReplyDelivered" not in steps
    assert mapper.warnings.undated == ({"答复": 1} if lost else {})
