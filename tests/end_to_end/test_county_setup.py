"""Setting up a county: starter files, validation findings, and a new organisation on a running server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import httpx
import pytest

from deploy.storage.data_folder import Folder
from tests.support.process import huiyin, server

pytestmark = pytest.mark.slow


@pytest.fixture
def county(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "county"
    begun = huiyin("init", str(folder))
    assert begun.returncode == 0, begun.stderr
    yield folder


def test_validate_exit_code_reports_findings(county: Path) -> None:
    assert huiyin("policy", "validate", str(county)).returncode == 0
    change(county, "routing.csv", "S02,*,cgj", "S02,*,gone")
    found = huiyin("policy", "validate", str(county))
    assert found.returncode == 1
    assert found.stderr.splitlines() == [
        "routing.csv:3:E: routing.rules[r-streets].org: organisation 'gone' is not in organisations; add it or correct the code"
        " 单位 'gone' 不在 organisations 中，请添加，或更正代码。"
    ]
    (finding,) = json.loads(huiyin("policy", "validate", str(county), "--json").stdout)["findings"]
    assert finding == {
        "where": "routing.rules[r-streets].org",
        "what": "organisation 'gone' is not in organisations; add it or correct the code",
        "what_zh": "单位 'gone' 不在 organisations 中，请添加，或更正代码。",
        "file": "routing.csv",
        "line": 3,
        "column": "E",
    }
    again = huiyin("init", str(county))
    assert again.returncode == 1 and "not empty" in again.stderr


def add(folder: Path, table: str, line: str) -> None:
    """As a spreadsheet saves it."""
    with (folder / table).open("a", encoding="utf-8", newline="") as file:
        file.write(line + "\r\n")


def change(folder: Path, table: str, old: str, new: str) -> None:
    path = folder / table
    text = path.read_bytes().decode("utf-8")
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode("utf-8"))


def test_organisation_is_added_to_running_server(county: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    where = ("--data", str(data))
    with server(data, sample=False):
        put = huiyin("policy", "activate", str(county), *where)
        assert put.returncode == 0, put.stderr
        assert org_of_a_filing("1", data) == ("cgj", ANY), "the keyword rule knew the subject"

        add(county, "organisations.csv", "zmgl,照明管理所,Lighting Office,handling,cgj,qingxi,pull")
        add(county, "routing.csv", "r-light,*,S0201,*,zmgl,,,,")
        changes = huiyin("policy", "diff", str(county), *where).stdout.splitlines()
        assert changes == [
            "+ organisations[zmgl]: 照明管理所",
            "+ routing.rules[r-light]",
            "→ 4 × (place 属地, subject 事项): cgj → zmgl, e.g. 例如 qingxi, S0201",
        ]
        past = huiyin("policy", "activate", str(county), "--from", "2020-01-01", *where)
        assert past.returncode == 2 and "policy_in_the_past" in past.stderr
        assert "请不写日期以立即生效" in past.stderr
        later = huiyin("policy", "activate", str(county), "--from", "2099-01-01", *where)
        assert later.returncode == 0 and "2099-01-01" in later.stdout
        assert org_of_a_filing("2", data) == ("cgj", ANY), "not yet"

        now = huiyin("policy", "activate", str(county), *where)
        assert now.returncode == 0, now.stderr
        org, number = org_of_a_filing("3", data)
        assert org == "zmgl"
        inbox = json.loads(huiyin("inbox", "zmgl", *where, "--json").stdout)
        assert [one["number"] for one in inbox["entries"]] == [number]

        change(county, "organisations.csv", "zmgl,照明管理所,Lighting Office,handling,cgj,qingxi,pull\r\n", "")
        change(county, "routing.csv", "r-light,*,S0201,*,zmgl,,,,\r\n", "")
        held = huiyin("policy", "activate", str(county), *where)
        assert held.returncode == 2 and "holds open cases" in held.stderr
        (line,) = [line for line in held.stderr.splitlines() if line.startswith("  organisations[zmgl]: ")]
        assert "or keep it 已被删除，但仍有未办结件；" in line


def org_of_a_filing(item: str, data: Path) -> tuple[str, str]:
    """Register a filing without a subject; return its organisation and number."""
    transport = httpx.HTTPTransport(uds=str(Folder(data).socket_path))
    with httpx.Client(
        transport=transport, base_url="http://huiyin", headers={"x-huiyin-as": "registrar:xfj"}
    ) as client:
        body = {"channel": "web", "item": item, "text": "村口的路灯不亮了", "place": "dongzhen"}
        number = client.post("/v1/submissions", json=body, timeout=60).json()["number"]
        until = time.monotonic() + 60
        while time.monotonic() < until:
            shown = client.get(f"/v1/cases/{number}", params={"content": "false"}, timeout=60).json()
            if shown["org"] is not None:
                return str(shown["org"]["code"]), str(number)
            time.sleep(0.1)
    raise AssertionError(shown)
