"""The starter files of a clerk, and the finding for each mistake: file, line, column, and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer import Exit

import services.intake.importer.channel_items  # noqa: F401  # knows the language of mappings
from deploy.cli.init import init
from shared.policy.loading.loader import PolicyInvalid, load, read
from tests.support.findings import in_english


@pytest.fixture
def county(tmp_path: Path) -> Path:
    folder = tmp_path / "county"
    init(folder)
    return folder


def change(folder: Path, table: str, old: str, new: str) -> None:
    path = folder / table
    text = path.read_bytes().decode("utf-8")
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode("utf-8"))


def complaints(folder: Path) -> list[str]:
    with pytest.raises(PolicyInvalid) as caught:
        load(folder)
    return in_english(caught.value.findings)


def test_init_writes_valid_policy(county: Path) -> None:
    tables = sorted(path.name for path in county.glob("*.csv"))
    assert tables == sorted(
        f"{name}.csv" for name in ("organisations", "places", "subjects", "channels", "qr_codes", "routing", "keywords")
    )
    for table in tables:
        data = (county / table).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf") and b"\r\n" in data, "a spreadsheet shows Chinese only so"
        heading = data.decode("utf-8-sig").splitlines()[0].split(",")
        told = (county / "README.md").read_text("utf-8")
        assert table in told
        assert all(column in told for column in heading), heading
    assert len(load(county)) == 10
    with pytest.raises(Exit):
        init(county)


BAD: list[tuple[str, str, str, str]] = [
    (
        "organisations.csv",
        "jjw,青溪县纪检监察机关",
        ",青溪县纪检监察机关",
        "organisations.csv:3:A: organisations[1].code: is missing",
    ),
    (
        "organisations.csv",
        ",handling,,qingxi,pull",
        ",chef,,qingxi,pull",
        "organisations.csv:5:D: organisations[jsj].kind",
    ),
    (
        "organisations.csv",
        "dongzhen,pull",
        "moon,pull",
        "organisations.csv:8:F: organisations[dzzf].places: place 'moon'",
    ),
    ("organisations.csv", "cgj,", "jsj,", "organisations.csv:5:A: organisations[jsj].code: appears 2 times"),
    (
        "places.csv",
        ",qingxi\r\ndongzhen-1",
        ",dongzhen-1\r\ndongzhen-1",
        "places.csv:3:D: places[dongzhen].parent: forms a cycle",
    ),
    ("places.csv", "name_en", "name_fr", "places.csv:1:C: places.name_fr: is not a column"),
    (
        "subjects.csv",
        "S0102,物业管理,Property management,S01",
        "S0102,物业管理,Property management,S9",
        "subjects.csv:4:D: ",
    ),
    ("channels.csv", ",letter,,,,", ",pigeon,,,,", "channels.csv:2:D: channels[letter].class_"),
    (
        "channels.csv",
        ",province\r\n",
        ",nowhere\r\n",
        "channels.csv:10:H: channels[province].mapping: mapping 'nowhere'",
    ),
    ("qr_codes.csv", "QX-0002,code", "QX-0002,web", "qr_codes.csv:3:B: channels.qr_codes[QX-0002].channel: 'web'"),
    ("routing.csv", "S02,*,cgj", "S02,*,gone", "routing.csv:3:E: routing.rules[r-streets].org: organisation 'gone'"),
    ("routing.csv", "S02,*,cgj,", "S02,*,cgj,yes", "routing.csv:3: routing.rules[r-streets]: a rule names either"),
    ("routing.csv", "r-xi,xizhen", "r-dong,xizhen", "routing.csv:5:A: routing.rules[r-dong].id: appears 2 times"),
    ("keywords.csv", "k-light,S0201,,路灯", "k-light,S9,,路灯", "keywords.csv:4:B: keywords.rules[k-light].subject"),
    ("keywords.csv", "路灯", "", "keywords.csv:4: keywords.rules[k-light]: a keyword rule needs a word"),
    ("keywords.csv", "k-waste,S0202,,", "k-waste,S0202,maybe,", "keywords.csv:5:C: keywords.rules[k-waste].suspected"),
    ("jurisdiction.yaml", "Asia/Shanghai", "Mars/North", "jurisdiction.yaml:6:3: jurisdiction.zone: unknown time zone"),
    (
        "jurisdiction.yaml",
        "  default: queue",
        "  default: gone",
        "jurisdiction.yaml:16:3: routing.default: organisation 'gone'",
    ),
    (
        "jurisdiction.yaml",
        "opens: 9",
        "opens: 19",
        "jurisdiction.yaml:8:3: jurisdiction.office_hours: closes must be later",
    ),
    ("clocks.yaml", "at_percent: 75", "at_percent: 750", "clocks.yaml:"),
    ("clocks.yaml", "days: 15", "days: many", "clocks.rules[C1].period.days"),
    (
        "mappings/province.yaml",
        "  title: gkxx",
        "  titel: gkxx",
        "mappings/province.yaml:7:3: mappings[province].filing.titel",
    ),
    (
        "mappings/province.yaml",
        "lxdh",
        "yybz",
        "mappings/province.yaml:14:3: mappings[province].filing.phone: 'yybz' classifies",
    ),
    ("mappings/province.yaml", "item: xfjbh", "", "mappings[province].item: item is missing"),
]


@pytest.mark.parametrize(("table", "old", "new", "said"), BAD)
def test_each_mistake_is_reported_with_location(county: Path, table: str, old: str, new: str, said: str) -> None:
    change(county, table, old, new)
    assert any(said in line for line in complaints(county)), complaints(county)


def test_place_without_organisation_is_reported(county: Path) -> None:
    """Neither a rule nor the queue of a person."""
    change(county, "routing.csv", "r-labour,*,S03,*,rsj,", "r-labour,dongzhen,S03,*,rsj,")
    assert len(load(county)) == 10, "a person dispatches"
    change(county, "jurisdiction.yaml", "  default: queue", "  # default: queue")
    (found,) = complaints(county)
    assert "routing.rules: a gap: no rule covers subject 'S03', 'S0301' in place 'qingxi', 'xizhen'" in found
    (county / "routing.csv").unlink()
    change(county, "jurisdiction.yaml", "routing:\n  prefer: subject", "")
    (found,) = complaints(county)
    assert "routing: is missing" in found and "default: queue" in found


def test_all_mistakes_are_reported_at_once_in_gbk_file(county: Path) -> None:
    change(county, "organisations.csv", "dongzhen,pull", "moon,pull")
    change(county, "routing.csv", "S02,*,cgj", "S02,*,gone")
    change(county, "mappings/province.yaml", "lxdh", "yybz")
    for table in county.glob("*.csv"):
        table.write_bytes(table.read_bytes().decode("utf-8-sig").encode("gb18030"))
    with pytest.raises(PolicyInvalid) as caught:
        load(county)
    assert [(one.file, one.line, one.column) for one in caught.value.findings] == [
        ("organisations.csv", 8, "F"),
        ("mappings/province.yaml", 14, "3"),
        ("routing.csv", 3, "E"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("places.csv", "code,name,name\ndh,东湖区,\n", "places.name: occurs twice"),
        ("keywords.csv", 'id,suspected,any\nk1,yes,"受贿\nk2,yes,行贿\n', "keywords: a quotation mark is not closed"),
        ("Keywords.XLSX", "PK", "Keywords: is not read in this form"),
        ("routing.txt", "id,place\n", "routing: is not read in this form"),
        ("PLACES.CSV", "code,title\ndh,东湖区\n", "places.title: is not a column"),
    ],
)
def test_what_would_not_be_read_is_told(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    (tmp_path / "._places.csv").write_bytes(b"\0\5\x16\7")
    (tmp_path / "~$places.csv").write_bytes(b"\0")
    assert any(told in one for one in complaints(tmp_path)), complaints(tmp_path)


def test_number_of_yaml_is_the_text_that_was_written(tmp_path: Path) -> None:
    (tmp_path / "subjects.yaml").write_text(
        "subjects:\n- {code: 0102, name: 房屋}\n- {code: 0x1F, name: 甲}\n- {code: 1_000, name: 乙}\n- {code: 17:30, name: 丙}\n"
        "- {code: 7, name: 丁}\n",
        "utf-8",
    )
    documents, findings = read(tmp_path)
    assert findings == []
    assert [one.code for one in documents["subjects"].subjects] == ["0102", "0x1F", "1_000", "17:30", "7"]  # type: ignore[attr-defined]
