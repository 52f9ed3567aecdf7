"""Cells, files and columns beyond those that people reported: nothing is lost or changed in silence."""

from __future__ import annotations

import csv
import io
import string
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.intake.importer.dates import BadDate, reader, surprise
from services.intake.importer.errors import NOTICES, FileError, MappingError
from services.intake.importer.excluded_columns import classifies_persons
from services.intake.importer.mapping_suggestion import suggest
from tests.support.exports import HEADER, MAPPING, SIGNED, Understood, csv_file, understood, workbook

M = MAPPING + SIGNED
ROW = "A-1,2024-03-05,路灯,甲局,"
DAY = date(2024, 3, 5)
CODES = M.replace("text: 内容}", "text: 内容, place: 内容}")


def cells(item: str = "A-1", at: str = "2024-03-05", text: str = "路灯", org: str = "甲局", signed: str = "") -> str:
    out = io.StringIO()
    csv.writer(out).writerow([item, at, text, org, signed])
    return out.getvalue().rstrip("\r\n")


def refused(found: Understood) -> list[tuple[str, str]]:
    return [(field, code) for _, field, code in found.rejects]


# ------------------------------------------------------------ cells of text files


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (cells(item="1.23E+15"), "item", "damaged_number"),
        (cells(item="1.23E15"), "item", "damaged_number"),
        (cells(item="１.２３E+１５"), "item", "damaged_number"),
        (cells(item="1.5E-07"), "item", "damaged_number"),
        (cells(item="5-Mar"), "item", "became_date"),
        (cells(item="Mar-05"), "item", "became_date"),
        (cells(item="3月5日"), "item", "became_date"),
        (cells(text="3月5日"), "place", "became_date"),
        (cells(item="#####"), "item", "too_narrow"),
        (cells(text="########"), "text", "too_narrow"),
        (cells(at="######"), "received_at", "too_narrow"),
        (cells(at="2026年2月29日"), "received_at", "impossible_date"),
        (cells(at="2月29日"), "received_at", "not_a_date"),
        (cells(at="1900-01-00"), "received_at", "missing"),
        (cells(at="9999-12-31"), "received_at", "impossible_date"),
        (cells(text="路\x00灯"), "text", "control_character"),
        (cells(item="合计", text="1件"), "row", "total_row"),
        (cells(item="Grand Total"), "row", "total_row"),
        (cells(item="共计 12 件"), "row", "total_row"),
    ],
)
async def test_damaged_cell_is_refused_by_line_and_column(tmp_path: Path, row: str, field: str, code: str) -> None:
    found = await understood(
        csv_file(tmp_path / "a.csv", ROW.replace("A-1", "A-0"), row), CODES if field == "place" else M
    )
    assert refused(found) == [(field, code)]
    assert found.report.understood == 1
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        (told,) = csv.DictReader(file)
    columns = {"row": "", "item": "编号", "received_at": "时间", "text": "内容", "place": "内容"}
    assert (told["line"], told["column"]) == ("3", columns[field])
    assert told["reason"]
    assert told["reason_zh"]


@pytest.mark.parametrize(
    "item", ["00123", "12E3", "1e5", "3-5", "2024/3/5", "A- 1", "Ａ－１", "A\u00a0-1", "+123", "①"]
)
async def test_number_is_kept_as_it_is(tmp_path: Path, item: str) -> None:
    found = await understood(csv_file(tmp_path / "a.csv", cells(item=item)))
    assert [one["item"] for one in found.items] == [item]


@pytest.mark.parametrize(
    ("row", "notice"),
    [
        (cells(text="路锟斤拷灯"), "lost_characters"),
        (cells(text="路\ufffd灯"), "lost_characters"),
        (cells(item="20240001.0"), "decimal_number"),
        (cells(at="1900-01-01"), "default_date"),
        (cells(at="1970-01-01 08:00:00"), "default_date"),
        (cells(signed="1970-01-01"), "default_date"),
        (cells(at="1986-05-04 02:30"), "skipped_hour"),
        (cells(at="1986-09-14 00:30"), None),
        (cells(at="1986-09-14 01:30 UTC"), None),
        (",,,,", "blank_row"),
        (" ,\u3000,\u200b,,", "blank_row"),
    ],
)
async def test_what_is_surprising_is_told_once_with_its_count(tmp_path: Path, row: str, notice: str | None) -> None:
    found = await understood(csv_file(tmp_path / "a.csv", row, ROW.replace("A-1", "A-2"), row), M)
    assert found.report.notices == ({notice: 2} if notice else {})
    assert not found.rejects or notice is None
    if notice:
        assert NOTICES.sentences[notice]["zh"]


async def test_hour_that_occurs_twice_is_told(tmp_path: Path) -> None:
    mapping = M.replace("Asia/Shanghai", "America/New_York")
    rows = cells(at="2026-11-01 01:30"), cells("A-2", "2026-11-01 01:30 EST")
    found = await understood(csv_file(tmp_path / "a.csv", *rows), mapping)
    assert found.report.notices == {"repeated_hour": 1}
    assert [one["filing"]["received_at"][11:16] for one in found.items] == ["05:30", "06:30"]


@pytest.mark.parametrize("text", ["1900-01-00", "1900/1/0", "0001-01-01 00:00:00", "0000-00-00", r"\N", "—", "N/A"])
async def test_nothing_in_a_date_is_counted(tmp_path: Path, text: str) -> None:
    found = await understood(csv_file(tmp_path / "a.csv", cells(signed=text)), M)
    assert "steps" not in found.items[0]
    assert found.report.empty_values == {text: 1}


# ------------------------------------------------------------ forms of files


TRADITIONAL = ("編號,時間,內容,單位,簽收", "A-1,2024-03-05,路燈不亮已經三天無人處理,工務局,")


@pytest.mark.parametrize("encoding", ["big5", "gbk", "gb18030", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("header", [TRADITIONAL[0], "id,at,text,org,signed"])
async def test_traditional_text_is_read_in_its_encoding(tmp_path: Path, encoding: str, header: str) -> None:
    mapping = M
    if header.isascii():
        for old, new in zip(HEADER, header.split(","), strict=True):
            mapping = mapping.replace(old, new)
    found = await understood(csv_file(tmp_path / "a.csv", TRADITIONAL[1], header=header, encoding=encoding), mapping)
    assert found.items[0]["filing"]["text"] == "路燈不亮已經三天無人處理"
    assert found.report.notices == ({"big5": 1} if encoding == "big5" else {})


@pytest.mark.parametrize("separator", ["\x01", "\x1f", "^", "~", "；", "，", "|", "\t", ";"])
async def test_usual_separators_are_found(tmp_path: Path, separator: str) -> None:
    path = csv_file(tmp_path / "a.csv", ROW.replace(",", separator), header=",".join(HEADER).replace(",", separator))
    found = await understood(path, M)
    assert [one["organisation"]["name"] for one in found.items] == ["甲局"]


async def test_file_without_a_known_separator_names_the_remedy(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", ROW.replace(",", "   "), header="   ".join(HEADER))
    with pytest.raises(MappingError) as error:
        await understood(path, M)
    assert error.value.field == "source.delimiter"


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\r\r\n"])
async def test_any_line_end_is_one(tmp_path: Path, end: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(end.join((",".join(HEADER), ROW, ROW.replace("A-1", "A-2"), "")).encode())
    assert [one["item"] for one in (await understood(path, M)).items] == ["A-1", "A-2"]


async def test_end_of_file_mark_of_dos_is_no_row(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", ROW, "\x1a")
    found = await understood(path, M)
    assert (found.report.rows, found.rejects) == (1, [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
async def test_damaged_half_of_a_pair_refuses_the_row(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    rows = f"\ufeff{','.join(HEADER)}\n{ROW}\nA-2,2024-03-05,路\ud800灯,甲局,\n"
    path.write_bytes(rows.encode(encoding, "surrogatepass"))
    found = await understood(path, M)
    assert ([one["item"] for one in found.items], refused(found)) == (["A-1"], [("text", "bad_encoding")])


async def test_utf_32_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError) as error:
        await understood(csv_file(tmp_path / "a.csv", ROW, encoding="utf-32"), M)
    assert error.value.code == "utf_32"


# ------------------------------------------------------------ workbooks


Change = Callable[[Workbook, Worksheet], None]


def _format(cell: str, code: str) -> Change:
    return lambda _book, sheet: setattr(sheet[cell], "number_format", code)


@pytest.mark.parametrize(
    ("row", "change", "field", "code"),
    [
        ([DAY, DAY, "路灯", "甲局"], None, "item", "became_date"),
        ([time(3, 5), DAY, "路灯", "甲局"], None, "item", "became_date"),
        (["A-1", DAY, "路灯", DAY], None, "organisation", "became_date"),
        (["A-1", DAY, "路灯", "甲局"], _format("B2", 'yyyy"年"m"月"'), "received_at", "date_without_day"),
        (["A-1", DAY, "路灯", "甲局"], _format("B2", "yyyy"), "received_at", "date_without_day"),
        (["A-1", DAY, "路灯", "甲局"], _format("B2", "mmm-yy"), "received_at", "date_without_day"),
        ([110101199003071234, DAY, "路灯", "甲局"], None, "item", "damaged_number"),
    ],
)
async def test_damaged_cell_of_a_workbook_is_refused(
    tmp_path: Path, row: list[Any], change: Change | None, field: str, code: str
) -> None:
    found = await understood(workbook(tmp_path / "a.xlsx", [row], change), M)
    assert refused(found) == [(field, code)]


async def test_date_may_be_a_part_of_a_number(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["7", DAY, "路灯", "甲局"]])
    found = await understood(path, M.replace("item: 编号", "item: {join: [时间, 编号], with: '-'}"))
    assert found.items[0]["item"] == "2024-03-05-7"


@pytest.mark.parametrize(
    "code", ["m月d日", "yyyy-mm-dd", "[$-804]yyyy年m月d日;@", "[DBNum1]yyyy年m月d日", "d/m/yy h:mm", "mm-dd-yy"]
)
async def test_format_with_a_day_shows_one(tmp_path: Path, code: str) -> None:
    found = await understood(workbook(tmp_path / "a.xlsx", [["A-1", DAY, "x", "甲局"]], _format("B2", code)), M)
    assert found.items[0]["filing"]["received_at"] == "2024-03-05"


async def test_merged_cell_makes_no_row_of_its_own(tmp_path: Path) -> None:
    def merge(_book: Workbook, sheet: Worksheet) -> None:
        sheet.merge_cells("D2:D40")

    found = await understood(
        workbook(tmp_path / "a.xlsx", [["A-1", DAY, "x", "甲局"], ["A-2", DAY, "y", None]], merge), M
    )
    assert [one["organisation"]["name"] for one in found.items] == ["甲局", "甲局"]
    assert (found.rejects, found.report.notices) == ([], {"merged_filled": 1})


async def test_hidden_column_and_empty_first_sheet_are_told(tmp_path: Path) -> None:
    def hide(_book: Workbook, sheet: Worksheet) -> None:
        sheet.column_dimensions["C"].hidden = True

    found = await understood(workbook(tmp_path / "a.xlsx", [["A-1", DAY, "x", "甲局"]], hide), M)
    assert found.report.notices == {"hidden_column": 1}
    with pytest.raises(FileError) as error:
        await understood(workbook(tmp_path / "b.xlsx", [], lambda book, _: book.create_sheet("空", 0)), M)
    assert error.value.code == "no_header_in_sheet"
    assert "空" in error.value.why_zh


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def _text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def book_of(path: Path, rows: str, *, main: str = _MAIN, book: str = "", strings: str = "") -> Path:
    """A workbook written by a program: its XML as it is given."""
    kind = main.replace("spreadsheetml/2006/main", "officeDocument/2006/relationships").replace(
        "spreadsheetml/main", "officeDocument/relationships"
    )
    relation = f'<Relationship Id="{{}}" Type="{kind}/{{}}" Target="{{}}"/>'
    head = '<row r="1">' + "".join(map(_text, HEADER)) + "</row>"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}">{relation.format("a", "officeDocument", "xl/workbook.xml")}'
        "</Relationships>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relation.format("a", "worksheet", "sheet.xml")}'
        f"{relation.format('b', 'sharedStrings', 'strings.xml')}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kind}">{book}<sheets><sheet name="S" r:id="a"/></sheets>'
        "</workbook>",
        "xl/sheet.xml": f'<worksheet xmlns="{main}"><sheetData>{head}{rows}</sheetData></worksheet>',
    }
    if strings:
        parts["xl/strings.xml"] = strings
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


def _row(*given: str, line: int = 2) -> str:
    return f'<row r="{line}">{"".join(given)}</row>'


_GOOD = _row(_text("A-1"), "<c><v>45356</v></c>", _text("路灯"), _text("甲局"))


@pytest.mark.parametrize(
    ("rows", "more", "items"),
    [
        (_GOOD, {}, ["A-1"]),
        (_GOOD, {"main": _STRICT}, ["A-1"]),
        (_GOOD.replace("<c><v>45356</v></c>", '<c t="d"><v>2024-03-05</v></c>'), {"main": _STRICT}, ["A-1"]),
        (_GOOD.replace(' r="2"', ""), {}, ["A-1"]),
        (_GOOD.replace(' r="2"', ' r="0"'), {}, ["A-1"]),
        (_row('<c r="b2"><v>45356</v></c>', '<c r="a2" t="inlineStr"><is><t>A-1</t></is></c>'), {}, ["A-1"]),
        (_row(_text("A-9"), "<c><v>x</v></c>") + _row(_text("A-1"), "<c><v>45356</v></c>", line=3), {}, ["A-1"]),
        (_row("<c><v>1_000</v></c>", "<c><v>45356</v></c>"), {}, []),
        (_row('<c t="s"><v>-1</v></c>', "<c><v>45356</v></c>"), {"strings": f'<sst xmlns="{_MAIN}"><si><t>A</t></si></sst>'}, []),
        (_row('<c t="s"><v>7</v></c>', "<c><v>45356</v></c>"), {"strings": f'<sst xmlns="{_MAIN}"><si><t>A</t></si></sst>'}, []),
        (_row('<c r="A2"><v>1</v></c>', '<c r="A2"><v>2</v></c>', '<c r="B2"><v>45356</v></c>'), {}, []),
    ],
)  # fmt: skip
async def test_workbooks_of_programs(tmp_path: Path, rows: str, more: dict[str, str], items: list[str]) -> None:
    found = await understood(book_of(tmp_path / "a.xlsx", rows, **more), M)
    assert [one["item"] for one in found.items] == items
    assert all(one["filing"]["received_at"] == "2024-03-05" for one in found.items)
    assert {code for _, code in refused(found)} <= {"broken_cell"}
    assert found.report.rows == len(found.items) + len(found.rejects) > 0


async def test_formula_that_changes_each_day_is_told(tmp_path: Path) -> None:
    found = await understood(book_of(tmp_path / "a.xlsx", _GOOD.replace("<c><v>", "<c><f>TODAY()</f><v>")), M)
    assert found.report.notices == {"volatile_formula": 1}


@pytest.mark.parametrize("before", ["", "<!--" + "x" * 3_000 + "-->"])
async def test_document_type_of_any_part_is_refused(tmp_path: Path, before: str) -> None:
    strings = f'{before}<!DOCTYPE sst [<!ENTITY a "A-1">]><sst xmlns="{_MAIN}"><si><t>&a;</t></si></sst>'
    with pytest.raises(FileError) as error:
        await understood(book_of(tmp_path / "a.xlsx", _GOOD, strings=strings), M)
    assert error.value.code == "broken_workbook"


@pytest.mark.parametrize("size", ['ht="0" customHeight="1"', 'hidden="1"'])
async def test_row_that_is_not_displayed_is_told(tmp_path: Path, size: str) -> None:
    found = await understood(book_of(tmp_path / "a.xlsx", _GOOD.replace('<row r="2"', f'<row r="2" {size}')), M)
    assert found.report.notices == {"hidden_row": 1}


async def test_part_that_unpacks_without_measure_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", _GOOD)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/more.xml", "w") as part:
        for _ in range(60):
            part.write(b" " * 1_000_000)
    with pytest.raises(FileError) as error:
        await understood(path, M)
    assert error.value.code == "workbook_too_large"


@pytest.mark.parametrize("above", ["信访件统计表\n\n", "统计表,,,,\n2024-03-05,,,,\n", ",,,,\n"])
async def test_suggested_mapping_finds_the_header_below_a_title(tmp_path: Path, above: str) -> None:
    path = csv_file(tmp_path / "a.csv", ROW, ROW.replace("A-1", "A-2"), header=above + ",".join(HEADER))
    text = suggest(path)
    assert f"  header_row: {above.count(chr(10)) + 1} " in text
    assert [one["item"] for one in (await understood(path, f"jurisdiction: cn-demo\n{text}")).items] == ["A-1", "A-2"]


MEDIA = M.replace("text: 内容}", "text: 内容, media: 签收}").replace(SIGNED, "")


async def test_links_behind_a_text_are_read(tmp_path: Path) -> None:
    def link(_book: Workbook, sheet: Worksheet) -> None:
        sheet["E2"].hyperlink = "https://x.cn/1.jpg"
        sheet["E3"].hyperlink = "https://x.cn/2.jpg"

    rows = [
        ["A-1", DAY, "灯", "甲局", "照片"],
        ["A-2", DAY, "灯", "甲局", "https://x.cn/2.jpg"],
        ["A-3", DAY, "灯", "甲局", "有照片"],
    ]
    found = await understood(workbook(tmp_path / "a.xlsx", rows, link), MEDIA)
    texts = [one["filing"]["text"] for one in found.items]
    assert texts == ["灯\n照片 https://x.cn/1.jpg", "灯\nhttps://x.cn/2.jpg", "灯\n有照片"]
    assert found.report.notices == {"media_without_link": 1}


async def test_list_of_links_in_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"编号": "A-1", "时间": "2024-03-05", "内容": "灯", "签收": ["https://x.cn/1", "https://x.cn/2"]}', "utf-8"
    )
    (one,) = (await understood(path, MEDIA)).items
    assert one["filing"]["text"] == "灯\nhttps://x.cn/1\nhttps://x.cn/2"


# ------------------------------------------------------------ forms of dates


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2026/3/1 上午8:30", "00:30"),
        ("2026/3/1 8:30 下午", "12:30"),
        ("2026/03/01 13:30 PM", "05:30"),
        ("2026年3月1日8点半", "00:30"),
        ("2026年3月1日下午3时整", "07:00"),
        ("2026-03-01T08:30:00+08:00[Asia/Shanghai]", "00:30"),
        ("2026-03-01T08:30[Europe/Berlin]", "07:30"),
        ("2026-03-01T00:30:00Z[UTC]", "00:30"),
    ],
)
def test_times_as_people_and_programs_write_them(text: str, right: str) -> None:
    assert reader("Asia/Shanghai")(text).strftime("%H:%M") == right


@pytest.mark.parametrize(
    ("form", "text", "right"),
    [
        ("DD-MON-YY", "01-MAR-26", date(2026, 3, 1)),
        ("DD-MM月-YY", "01-3月-99", date(1999, 3, 1)),
        ("YY/MM/DD", "68/03/01", date(2068, 3, 1)),
        ("YYYY-MM-DD-hh.mm.ss", "2026-03-01-08.30.15.123456", datetime(2026, 3, 1, 0, 30, 15, 123456)),  # noqa: DTZ001
    ],
)
def test_forms_that_a_mapping_can_name(form: str, text: str, right: date) -> None:
    found = reader("Asia/Shanghai", (form,))(text)
    assert (found.replace(tzinfo=None) if isinstance(found, datetime) else found) == right


_ZONES = st.sampled_from(("Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe"))


@settings(max_examples=150)
@forall(st.datetimes(datetime(1941, 1, 1), datetime(2060, 1, 1)), _ZONES)  # noqa: DTZ001
def test_local_time_is_read_back_or_told(wall: datetime, zone: str) -> None:
    wall = wall.replace(microsecond=0)
    found = reader(zone)(wall.isoformat(sep=" "))
    assert isinstance(found, datetime)
    from zoneinfo import ZoneInfo

    same = found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    assert same or surprise(found, zone) == "skipped_hour"


@settings(max_examples=200)
@forall(st.text(st.sampled_from(string.digits + "年月日时点分秒上下午:/-. TZ+[]APM半"), max_size=24))
def test_any_text_is_a_date_of_that_year_or_refused(text: str) -> None:
    try:
        found = reader("Asia/Shanghai")(text)
    except BadDate:
        return
    digits = "".join(one for one in text if one.isdigit())
    assert any(str(year) in digits for year in (found.year - 1, found.year, found.year + 1))


# ------------------------------------------------------------ columns that mark persons


@pytest.mark.parametrize(
    "column",
    [
        "重点人员、上访专业户", "精神病史", "诚信等级", "信用等级", "信访人类型", "诉求人身份", "来电人情绪", "人员标签",
        "老上访户", "重复信访人", "职业举报人", "恶意投诉", "失信人员", "是否党员", "是否低保户", "刑满释放", "吸毒史",
        "进京次数", "信访次数", "管控级别", "灰名单", "人物画像", "repeat_petitioner", "VIP complainant", "RepeatCaller",
        "is_vip", "frequent callers", "nuisance caller flag", "troublemaker", "black list", "sentiment", "customer_tier",
        "credit score", "threatLevel", "mental illness", "criminal record", "sfzdry", "zdry_bs", "ZDRYLX", "zzmmmc",
        "repeatpetitioner", "信訪人類型", "ＶＩＰ客户",
    ],
)  # fmt: skip
def test_column_that_classifies_persons(column: str) -> None:
    assert classifies_persons(column)


@pytest.mark.parametrize(
    "column",
    [
        "事件类型", "诉求类型", "单位性质", "重点项目", "是否重复", "重复件编号", "原编号", "满意度", "群众评价",
        "用户评分", "处理人员", "承办人员", "来电人", "诉求人姓名", "信访人电话", "涉及人数", "紧急程度", "职业介绍",
        "信用卡", "诚信建设", "信用信息", "是否公开", "是否匿名", "priority", "status", "Agency", "Complaint Type",
        "duplicate_of", "parent_case", "serv_ip", "contact person", "caller name", "customer id", "Vehicle Type", "zymc",
    ],
)  # fmt: skip
def test_column_of_the_matter_is_read(column: str) -> None:
    assert not classifies_persons(column)


# ------------------------------------------------------------ JSON lines


@pytest.mark.parametrize(
    ("line", "items", "codes", "notices"),
    [
        ('{"编号": 123456789012345678, "时间": 20240305}', ["123456789012345678"], [], {}),
        ('{"编号": 1.2345678901234568e17, "时间": "2024-03-05"}', [], ["damaged_number"], {}),
        ('{"编号": 1.1, "时间": "2024-03-05"}', ["1.1"], [], {"decimal_number": 1}),
        ('{"编号": "A", "时间": "2024-03-05", "单位": true}', [], ["not_allowed_here"], {}),
        ('{"编号": "A", "时间": "2024-03-05", "内容": ["x"]}', [], ["nested_value"], {}),
        ('{"编号": "A", "编号": "B", "时间": "2024-03-05"}', [], ["repeated_key"], {}),
        ('{"编号": "A", "时间": NaN}', [], ["broken_json"], {}),
        ('{"编号": "A", "时间": "2024-03-05"}{"编号": "B"}', [], ["broken_json"], {}),
        ('\ufeff{"编号": "A", "时间": "2024-03-05"}', ["A"], [], {}),
        ('{"编号": "A", "时间": 1709623200}', [], ["not_a_date"], {}),
    ],
)
async def test_cells_of_json(
    tmp_path: Path, line: str, items: list[str], codes: list[str], notices: dict[str, int]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"编号": "A-0", "时间": "2024-03-05"}\n' + line + "\n", "utf-8")
    found = await understood(path, M)
    assert [one["item"] for one in found.items] == ["A-0", *items]
    assert [code for _, code in refused(found)] == codes
    assert found.report.notices == notices
