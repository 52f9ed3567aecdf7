"""`huiyin act --file`: commands from a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import huiyin, server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("bulk") / "data"
    assert huiyin("policy", "activate", "demo", "--data", str(folder)).returncode == 0
    with server(folder, sample=False):
        for item in ("b-1", "b-2"):
            filed = ("--item", item, "--place", "dh-yl", "--subject", "0102", "--text", "楼道漏水")
            assert huiyin("submit", *filed, "--data", str(folder)).returncode == 0
        yield str(folder)


def test_spreadsheet_of_commands_is_executed(data: str, tmp_path: Path) -> None:
    table = tmp_path / "acts.csv"
    rows = (
        "case,command,path,basis,result,text",
        "web:b-1,sign_off,,,,",
        "web:b-1,accept,6,,,",
        'web:b-1,decide,,"住房条例,物业条例",explained,"已核实，说明如下"',
        "web:b-2,close,,,,",
        "web:b-2,sign_off,,,,,,too,many",
        "web:b-2,sign_off,,,,",
    )
    table.write_text("\ufeff" + "\r\n".join(rows) + "\r\n", encoding="utf-8")
    done = huiyin("act", "--file", str(table), "--as", "clerk:zj", "--data", data)
    assert done.returncode == 1
    assert "done 已办理 4, done before 此前已办 0, refused 被拒绝 2" in done.stdout
    assert "line 第 5 行: invalid_request" in done.stderr
    assert "line 第 6 行: too_many_cells" in done.stderr
    again = huiyin("act", "--file", str(table), "--as", "clerk:zj", "--data", data)
    assert "done 已办理 0, done before 此前已办 4, refused 被拒绝 2" in again.stdout
    shown = json.loads(huiyin("case", "show", "web:b-1", "--data", data, "--json").stdout)
    assert shown["state"] == "decided"


def test_commands_are_read_from_standard_input_and_bad_files_refused(data: str, tmp_path: Path) -> None:
    line = json.dumps({"case": "web:b-2", "command": "accept", "path": 6})
    twice = '{"case": "web:b-2", "command": "accept", "path": 6, "command": "close"}'
    lines = f"{line}\noops\n{twice}\n"
    done = huiyin("act", "--file", "-", "--as", "clerk:zj", "--json", "--data", data, stdin=lines)
    results = [json.loads(one) for one in done.stdout.splitlines()]
    assert [one["line"] for one in results] == [1, 2, 3]
    assert results[2]["problem"]["code"] == "duplicate_key", "not the last of the two, as if there were one"
    assert results[0]["answer"]["state"] == "accepted"
    assert results[1]["problem"]["code"] == "not_json"
    headless = tmp_path / "headless.csv"
    headless.write_text("web:b-2,sign_off\n", encoding="utf-8")
    for arguments in (("--file", str(headless)), ("--file", str(tmp_path / "none.csv")), ()):
        assert huiyin("act", *arguments, "--as", "clerk:zj", "--data", data).returncode == 2
    assert huiyin("act", "--file", str(headless), "--data", data).returncode == 2
