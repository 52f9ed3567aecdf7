"""What is printed, exported or kept in clear shows what is stored and holds no personal number."""

from __future__ import annotations

import csv
import io
import os
import stat
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from deploy.cli.output import escaped
from deploy.cli.text_files import private_file, write_private
from services.analytics.statistics.render import defused
from services.intake.history.items import HistoryOrganisation
from services.intake.importer.rejects import Reject, RejectsFile
from shared.application.command_dispatch import CommandId
from shared.kernel.plain_text import visible_controls
from tests.support.serving import served

TURNING = (
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u2028\u2029\ufeff\x1b\x9b\x00\x08"
)


@given(st.text())
def test_printed_text_has_no_invisible_characters_and_loses_none(text: str) -> None:
    shown = visible_controls(text + TURNING)
    assert not set(shown) & set(TURNING)
    assert all(f"<U+{ord(one):04X}>" in shown for one in TURNING)
    assert visible_controls(shown) == shown


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_printed_json_is_the_same_value_without_invisible_characters(text: str) -> None:
    content = orjson.dumps({"text": text + TURNING}).decode()
    assert orjson.loads(escaped(content)) == {"text": text + TURNING}
    assert not set(escaped(content)) & set(TURNING)


@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹦﹢﹣﹫")
@pytest.mark.parametrize("before", ["", " ", "\u3000", "\u200b", "\t", "\r", "\n", "\x00"])
def test_cell_that_begins_like_a_formula_is_defused(tmp_path: Path, sign: str, before: str) -> None:
    cell = f"{before}{sign}cmd|'/c calc'!A1"
    assert defused(cell) == f"'{cell}"
    rejects = RejectsFile(tmp_path / "rejects.csv")
    rejects.write([Reject(1, cell, "x", cell, cell)])
    rows = list(csv.reader(io.StringIO((tmp_path / "rejects.csv").read_text("utf-8-sig"), newline="")))
    assert all(not one.lstrip().startswith(sign) for one in rows[1])


@pytest.mark.parametrize("cell", ["-", "-12.5", "3", "zj", "３月", "a=b", None, 5])
def test_other_cells_stay(cell: str | int | None) -> None:
    assert defused(cell) == cell


NUMBERS = ("13800000000", "8613800000000", "110101199003070011", "11010119900307001X", "110101900307001")


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", ["{}", "cmd-{}", "{}.1", "a:{}:b"])
def test_command_id_with_personal_number_is_refused(number: str, form: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(CommandId).validate_python(form.format(number))


@pytest.mark.parametrize(
    "good",
    [
        "c-1",
        "01JD8Y6Z3V4",
        "1764295821123",
        "2026.000117",
        "8f14e45f-ceea-467f-a8a6-9b1e6a0c2d11",
        "8f14e45f-ceea-467f-a8a6-a13800000000",
        "8F14E45FCEEA467FA8A6A13800000000",
    ],
)
def test_usual_command_ids_are_accepted(good: str) -> None:
    assert TypeAdapter(CommandId).validate_python(good) == good


@pytest.mark.parametrize(
    "name",
    [
        *NUMBERS,
        "张三 13800000000",
        "１３８００００００００",
        "a@example.org",
        "010-8888 8888",
        "局\u202e",
        "局\n二",
        "2026",
        "名" * 121,
    ],
)
def test_name_of_imported_organisation_is_one(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        HistoryOrganisation(name=name, create=True)
    assert "url" in str(error.value) or name  # the message goes through problem.invalid(), which quotes no value


@pytest.mark.parametrize(
    "name", ["示例市住房和城乡建设局", "第12中学", "Department of Public Works", "DPW-Solid Waste (2)"]
)
def test_usual_names_of_organisations_are_accepted(name: str) -> None:
    assert HistoryOrganisation(name=name).name == name


async def test_refused_personal_number_is_in_no_answer() -> None:
    async with served() as here:
        case = (await here.filed())["case"]
        async with here.client("registrar") as desk:
            body = {"command": "nudge", "command_id": "c-13800000000"}
            answer = await desk.post(f"/v1/cases/{case}/commands", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "command_id")
        assert "13800000000" not in answer.text


def test_results_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        old = tmp_path / "old"
        old.write_bytes(b"x")
        old.chmod(0o666)
        for path in (old, tmp_path / "new"):
            write_private(path, b"figures")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with private_file(tmp_path / "log") as file:
            file.write(b"x")
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
        with pytest.raises(FileExistsError):
            private_file(tmp_path / "log")
    finally:
        os.umask(before)
