"""Files of every format and encoding become rows; a broken row affects only itself."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from services.intake.importer import csv_reader as csv_rows
from services.intake.importer.csv_reader import find_delimiter, read_csv
from services.intake.importer.encodings import find_encoding
from services.intake.importer.errors import FileError
from services.intake.importer.mapping import Source
from services.intake.importer.readers import Table

ZONE = "Asia/Shanghai"
TEXT = '编号,内容\n1,路灯不亮\n2,"两行\n文字"\n'


def table(path: Path, **source: object) -> Table:
    return Table(path, Source.model_validate({"zone": ZONE, **source}))


def rows(path: Path, **source: object) -> list[tuple[int, list[object], str | None]]:
    return [(row.line, list(row.cells), row.problem) for row in table(path, **source)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_encoding_is_detected(tmp_path: Path, encoding: str, packed: bool) -> None:
    data = TEXT.encode(encoding)
    path = tmp_path / ("a.csv.gz" if packed else "a.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    assert rows(path) == [(2, ["1", "路灯不亮"], None), (3, ["2", "两行\n文字"], None)]


def test_late_evidence_of_encoding_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 600_000 + "2,噪声".encode("gb18030"))
    assert find_encoding(path) == "gb18030"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 600_000 + "2,噪声".encode())
    assert find_encoding(path) == "utf-8-sig"


def test_single_damaged_byte_does_not_change_encoding(tmp_path: Path) -> None:
    path = tmp_path / "damaged.csv"
    path.write_bytes(b"a,b\n" + "1,夜间施工噪声扰民请处理\n".encode() * 20 + b"2,\xe8\n")
    assert find_encoding(path) == "utf-8-sig"


def test_multibyte_character_across_two_reads_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "across.csv"
    path.write_bytes(b"a" * ((1 << 20) - 1) + "路".encode())
    assert find_encoding(path) == "utf-8-sig"


@pytest.mark.parametrize("text", ["", "\n", "   \n1,2\n"])
def test_file_without_header_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        rows(path)
    assert caught.value.code == "no_header"


def packed_lines() -> bytes:
    return gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000)))


@pytest.mark.parametrize("encoding", ["auto", "utf-8"])
@pytest.mark.parametrize("damage", ["cut", "bytes", "more"])
def test_damaged_gz_file_is_refused(tmp_path: Path, encoding: str, damage: str) -> None:
    data = bytearray(packed_lines())
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "bytes":
        data[len(data) // 2 : len(data) // 2 + 50] = b"\xff" * 50
    else:
        data += b"more"
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data)
    with pytest.raises(FileError) as caught:
        rows(path, encoding=encoding)
    assert caught.value.code == "broken_gz"


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        rows(tmp_path / "none.csv")


def test_header_row_and_delimiter_are_detected(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("导出清单\n\na;b\n1;2\n")
    assert rows(path, header_row=3) == [(4, ["1", "2"], None)]
    assert rows(path, header_row=3, delimiter="semicolon") == [(4, ["1", "2"], None)]
    assert find_delimiter("a\tb\tc,d") == "\t"


# ---------------------------------------------------------------- broken rows


def broken(text: str) -> list[tuple[int, object]]:
    return [(line, cells) for line, cells in read_csv(io.StringIO(text, newline=""), ",", 1)][1:]


def test_row_with_wrong_field_count_is_rejected() -> None:
    assert broken("a,b\n1,2\n1\n1,2,3\n3,4\n") == [
        (2, ["1", "2"]),
        (3, ["1"]),
        (4, "wrong_number_of_fields"),
        (5, ["3", "4"]),
    ]


def test_trailing_empty_columns_and_empty_lines_are_ignored() -> None:
    assert broken("a,b\n1,2,,\n\n3,4,,\n") == [(2, ["1", "2"]), (4, ["3", "4"])]


def test_single_row_with_more_cells_is_refused_even_if_the_last_is_empty() -> None:
    """A separator inside a text has moved its cells; what follows would be read under the wrong columns."""
    assert broken("a,b\n1,2,\n3,4\n") == [(2, "wrong_number_of_fields"), (3, ["3", "4"])]


@pytest.mark.parametrize("after", ['3,"c"\n4,d\n', "3,c\n4,d\n", '3,"c ""quoted"" c"\n4,d\n', '3,"two\nlines"\n4,d\n'])
def test_unclosed_quote_rejects_one_row(after: str) -> None:
    found = broken('a,b\n1,a\n2,"open\n' + after)
    assert found[:2] == [(2, ["1", "a"]), (3, "broken_quotes")]
    assert [cells[0] for _, cells in found[2:] if isinstance(cells, list)] == ["3", "4"]
    assert len(found) == 4


def test_unclosed_quote_in_last_row_is_rejected() -> None:
    assert broken('a,b\n1,x\n2,"y') == [(2, ["1", "x"]), (3, "broken_quotes")]


def test_overlong_line_is_not_reported_as_unclosed_quote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "LONGEST_RECORD", 50)
    assert broken("a,b\n1," + "x" * 60 + "\n2,y\n") == [(2, "too_long"), (3, ["2", "y"])]


def test_file_of_broken_rows_is_read_in_linear_time() -> None:
    found = broken("a,b\n" + '1,"x\n' * 5_000)
    assert {cells for _, cells in found if isinstance(cells, str)} <= {"broken_quotes", "wrong_number_of_fields"}


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=60)
@forall(st.lists(st.tuples(CELLS, CELLS), max_size=12))
def test_csv_writer_output_is_read_back(pairs: list[tuple[str, str]]) -> None:
    import csv

    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *pairs])
    assert [cells for _, cells in broken(out.getvalue())] == [list(pair) for pair in pairs]


@settings(max_examples=60)
@forall(st.text(st.sampled_from('ab,"\n\r;\t路'), max_size=80))
def test_reading_any_csv_terminates(text: str) -> None:
    lines = [line for line, _ in read_csv(io.StringIO("a,b\n" + text, newline=""), ",", 1)]
    assert lines == sorted(set(lines))


# ---------------------------------------------------------------- JSON lines and workbooks


def test_json_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        json.dumps({"id": 1, "who": {"name": "甲"}}, ensure_ascii=False),
        "{broken",
        "",
        "[1]",
        json.dumps({"id": 2, "new": True}),
    ]
    path.write_text("\n".join(lines), "utf-8")
    read = table(path)
    assert [(row.line, list(row.cells), row.problem) for row in read] == [
        (1, [1, "甲"], None),
        (2, [], "broken_json"),
        (4, [], "broken_json"),
        (5, [2, None, True], None),
    ]
    assert read.columns == ["id", "who.name", "new"]


@pytest.mark.parametrize(
    "line",
    [
        '{"id": 1, "id": 2}',
        '{"id": 1, "who": {"name": "甲", "name": "乙"}}',
        '{"who.name": "甲", "who": {"name": "乙"}}',
        '{"id": 1, "id ": 2}',
    ],
)
def test_json_line_with_duplicate_key_is_rejected_and_next_line_read(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{line}\n{{"id": 3}}\n', "utf-8")
    rows = list(table(path))
    assert [(row.line, list(row.cells), row.problem) for row in rows] == [(1, [], "repeated_key"), (2, [3], None)]


def workbook(path: Path, *, packed: bool = False) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["编号", "日期", "时间", "数"])
    sheet.append([1, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), 110101199003070000])  # noqa: DTZ001
    sheet.append([None, None, None, None])
    sheet.append(["x", None, None, 1.5])
    whole = io.BytesIO()
    book.save(whole)
    path.write_bytes(gzip.compress(whole.getvalue()) if packed else whole.getvalue())
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_workbooks_are_read(tmp_path: Path, packed: bool) -> None:
    path = workbook(tmp_path / ("a.xlsx.gz" if packed else "a.xlsx"), packed=packed)
    assert rows(path) == [
        (2, [1.0, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), 1.1010119900307e17], None),  # noqa: DTZ001
        (4, ["x", None, None, 1.5], None),
    ]


def test_invalid_workbook_and_unknown_sheet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_text("not a workbook")
    with pytest.raises(FileError):
        rows(path)
    with pytest.raises(FileError):
        rows(workbook(path), sheet="nowhere")


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("a", b"PK\x03\x04", "xlsx"),
        ("a", b'\xef\xbb\xbf{"a":1}', "jsonl"),
        ("a", b"a,b", "csv"),
        ("A.XLSX.GZ", b"", "xlsx"),
    ],
)
def test_file_format_is_detected(tmp_path: Path, name: str, data: bytes, found: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert table(path).format == found
