"""The first steps of a new user: start the server, run the eight documented commands, and handle common mistakes."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.process import Server, clean_environment, huiyin, server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    data = tmp_path_factory.mktemp("serve") / "data"
    with server(data) as found:
        yield found, str(data)


def test_eight_printed_commands_work(running: tuple[Server, str]) -> None:
    found, data = running
    assert len(found.steps) == 8
    for step in found.steps:
        pasted = f"{found.preparing}\n{step}"
        done = subprocess.run(
            pasted, shell=True, capture_output=True, text=True, env=clean_environment(), timeout=60, check=False
        )
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    case = found.steps[1].split()[2]
    shown = json.loads(huiyin("case", "show", case, "--data", data, "--json").stdout)
    assert (shown["state"], shown["closure"]) == ("closed", "explained")
    assert shown["evaluations"] == {"organisation": "satisfied"}


def test_commands_work_next_to_running_server(running: tuple[Server, str]) -> None:
    _found, data = running
    receipt = json.loads(huiyin("submit", "--text", "路灯不亮", "--data", data, "--json").stdout)
    told = huiyin("status", receipt["number"], "--data", data, "--json", HUIYIN_CODE=receipt["code"])
    assert json.loads(told.stdout)["number"] == receipt["number"]
    wrong = huiyin("status", receipt["number"], "--data", data, HUIYIN_CODE="0" * 26)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    refused = huiyin("act", receipt["number"], "close", "kind=explained", "--data", data)
    assert refused.returncode == 1
    assert "not_in_this_state" in refused.stderr
    assert huiyin("act", receipt["number"], "fly", "--data", data).returncode == 2
    assert huiyin("act", receipt["number"], "sign_off", "nothing", "--data", data).returncode == 2
    assert json.loads(huiyin("inbox", "zj", "--data", data, "--json").stdout)["entries"] is not None
    for command in (("verify",), ("scrub",), ("digest",), ("keys", "list"), ("parked", "list"), ("policy", "list")):
        assert huiyin(*command, "--data", data).returncode == 0, command
    assert huiyin("stats", "--data", data, "--json").returncode == 0


def test_link_of_an_invitation_leads_to_the_port_that_was_free(running: tuple[Server, str]) -> None:
    found, data = running
    invited = json.loads(huiyin("person", "invite", "z-1", "--data", data, "--json").stdout)
    port = httpx.URL(found.url).port
    assert port and invited["link"].startswith(f"http://localhost:{port}/join#")
    assert httpx.get(invited["link"]).status_code == 200


def test_filings_of_one_matter_are_linked(running: tuple[Server, str]) -> None:
    _found, data = running
    text = (
        "--text",
        "东湖小区三号楼路灯不亮，已经半个月",
        "--place",
        "dh-yl",
        "--subject",
        "0102",
        "--channel",
        "letter",
    )
    for item in ("joined-1", "joined-2"):
        assert huiyin("submit", *text, "--item", item, "--as", "registrar:xfj", "--data", data).returncode == 0
    lead, follower, desk = "letter:joined-1", "letter:joined-2", ("--as", "registrar:xfj", "--data", data)
    number = json.loads(huiyin("case", "show", lead, "--data", data, "--json").stdout)["number"]
    late = huiyin("case", "candidates", follower, *desk)
    assert late.returncode == 1 and "not_at_intake" in late.stderr
    assert huiyin("act", follower, "recall", *desk).returncode == 0
    offered = huiyin("case", "candidates", follower, *desk)
    assert offered.returncode == 0 and number in offered.stdout
    found = json.loads(huiyin("case", "candidates", follower, *desk, "--json").stdout)["candidates"]
    assert (found[0]["number"], found[0]["shared"]) == (number, ["place", "subject"])
    assert huiyin("act", follower, "link", f"lead={lead}", "reason=同一盏路灯", *desk).returncode == 0
    shown = huiyin("case", "show", follower, *desk)
    assert number in shown.stdout and "lead" in shown.stdout
    matter = huiyin("case", "matter", follower, *desk)
    assert matter.returncode == 0 and number in matter.stdout
    page = json.loads(huiyin("case", "matter", follower, *desk, "--json").stdout)
    assert [one["leads"] for one in page["filings"]] == [True, False]
    refused = huiyin("act", follower, "dispatch", "org=zj", *desk)
    assert refused.returncode == 1 and "follow_the_lead" in refused.stderr and number in refused.stderr
    assert "none" in huiyin("case", "candidates", _queued(data), *desk).stdout


def _queued(data: str) -> str:
    """A filing that no rule routes and that resembles no other."""
    receipt = json.loads(huiyin("submit", "--text", "萤火虫观赏季，想借天文望远镜", "--data", data, "--json").stdout)
    return str(receipt["number"])


def test_second_server_and_used_port_are_reported(running: tuple[Server, str], tmp_path: Path) -> None:
    found, data = running
    second = huiyin("serve", "--data", data, "--port", "0")
    assert second.returncode == 1
    assert "owned by another server" in second.stderr
    port = httpx.URL(found.url).port
    used = huiyin("serve", "--data", str(tmp_path / "other"), "--port", str(port))
    assert used.returncode == 1
    assert f"Port {port}" in used.stderr


def test_socket_is_accessible_to_owner_only(running: tuple[Server, str]) -> None:
    _found, data = running
    mode = (Path(data) / "huiyin.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(Path(data).stat().st_mode) == 0o700


def test_public_address_requires_access_key(running: tuple[Server, str]) -> None:
    found, _data = running
    with httpx.Client(base_url=found.url) as client:
        assert client.get("/v1/cases").status_code == 401
        assert client.get("/v1/cases", headers={"x-huiyin-as": "registrar:xfj"}).status_code == 401
        headers = {"authorization": f"Bearer {found.key('clerk:zj')}"}
        assert client.get("/v1/cases", headers=headers).status_code == 200
        assert client.get("/local/keys", headers=headers).status_code == 404
        assert client.get("/readyz").status_code == 404
    with httpx.Client(base_url=found.operations) as client:
        assert client.get("/readyz").json()["ready"]
        assert client.get("/v1/cases", headers=headers).status_code == 404
        assert client.get("/metrics", headers=headers).status_code == 403
        operator = {"authorization": f"Bearer {found.key('operations')}"}
        assert "huiyin_ready 1" in client.get("/metrics", headers=operator).text
        assert client.get("/local/keys", headers=operator).json()["keys"]
        assert client.post("/local/keys", headers=operator, json={"role": "analyst"}).status_code in (404, 405)


def test_command_line_works_with_key_over_http(running: tuple[Server, str]) -> None:
    found, _data = running
    mine = {"HUIYIN_URL": found.url, "HUIYIN_ACCESS_KEY": found.key("organisation:zj")}
    assert json.loads(huiyin("inbox", "zj", "--json", **mine).stdout)["entries"] is not None
    assert huiyin("inbox", "jt", **mine).returncode == 1
    assert "key_required" in huiyin("case", "list", HUIYIN_URL=found.url).stderr
    assert huiyin("case", "list", HUIYIN_URL="http://127.0.0.1:9").returncode == 1


def test_backup_and_restore(running: tuple[Server, str], tmp_path: Path) -> None:
    _found, data = running
    copy, again = tmp_path / "backup", tmp_path / "again"
    assert huiyin("backup", str(copy), "--data", data).returncode == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    done = huiyin("restore", str(copy), "--data", str(again))
    assert done.returncode == 0, done.stderr
    made = json.loads((copy / "manifest.json").read_text())
    assert json.loads(huiyin("digest", "log", "--data", str(again), "--json").stdout)["log"] == made["log"]
    assert huiyin("rebuild", "--data", str(again)).returncode == 0
    (copy / "keys" / "keys.sqlite").unlink()
    broken = huiyin("restore", str(copy), "--data", str(tmp_path / "third"))
    assert broken.returncode == 1
    assert not (tmp_path / "third").exists()


def test_command_without_server_reports_how_to_start_one(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    nothing = huiyin("case", "list", "--data", data)
    assert nothing.returncode == 2
    assert "no folder" in nothing.stderr
    assert huiyin("policy", "activate", "demo", "--data", data).returncode == 0
    receipt = json.loads(
        huiyin("submit", "--text", "漏水", "--place", "dh-yl", "--subject", "0102", "--data", data, "--json").stdout
    )
    signed = json.loads(huiyin("act", receipt["number"], "sign_off", "--data", data, "--json").stdout)
    assert signed["state"] == "signed"
    exported = huiyin("export", "--prefix", "case/", "--data", data).stdout.splitlines()
    assert [json.loads(line)["type"] for line in exported][-1] == "SignedFor"


def test_unusable_folders_are_refused(tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "format").write_text("99\n")
    (newer / "log.sqlite").touch()
    done = huiyin("serve", "--data", str(newer), "--port", "0")
    assert done.returncode == 2
    assert "newer version" in done.stderr
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").touch()
    done = huiyin("serve", "--data", str(strange), "--port", "0")
    assert done.returncode == 2
    assert not (strange / "format").exists()
    (tmp_path / "file").touch()
    assert huiyin("serve", "--data", str(tmp_path / "file"), "--port", "0").returncode == 2
    assert huiyin("settings", HUIYIN_PORT="many").returncode == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert huiyin("serve", "--data", str(tmp_path / "new"), "--port", port).returncode == 1


def test_settings_command_shows_meaning_and_source(tmp_path: Path) -> None:
    done = huiyin("settings", "--json", HUIYIN_PORT="9000", HUIYIN_ACCESS_KEY="hy_x_secret", HUIYIN_PROT="1")
    found = json.loads(done.stdout)
    by_name = {one["name"]: one for one in found["settings"]}
    assert by_name["HUIYIN_PORT"]["value"] == "9000"
    assert by_name["HUIYIN_PORT"]["source"] == "environment"
    assert all(one["meaning"] for one in found["settings"])
    assert "hy_x_secret" not in done.stdout
    assert found["unknown"] == ["HUIYIN_PROT: is not a setting; HUIYIN_PORT may be meant"]


@pytest.mark.parametrize(("trusted", "answered"), [("127.0.0.1, 10.0.0.0/8", 404), ("10.0.0.0/8", 429)])
def test_guessing_client_behind_trusted_proxy_does_not_lock_out_others(
    tmp_path: Path, trusted: str, answered: int
) -> None:
    def asked(url: str, client: str) -> int:
        wrong = {"number": "2026-0000-0000-0000-0", "code": "0" * 26}
        return httpx.post(f"{url}/v1/status", json=wrong, headers={"x-forwarded-for": client}).status_code

    with server(tmp_path / "data", sample=False, HUIYIN_TRUSTED_PROXIES=trusted) as found:
        assert [asked(found.url, "203.0.113.5") for _ in range(11)] == [404] * 10 + [429]
        assert asked(found.url, "203.0.113.6") == answered
