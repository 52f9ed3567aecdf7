"""The same item, organisation and column in other characters: one case, one organisation, and no column that classifies persons."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.intake.history.items import HistoryItem
from services.intake.history.recorder import record_batch
from services.intake.importer.mapping_file import load
from services.intake.importer.readers import Table
from services.intake.importer.row_mapper import RowMapper
from shared.commands.authorization import Principal
from tests.support.county import DEMO
from tests.support.serving import served

OPERATOR = Principal("operations", None, "local")
MAPPING = """
source: {{zone: Asia/Shanghai}}
jurisdiction: cn-demo
channel: {{constant: oldhotline, class: call}}
item: 编号
filing: {{received_at: 时间, text: 内容{more}}}
organisation: {{column: 单位, create: true}}
"""


def items(folder: Path, text: str, more: str = "") -> tuple[RowMapper, list[HistoryItem]]:
    (folder / "data.csv").write_text(text, encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING.format(more=more), encoding="utf-8")
    mapping = load(folder / "mapping.yaml")
    table = Table(folder / "data.csv", mapping.source)
    table.read_columns()
    rows = RowMapper(mapping, table)
    rows.check_columns()
    return rows, [HistoryItem.model_validate(rows.item(row)) for row in table]


async def test_item_and_organisation_with_invisible_characters_are_the_same(tmp_path: Path) -> None:
    rows = ("A-1,2024-03-05,路灯,甲局", "A-1\u200b,2024-03-05,路灯,甲局\u200b", "Ａ－１,2024-03-05,路灯,甲 局")
    _mapper, found = items(tmp_path, "编号,时间,内容,单位\n" + "\n".join(rows[:2]) + "\n")
    async with served() as here:
        results = await record_batch(found, here.runtime.ports, principal=OPERATOR, jurisdiction=DEMO)
        book = await here.runtime.ports.policies.book(DEMO)
    assert [one.result for one in results] == ["added", "same"]
    assert [one.name for one in book.added.values()] == ["甲局"]


@pytest.mark.parametrize("columns", ["ＹＹＢＺ,重點人員", "y\u200bybz,重点\u3000人员", "是否揚言,政治面貌"])
def test_columns_that_classify_persons_are_dropped_in_any_spelling(tmp_path: Path, columns: str) -> None:
    first, second = columns.split(",")
    more = f', title: {{join: ["{first}", "{second}"]}}'
    mapper, found = items(tmp_path, f"编号,时间,内容,单位,{columns}\nA-1,2024-03-05,路灯,甲局,1,是\n", more)
    assert len(mapper.dropped()) == 2
    assert found[0].filing.title is None


@pytest.mark.parametrize("heading", ["編號", "编号\u200b", "\ufeff编号", "编\u3000号"])
def test_column_is_found_in_other_characters(tmp_path: Path, heading: str) -> None:
    heading = heading.replace("\u3000", "")
    _mapper, found = items(tmp_path, f"{heading},时间,内容,单位\nA-1,2024-03-05,路灯,甲局\n")
    assert found[0].item == "A-1"


def test_cell_of_nothing_visible_is_empty(tmp_path: Path) -> None:
    _mapper, found = items(tmp_path, "编号,时间,内容,单位\nA-1,2024-03-05,\u200b\u3164,甲局\n")
    assert found[0].filing.text is None
