"""Inputs that people of this trade reported in other systems, by kind: each with the value that is right."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.importer.dates import BadDate, reader
from services.intake.importer.errors import FileError, MappingError
from services.intake.importer.job import Item, import_file
from services.intake.importer.mapping_file import parse
from services.intake.importer.workbook import shown_number
from shared.kernel.text_normalization import search_form
from shared.policy.keyword_rules import KeywordRule, Keywords
from shared.policy.validation.keyword_checks import unmatchable
from tests.support.exports import HEADER, MAPPING, SIGNED, csv_file, understood, workbook

DAY = date(2024, 3, 5)
NAMED = MAPPING.replace("text: 内容}", "text: 内容, name: 单位}").replace(
    "organisation: {column: 单位, create: true}\n", ""
)


class Case(NamedTuple):
    """`rows` of (item, received, text, organisation) that are right, and (line, code) of the rows that are refused."""

    name: str
    make: Callable[[Path], Path]
    rows: Sequence[tuple[str, str, str | None, str | None]] = ()
    refused: Sequence[tuple[int, str]] = ()
    notices: tuple[str, ...] = ()
    mapping: str = MAPPING


def _csv(*rows: str, header: str = ",".join(HEADER), name: str = "data.csv", encoding: str = "utf-8") -> Any:
    return lambda folder: csv_file(folder / name, *rows, header=header, encoding=encoding)


def _book(*rows: Sequence[object], change: Any = None, header: Sequence[str] = HEADER, name: str = "data.xlsx") -> Any:
    return lambda folder: workbook(folder / name, rows, change, header)


def _lines(*objects: dict[str, object], name: str = "data.jsonl") -> Any:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_text("\n".join(json.dumps(one) for one in objects), "utf-8")
        return path

    return make


def _merged(*ranges: str) -> Callable[[Workbook, Worksheet], None]:
    def change(_book: Workbook, sheet: Worksheet) -> None:
        for each in ranges:
            sheet.merge_cells(each)

    return change


def _formats(column: str, *codes: str) -> Callable[[Workbook, Worksheet], None]:
    def change(_book: Workbook, sheet: Worksheet) -> None:
        for line, code in enumerate(codes, 2):
            sheet[f"{column}{line}"].number_format = code

    return change


def _since_1904(book: Workbook, sheet: Worksheet) -> None:
    book.epoch = CALENDAR_MAC_1904
    sheet["B2"].number_format = "General"


def _hidden_first(book: Workbook, sheet: Worksheet) -> None:
    sheet.sheet_state = "hidden"
    shown = book.create_sheet("明细")
    shown.append(list(HEADER))
    shown.append(["A-1", DAY, "路灯", "甲局"])
    book.active = shown


def _very_hidden(book: Workbook, sheet: Worksheet) -> None:
    _hidden_first(book, sheet)
    sheet.sheet_state = "veryHidden"


def _stray(column: int, row: int, value: str = " ") -> Callable[[Workbook, Worksheet], None]:
    return lambda _book, sheet: sheet.cell(row, column).__setattr__("value", value)


def _hidden_row(_book: Workbook, sheet: Worksheet) -> None:
    sheet.row_dimensions[3].hidden = True


def _mixed(path: Path) -> Path:
    rows = [",".join(HEADER), "A-1,2024-03-05,路灯,甲局,", "A-2,2024-03-05,井盖,甲局,", "A-3,2024-03-05,噪声,甲局,"]
    path.write_bytes(b"\n".join(row.encode("utf-8" if place == 2 else "gbk") for place, row in enumerate(rows)))
    return path


NOTHING = (
    "null",
    "N/A",
    "无",
    "NULL",
    "nil",
    "None",
    "ＮＵＬＬ",
    "-",
    "——",
    "暂无",
    "未知",
    "/",
    "[NULL]",
    "\u200b",
    "nan",
)
RECORD: dict[str, object] = {"编号": "A-1", "时间": "2024-03-05", "内容": "路灯", "单位": "甲局"}
ONE = ("A-1", "2024-03-05", "路灯", "甲局")
TWO = ("A-2", "2024-03-05", "井盖", "甲局")
NONE = ("A-1", "2024-03-05", "路灯", None)
AT = "2024-03-05T07:20:00.000000Z"

CASES = [
    # ------------------------------------------------------------ rows that have moved
    Case(
        "unquoted comma and empty last column",
        _csv("A-1,2024-03-05,路灯坏了,楼道也坏,甲局,", "A-2,2024-03-05,井盖,甲局,无", header="编号,时间,内容,单位,备注"),
        [TWO],
        [(2, "wrong_number_of_fields")],
    ),
    Case("unquoted comma in the only row", _csv("A-1,2024-03-05,路灯,坏了,甲局,"), refused=[(2, "wrong_number_of_fields")]),
    Case(
        "unquoted semicolon",
        _csv("A-1;2024-03-05;路灯;坏了;甲局;", "A-2;2024-03-05;井盖;甲局;", header=";".join(HEADER)),
        [TWO],
        [(2, "wrong_number_of_fields")],
    ),
    Case(
        "tab inside a text",
        _csv("A-1\t2024-03-05\t路\t灯\t甲局\t", "A-2\t2024-03-05\t井盖\t甲局\t", header="\t".join(HEADER), name="d.tsv"),
        [TWO],
        [(2, "wrong_number_of_fields")],
    ),
    Case(
        "line break outside quotes",
        _csv("A-1,2024-03-05,路灯", "坏了,甲局,", "A-2,2024-03-05,井盖,甲局,"),
        [TWO],
        [(2, "cut_row"), (3, "not_a_date")],
    ),
    Case(
        "blank line inside an unquoted text",
        _csv("A-1,2024-03-05,路灯", "", "坏了,甲局,", "A-2,2024-03-05,井盖,甲局,"),
        [TWO],
        [(2, "cut_row"), (4, "not_a_date")],
    ),
    Case("every row ends in empty cells", _csv("A-1,2024-03-05,路灯,甲局,,,", "A-2,2024-03-05,井盖,甲局,,,"), [ONE, TWO]),
    # ------------------------------------------------------------ numbers as dates
    Case("a year as a number", _book(["A-1", 2024, "路灯", "甲局"]), refused=[(2, "not_a_date")]),
    Case("a year and a month as a number", _book(["A-1", 202403, "路灯", "甲局"]), refused=[(2, "not_a_date")]),
    Case("six digits as a number", _book(["A-1", 240305, "路灯", "甲局"]), refused=[(2, "not_a_date")]),
    Case("a year in JSON", _lines({"编号": "A-1", "时间": 2024, "内容": "路灯", "单位": "甲局"}), refused=[(1, "not_a_date")]),
    Case("compact date as a number", _book(["A-1", 20240305, "路灯", "甲局"]), [ONE]),
    Case("compact time as a number", _book(["A-1", 20240305152000, "路灯", "甲局"]), [(*ONE[:1], AT, *ONE[2:])]),
    Case("compact date in JSON", _lines({"编号": "A-1", "时间": 20240305, "内容": "路灯", "单位": "甲局"}), [ONE]),
    Case("impossible compact date", _book(["A-1", 20241305, "路灯", "甲局"]), refused=[(2, "impossible_date")]),
    Case(
        "compact date that its format shows as one",
        _book(["A-1", 20240305, "路灯", "甲局"], change=_formats("B", '0000"-"00"-"00')),
        [ONE],
    ),
    Case(
        "days since 1904 without a date format",
        _book(["A-1", datetime(2024, 3, 5, 15, 20), "路灯", "甲局"], change=_since_1904),  # noqa: DTZ001
        [(*ONE[:1], AT, *ONE[2:])],
    ),
    Case("days without a date format", _book(["A-1", 45356.6388888889, "路灯", "甲局"]), [(*ONE[:1], AT, *ONE[2:])]),
    Case(
        "milliseconds since 1970, not named by the mapping",
        _lines({"编号": "A-1", "时间": 1709623200000, "内容": "路灯", "单位": "甲局"}),
        refused=[(1, "not_a_date")],
    ),
    Case(
        "milliseconds since 1970",
        _lines({"编号": "A-1", "时间": 1709623200000, "内容": "路灯", "单位": "甲局"}),
        [(*ONE[:1], AT, *ONE[2:])],
        mapping=MAPPING.replace("Shanghai}", "Shanghai, date_formats: [unix_ms]}"),
    ),
    # ------------------------------------------------------------ what the workbook shows
    Case(
        "organisation merged over rows",
        _book(["A-1", DAY, "路灯", "甲局"], ["A-2", DAY, "井盖", None], change=_merged("D2:D3")),
        [ONE, TWO],
        notices=("merged_filled",),
    ),
    Case(
        "date and organisation merged over rows, blank last column",
        _book(["A-1", DAY, "路灯", "甲局"], ["A-2", None, "井盖", None], change=_merged("B2:B3", "D2:D3")),
        [ONE, TWO],
        notices=("merged_filled",),
    ),
    Case(
        "text merged with the organisation",
        _book(["A-1", DAY, "路灯", None], change=_merged("C2:D2")),
        refused=[(2, "merged_across")],
    ),
    Case("title merged above the header", _book(["A-1", DAY, "路灯", "甲局"], change=_merged("A1:A1")), [ONE]),
    Case(
        "formula that was never calculated",
        _book(["A-1", DAY, '="路灯"&"不亮"', "甲局"]),
        refused=[(2, "formula_without_value")],
    ),
    Case("formula in the date", _book(["A-1", "=TODAY()", "路灯", "甲局"]), refused=[(2, "formula_without_value")]),
    Case("formula in the item", _book(['="A-"&1', DAY, "路灯", "甲局"]), refused=[(2, "formula_without_value")]),
    Case("formula in an unused column", _book(["A-1", DAY, "路灯", "甲局", "=1+1"]), [ONE]),
    Case("error as text", _csv("A-1,2024-03-05,#N/A,#REF!,"), refused=[(2, "error_cell")]),
    Case("error cell in the text", _book(["A-1", DAY, "#N/A", "甲局"]), refused=[(2, "error_cell")]),
    Case("error cell in the organisation", _book(["A-1", DAY, "路灯", "#REF!"]), refused=[(2, "error_cell")]),
    Case("error cell in the date", _book(["A-1", "#VALUE!", "路灯", "甲局"]), refused=[(2, "error_cell")]),
    Case("error cell in the item", _book(["#NAME?", DAY, "路灯", "甲局"]), refused=[(2, "error_cell")]),
    Case("blank in the last cell of the sheet", _book((*ONE[:1], DAY, *ONE[2:]), change=_stray(16_384, 1_048_576)), [ONE]),
    Case(
        "word in the last cell of the sheet",
        _book((*ONE[:1], DAY, *ONE[2:]), change=_stray(16_384, 1_048_576, "x")),
        [ONE],
        notices=("cell_without_column",),
    ),
    Case("blank far to the right", _book((*ONE[:1], DAY, *ONE[2:]), change=_stray(9_000, 2)), [ONE]),
    Case(
        "hidden first sheet",
        _book(["X-0", date(2020, 1, 1), "旧", "乙局"], change=_hidden_first),
        [ONE],
        notices=("hidden_sheet",),
    ),
    Case(
        "very hidden first sheet",
        _book(["X-0", date(2020, 1, 1), "旧", "乙局"], change=_very_hidden),
        [ONE],
        notices=("hidden_sheet",),
    ),
    Case(
        "second visible sheet",
        _book((*ONE[:1], DAY, *ONE[2:]), change=lambda book, _sheet: book.create_sheet("二月").append(["x"])),
        [ONE],
        notices=("other_sheet",),
    ),
    Case(
        "row that a filter hides",
        _book(["A-1", DAY, "路灯", "甲局"], ["A-2", DAY, "井盖", "甲局"], change=_hidden_row),
        [ONE, TWO],
        notices=("hidden_row",),
    ),
    Case(
        "number format with zeros and a letter",
        _book([123, DAY, "路灯", "甲局"], [123, DAY, "井盖", "甲局"], change=_formats("A", "000000", '"G"000000')),
        [("000123", *ONE[1:]), ("G000123", *TWO[1:])],
    ),
    Case(
        "number format with groups",
        _book([20240001, DAY, "路灯", "甲局"], change=_formats("A", '0000"-"0000')),
        [("2024-0001", *ONE[1:])],
    ),
    Case("number format with escapes", _book([7, DAY, "路灯", "甲局"], change=_formats("A", r"\N\o000")), [("No007", *ONE[1:])]),
    Case(
        "number format with a condition",
        _book([7, DAY, "路灯", "甲局"], change=_formats("A", '[>5]"大"0;"小"0')),
        refused=[(2, "number_format")],
    ),
    Case("thousands", _book([12345, DAY, "路灯", "甲局"], change=_formats("A", "#,##0")), [("12345", *ONE[1:])]),
    Case(
        "lookup that found nothing, shown as a date",
        _book(["A-1", 0, "路灯", "甲局"], change=_formats("B", "yyyy-mm-dd")),
        refused=[(2, "missing")],
        notices=("zero_date",),
    ),
    # ------------------------------------------------------------ how databases write nothing
    Case(
        "nulls in dates",
        _csv(r"A-1,2024-03-05,路灯,甲局,\N", "A-2,2024-03-05,井盖,甲局,(null)"),
        [ONE, TWO],
        mapping=MAPPING + SIGNED,
    ),
    Case(
        "other nulls in dates",
        _csv("A-1,2024-03-05,路灯,甲局,0000-00-00 00:00:00", "A-2,2024-03-05,井盖,甲局,<null>", "A-3,2024-03-05,噪声,甲局,—"),
        [ONE, TWO, ("A-3", "2024-03-05", "噪声", "甲局")],
        mapping=MAPPING + SIGNED,
    ),
    *(
        Case(f"{word} is no organisation", _csv(f"A-1,2024-03-05,路灯,{word},"), [NONE])
        for word in NOTHING
    ),
    Case("无 is a text", _csv("A-1,2024-03-05,无,甲局,"), [("A-1", "2024-03-05", "无", "甲局")]),
    Case("null is no text", _csv("A-1,2024-03-05,null,甲局,"), [("A-1", "2024-03-05", None, "甲局")]),
    Case("null instead of an item", _csv("NULL,2024-03-05,路灯,甲局,"), refused=[(2, "missing")]),
    Case(
        "word that the mapping names",
        _csv("A-1,2024-03-05,路灯,待定,"),
        [NONE],
        mapping=MAPPING.replace("Shanghai}", "Shanghai, empty: [待定]}"),
    ),
    # ------------------------------------------------------------ forms of dates
    *(
        Case(f"time {text}", _csv(f'A-1,"{text}",路灯,甲局,'), [("A-1", right, "路灯", "甲局")])
        for text, right in {
            "2024-03-05 24:00": "2024-03-05T16:00:00.000000Z",
            "2024-03-05T24:00:00": "2024-03-05T16:00:00.000000Z",
            "2024年12月31日24时": "2024-12-31T16:00:00.000000Z",
            "2024-03-05 08:00:00+08": "2024-03-05T00:00:00.000000Z",
            "2024-03-05 00:00:00.5+00": "2024-03-05T00:00:00.500000Z",
            "2024-03-05 05:30:00+0530": "2024-03-05T00:00:00.000000Z",
            "2024-03-05 00:00:00 UTC": "2024-03-05T00:00:00.000000Z",
            "2024-03-05 08:00 GMT+8": "2024-03-05T00:00:00.000000Z",
            "2024-03-05 08:00 CST": "2024-03-05T00:00:00.000000Z",
            "2024年3月5日下午3:20": AT,
            "２０２４－０３－０５　１５：２０": AT,
            "\u200e2024/\u200e3/\u200e5 15:20": AT,
            "Tue Mar 05 2024 15:20:00 GMT+0800 (中国标准时间)": AT,
            "Mar 5, 2024 3:20 PM": AT,
            "二〇二四年三月五日": "2024-03-05",
            "2024-03-05 星期二": "2024-03-05",
            "2024-03-05 15:20:00 +0800 CST": AT,
            "2024-03-05+08:00": "2024-03-05",
            "/Date(1709623200000+0800)/": AT,
            "20240305 15:20": AT,
            "2024年3月5日晚上12点": "2024-03-05T16:00:00.000000Z",
            "2024年3月5日中午1点": "2024-03-05T05:00:00.000000Z",
            "'2024-03-05": "2024-03-05",
        }.items()
    ),
    *(
        Case(f"time {text}", _csv(f'A-1,"{text}",路灯,甲局,'), refused=[(2, code)])
        for text, code in {
            "2024-03-05 24:01": "impossible_date",
            "2024-03-05 25:00": "impossible_date",
            "2024-03-05 08:00 EST": "other_zone",
            "2024-03-05 星期三": "impossible_date",
            "2024-W10-2": "not_a_date",
            "2024-065": "not_a_date",
            "45356": "not_a_date",
            "2024年3月5日夜间1点": "impossible_date",
            "2024年3月5日晚上0点": "impossible_date",
            "2024年3月5日凌晨15:00": "impossible_date",
            "2024-03-05-05:00": "other_zone",
        }.items()
    ),
    Case(
        "days of a spreadsheet in CSV",
        _csv("A-1,45356,路灯,甲局,", "A-2,45356.6388888889,井盖,甲局,"),
        [ONE, ("A-2", AT, "井盖", "甲局")],
        mapping=MAPPING.replace("Shanghai}", "Shanghai, date_formats: [serial]}"),
    ),
    # ------------------------------------------------------------ forms of files
    Case("sep=;", _csv("编号;时间;内容;单位;签收", "A-1;2024-03-05;路灯;甲局;", header="sep=;"), [ONE]),
    Case("sep=, with a byte-order mark", _csv(",".join(HEADER), "A-1,2024-03-05,路灯,甲局,", header="\ufeffsep=,"), [ONE]),
    Case("sep= and a tab", _csv("\t".join(HEADER), "A-1\t2024-03-05\t路灯\t甲局\t", header="SEP=\t"), [ONE]),
    Case(
        "fewer cells at the end",
        _csv("A-1,2024-03-05,路灯,甲局", "A-2,2024-03-05,井盖,甲局,"),
        [ONE, TWO],
        notices=("short_row",),
    ),
    Case(
        "rows of different lengths",
        _csv("A-1,2024-03-05,路灯", "A-2,2024-03-05,井盖,甲局", "A-3,2024-03-05"),
        [NONE, TWO, ("A-3", "2024-03-05", None, None)],
        notices=("short_row",),
    ),
    Case("workbook named .csv", _book(["A-1", DAY, "路灯", "甲局"], name="data.csv"), [ONE]),
    Case("workbook named .txt", _book(["A-1", DAY, "路灯", "甲局"], name="导出.txt"), [ONE]),
    Case("JSON lines named .csv", _lines(RECORD, name="data.csv"), [ONE]),
    Case(
        "texts protected from a spreadsheet",
        _csv('="A-1",="2024-03-05","=""路灯""",="甲局",'),
        [ONE],
    ),
    Case("blanks before quotes", _csv('A-1, "2024-03-05", "路灯, 坏了", "甲局", ""'), [(*ONE[:2], "路灯, 坏了", "甲局")]),
    Case("headings broken into lines", _csv("A-1,2024-03-05,路灯,甲局,", header='编号,时间,"内\n容",单 位,签收'), [ONE]),
    Case(
        "lines in UTF-8 among lines in GBK",
        lambda folder: _mixed(folder / "data.csv"),
        [ONE, ("A-3", "2024-03-05", "噪声", "甲局")],
        [(3, "bad_encoding")],
    ),
    Case(
        "text that was read as Western European",
        _csv("A-1,2024-03-05," + "请修路灯".encode().decode("cp1252", "ignore") + ",甲局,"),
        [("A-1", "2024-03-05", "请修路灯".encode().decode("cp1252", "ignore"), "甲局")],
        notices=("lost_characters",),
    ),
    Case(
        "text of question marks",
        _csv("A-1,2024-03-05,????? ??,甲局,"),
        [("A-1", "2024-03-05", "????? ??", "甲局")],
        notices=("lost_characters",),
    ),
    Case(
        "text format that adds words",
        _book(["A-1", DAY, "路灯", "局"], change=_formats("D", '"甲"@')),
        [ONE],
    ),
    Case("UTF-16 without a byte-order mark", _csv("A-1,2024-03-05,路灯,甲局,", encoding="utf-16-le"), [ONE]),
    Case("other UTF-16", _csv("A-1,2024-03-05,路灯,甲局,", encoding="utf-16-be"), [ONE]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_reported_input_gives_the_right_value(tmp_path: Path, case: Case) -> None:
    found = await understood(case.make(tmp_path), case.mapping)
    rows = [
        (
            item["item"],
            item["filing"]["received_at"],
            item["filing"].get("text"),
            (item.get("organisation") or {}).get("name"),
        )
        for item in found.items
    ]
    assert rows == list(case.rows)
    assert [(line, code) for line, _field, code in found.rejects] == list(case.refused)
    assert set(case.notices) <= set(found.report.notices)
    assert found.report.rows == len(case.rows) + len(case.refused)


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "data.xls", "old_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "data.csv", "old_workbook"),
        (b"<html><body><table><tr><td>1</td></tr></table></body></html>", "data.xls", "web_page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "data.csv", "web_page"),
        (b'[{"id": 1}, {"id": 2}]', "data.json", "json_array"),
        (b"%PDF-1.7 ...", "data.csv", "not_a_table"),
        ("编号,时间".encode(), "data.xlsx", "not_workbook"),
        (b"PK\x03\x04", "data.csv", "broken_workbook"),
        (b"Rar!\x1a\x07", "data.csv", "packed"),
        (gzip.compress(gzip.compress("编号,时间".encode(), mtime=0), mtime=0), "data.csv.gz", "packed"),
    ],
)
async def test_file_of_another_kind_is_named(tmp_path: Path, content: bytes, name: str, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError) as caught:
        await understood(tmp_path / name)
    assert caught.value.code == code


_PAIRS = {
    b"\xfe\x59": "\u9fb4",
    b"\xfe\xa0": "\u9fbb",
    b"\xa6\xd9": "\ufe10",
    b"\xa8\xbc": "\u1e3f",
    b"\xfe\x51": "\U00020087",
}


@pytest.mark.parametrize(("pair", "right"), _PAIRS.items())
async def test_names_of_gb18030_are_no_private_characters(tmp_path: Path, pair: bytes, right: str) -> None:
    path = tmp_path / "data.csv"
    rows = ",".join(HEADER) + "\nA-1,2024-03-05,路灯不亮已经三天,王"
    path.write_bytes(rows.encode("gb18030") + pair + b",\n")
    found = await understood(path, NAMED)
    assert found.items[0]["filing"]["name"] == f"王{right}"
    assert NAMED != MAPPING


# ------------------------------------------------------------ rows and their items


async def test_two_rows_of_one_item_with_other_filings_are_found_before_anything_is_sent(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path / "a.csv", "A-1,2024-03-05,路灯,甲局,", "Ａ-1\u200b,2024-03-05,井盖,甲局,", "A-1,2024-03-05,路灯,甲局,"
    )
    found = await understood(path)
    assert [item["line"] for item in found.items] == [2, 4]
    assert found.rejects == [(3, "item", "repeated_item")]


async def test_row_without_a_number_gets_one_of_its_content(tmp_path: Path) -> None:
    rows = ("x,2024-03-05,路灯,甲局,", "x,2024-03-05,井盖,甲局,", "x,2024-03-05, 路灯,甲局")
    for item, numbers in (("{row: true}", 2), ("{hash: [时间, 内容]}", 2), ("{hash: [时间]}", 1)):
        found = await understood(csv_file(tmp_path / "a.csv", *rows), MAPPING.replace("item: 编号", f"item: {item}"))
        assert len({one["item"] for one in found.items}) == numbers
        assert (found.report.bad_rows > 0) == (numbers == 1)


async def test_only_an_item_is_made_of_the_content_of_a_row(tmp_path: Path) -> None:
    with pytest.raises(MappingError):
        await understood(csv_file(tmp_path / "a.csv"), MAPPING.replace("text: 内容", "text: {row: true}"))


async def test_dry_run_names_impossible_steps(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", "A-1,2024-03-05,路灯,甲局,2024-03-04", "A-2,2024-03-05,井盖,甲局,2024-03-06")
    report = await import_file(_never, path, parse(MAPPING + SIGNED), dry_run=True, rejects_path=tmp_path / "r.csv")
    assert (report.understood, report.left_out, report.problems) == (2, 1, {"before_filing": 1})
    assert "2,steps.SignedFor.effective_at,before_filing" in (tmp_path / "r.csv").read_text("utf-8-sig")


async def _never(_items: list[Item]) -> list[dict[str, Any]]:
    raise AssertionError("a dry run sends nothing")


# ------------------------------------------------------------ grammars


_FORMS = ("{y}-{m}-{d}", "{y}/{m}/{d}", "{y}.{m}.{d}", "{y}年{m}月{d}日", "{y}年{m}月{d}号", " {y} 年 {m} 月 {d} 日")
_BETWEEN = st.text(st.sampled_from("\u200b\u200d\ufeff\u00ad \n\r\t\u3000、，。-·\u2060\u180e"), max_size=6)
_MARKS = (
    "ＹＹＢＺ", "重點人員", "y\u200bybz", "Yy_Bz", "重 点 人 员", "是否重点人員", "ＺＤＲＹ", "民 族", "政治面貌（代码）",
    "Special_Person",
)  # fmt: skip


@st.composite
def _written_days(draw: st.DrawFn) -> tuple[str, date]:
    """A day in one of the usual forms."""
    day = draw(st.dates(date(1990, 1, 1), date(2099, 12, 31)))
    form = draw(st.sampled_from(_FORMS))
    text = form.format(
        y=day.year, m=f"{day.month:0{draw(st.integers(1, 2))}}", d=f"{day.day:0{draw(st.integers(1, 2))}}"
    )
    wide = draw(st.booleans())
    if wide:
        text = "".join(chr(ord(one) + 0xFEE0) if one.isdigit() or one in "-/." else one for one in text)
    return draw(st.sampled_from(("", "\u200e", "\u200b", "\u3000"))) + text, day


@settings(max_examples=200)
@forall(_written_days())
def test_usual_forms_of_a_day_are_read_in_any_characters(written: tuple[str, date]) -> None:
    assert reader("Asia/Shanghai")(written[0]) == written[1]


@settings(max_examples=200)
@forall(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)), st.integers(-12 * 60, 14 * 60))  # noqa: DTZ001
def test_offset_next_to_a_time_is_used(wall: datetime, minutes: int) -> None:
    wall = wall.replace(microsecond=0)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    right = (wall - timedelta(minutes=minutes)).replace(tzinfo=UTC)
    for offset in (f"{sign}{hours:02}:{rest:02}", f"{sign}{hours:02}{rest:02}", f" GMT{sign}{hours:02}:{rest:02}"):
        assert reader("America/New_York")(f"{wall.isoformat(sep=' ')}{offset}") == right


@settings(max_examples=300)
@forall(st.integers(0, 10**9), st.text(st.sampled_from('0#,-"G /年;_'), min_size=1, max_size=12))
def test_shown_number_keeps_all_digits_or_is_refused(value: int, code: str) -> None:
    """Literal zeros may stand between the digits of the number, and before them."""
    shown = shown_number(value, code)
    if shown is not None and value:
        rest = iter(shown)
        assert all(digit in rest for digit in str(value))


@settings(max_examples=300)
@forall(st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**16), 10**16))
def test_number_becomes_a_plausible_day_or_is_refused(value: float) -> None:
    try:
        found = reader("Asia/Shanghai")(value)
    except BadDate:
        return
    compact = len(str(int(value))) in (8, 12, 14)
    assert compact or 1990 <= found.year <= 2100


@settings(max_examples=200)
@forall(
    st.sampled_from(("受贿", "贪污", "行贿")),
    _BETWEEN,
)
def test_keyword_is_found_with_other_characters_in_between(word: str, between: str) -> None:
    rule = KeywordRule(id="k", suspected=True, any=(word,))
    assert rule.matches("", search_form(f"反映{word[0]}{between}{word[1]}问题"))


@pytest.mark.parametrize("sign", ["、", "，", "；", "|", "/", "。", "·", "　", "＆", "\t", " "])
def test_words_in_one_word_are_found_when_the_policy_is_validated(sign: str) -> None:
    document = Keywords(rules=(KeywordRule(id="k-accusation", suspected=True, any=(f"受贿{sign}行贿{sign}贪污",)),))
    assert [one.where for one in unmatchable(document)] == ["keywords.rules[k-accusation].any"]


@pytest.mark.parametrize("word", ["受贿*钱", "key person", "A-1", "3号楼", "受贿"])
def test_single_words_are_no_finding(word: str) -> None:
    assert list(unmatchable(Keywords(rules=(KeywordRule(id="k", suspected=True, any=(word,)),)))) == []


@pytest.mark.parametrize("column", _MARKS)
async def test_column_that_marks_persons_is_dropped_in_any_spelling(tmp_path: Path, column: str) -> None:
    header = f"编号,时间,内容,单位,{column}"
    mapping = MAPPING.replace("text: 内容}", f'text: 内容, title: "{column}"}}')
    found = await understood(csv_file(tmp_path / "a.csv", "A-1,2024-03-05,路灯,甲局,是", header=header), mapping)
    assert "title" not in found.items[0]["filing"]
    assert len(found.report.dropped_columns) == 1
