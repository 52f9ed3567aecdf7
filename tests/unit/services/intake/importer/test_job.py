"""The whole import of a file: counts, resuming, two concurrent batches, rejects."""

from __future__ import annotations

import asyncio
import gzip
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from deploy.cli.import_run import ImportOptions, Stopped, post, run_import
from deploy.cli.output import use_json
from services.intake.importer import job as running
from services.intake.importer import mapping_file as mappings
from services.intake.importer.errors import FileError, MappingError
from services.intake.importer.job import Report, import_file

MAPPING = """
source: {zone: Asia/Shanghai}
jurisdiction: cn-demo
channel: {constant: web, class: web}
item: id
filing: {received_at: time, text: text, name: who}
steps: [{event: ReplyDelivered, date: replied}]
due: {clock: C5, column: due}
"""
SECRET = "某某某秘密"


class Server:
    """A server that records requests and gives prepared answers."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.sent: list[int] = []
        self.stop_at: int | None = None
        self.under_way = self.most = 0

    async def send(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.005)
        self.under_way -= 1
        if self.stop_at is not None and len(self.sent) >= self.stop_at:
            raise Stopped("no_server", "gone", "无", 503)
        self.sent.append(len(items))
        return [self.one(item) for item in items]

    def one(self, item: dict[str, Any]) -> dict[str, Any]:
        due = {"result": "equal"} if "due" in item else None
        if item["item"] == "13":
            return {"line": 0, "result": "refused", "code": "unlucky", "why": "No.", "why_zh": "不", "field": "item"}
        known = self.items.get(item["item"])
        self.items[item["item"]] = item
        result = "added" if known is None else "same" if known == item else "extended"
        return {"line": item["line"], "result": result, "steps_added": int(result == "extended"), "due": due}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(running, "BATCH", 10)
    path = tmp_path / "export.csv"
    lines = ["id,time,text,who,replied,due,extra,民族"]
    lines += [f"{n},2026-01-01 08:00,{SECRET}{n},{SECRET},,2026-03-0{n % 9 + 1},x,汉" for n in range(100)]
    lines[51] = f'50,"{SECRET}'
    lines[61] = f"60,2026-02-30,{SECRET},,,,,"
    path.write_text("\n".join(lines), "utf-8")
    return path


def imported(server: Server, file: Path, **more: Any) -> Report:
    return asyncio.run(import_file(server.send, file, mappings.parse(MAPPING), **more))


def test_import_reports_counts_and_rejects(file: Path) -> None:
    server = Server()
    seen: list[int] = []
    report = imported(server, file, progress=lambda so_far, share: seen.append(so_far.rows))
    assert (report.rows, report.added, report.refused, report.bad_rows) == (100, 97, 1, 2)
    assert report.problems == {"broken_quotes": 1, "impossible_date": 1, "unlucky": 1}
    assert report.dues_equal == 97
    assert report.dropped_columns == ["民族"]
    assert report.unmapped_columns == {"extra": 98}
    assert server.most == 2
    assert seen == sorted(seen)
    assert report.rejects is not None
    rejects = Path(report.rejects)
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    text = rejects.read_text("utf-8-sig")
    assert [line.split(",")[:3] for line in text.splitlines()[1:]] == [
        ["15", "item", "unlucky"],
        ["52", "row", "broken_quotes"],
        ["62", "received_at", "impossible_date"],
    ]
    assert SECRET not in text
    again = imported(server, file)
    assert (again.added, again.same) == (0, 97)


def test_import_adds_steps_of_additional_cells(file: Path) -> None:
    server = Server()
    imported(server, file)
    file.write_text(file.read_text("utf-8").replace(f",{SECRET},,", f",{SECRET},2026-01-09,"), "utf-8")
    report = imported(server, file)
    assert (report.added, report.extended, report.steps_added) == (0, 97, 97)


@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_interrupted_import_resumes(file: Path, tmp_path: Path, stop: int) -> None:
    state = tmp_path / "state.json"
    whole = imported(Server(), file, rejects_path=tmp_path / "whole.csv")
    server = Server()
    server.stop_at = stop
    with pytest.raises(Stopped):
        imported(server, file, state_path=state)
    before = len(server.sent)
    server.stop_at = None
    report = imported(server, file, state_path=state)
    assert len(server.sent) - before <= 10 - stop + 2
    for name in ("rows", "refused", "bad_rows", "problems", "unmapped_columns"):
        assert getattr(report, name) == getattr(whole, name)
    assert report.added + report.same == whole.added
    assert len(server.items) == whole.added
    assert (report.resumed_after_line is not None) == (stop > 0)
    assert Path(str(report.rejects)).read_text() == (tmp_path / "whole.csv").read_text()
    assert not state.exists()


def test_changed_mapping_or_damaged_state_restarts_import(file: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    for content in ("{", "[]", json.dumps({"key": "x", "line": 50}), "\x00"):
        state.write_text(content)
        assert imported(Server(), file, state_path=state).rows == 100


def test_dry_run_sends_nothing_and_shows_no_personal_data(file: Path, tmp_path: Path) -> None:
    server = Server()
    report = imported(server, file, dry_run=True, state_path=tmp_path / "state.json")
    assert server.sent == []
    assert (report.understood, report.bad_rows, report.added) == (98, 2, 0)
    assert len(report.preview) == 3
    assert SECRET not in json.dumps(vars(report), ensure_ascii=False)
    assert not (tmp_path / "state.json").exists()


def test_missing_column_stops_import_before_sending(file: Path) -> None:
    server = Server()
    with pytest.raises(MappingError):
        asyncio.run(import_file(server.send, file, mappings.parse(MAPPING.replace("text: text", "text: txt"))))
    assert server.sent == []


def test_truncated_file_reports_last_processed_row(file: Path, tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%d,2026-01-01 08:00,%d,,,,x,x\n" % (n, n**5) for n in range(1, 2000)))
    head = gzip.compress(file.read_bytes().splitlines(keepends=True)[0])
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(head + whole[: len(whole) // 2])
    server = Server()
    mapping = mappings.parse(MAPPING.replace("{zone:", "{encoding: utf-8, zone:"))
    with pytest.raises(FileError) as caught:
        asyncio.run(import_file(server.send, broken, mapping))
    assert caught.value.code == "broken_gz"
    assert caught.value.rows > 100
    assert len(server.items) + 1 >= caught.value.rows, "what was read is carried through (one is refused)"


def test_go_live_option_is_forwarded(file: Path) -> None:
    server = Server()
    imported(server, file, go_live=True)
    assert all(item["go_live"] for item in server.items.values())


# ---------------------------------------------------------------- the command


def client(server: Server, *, answers: list[int] | None = None) -> httpx.AsyncClient:
    codes = list(answers or [])

    async def answer(request: httpx.Request) -> httpx.Response:
        code = codes.pop(0) if codes else 200
        if code == 0:
            raise httpx.ConnectError("no")
        if code != 200:
            return httpx.Response(code, json={"code": "role_not_allowed", "detail": "No.", "detail_zh": "不"})
        if request.url.path == "/v1/policies":
            return httpx.Response(200, json={"policies": []})
        assert request.url.path == "/v1/history:batch"
        assert request.url.params["jurisdiction"] == "cn-demo"
        items = [json.loads(line) for line in request.content.splitlines()]
        found = await server.send(items)
        return httpx.Response(200, content="\n".join(map(json.dumps, found)))

    return httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://x")


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING, "utf-8")
    return path


def run(server: Server, options: ImportOptions, answers: list[int] | None = None) -> int:
    async def whole() -> int:
        async with client(server, answers=answers) as made:
            try:
                return await run_import(made, options)
            except typer.Exit as ended:
                return ended.exit_code

    return asyncio.run(whole())


@pytest.fixture
def as_json() -> Iterator[None]:
    """As after `--json`."""
    use_json(True)
    yield
    use_json(False)


def test_import_command_prints_summary(file: Path, mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server()
    assert run(server, ImportOptions(file, mapping)) == 1
    shown = capsys.readouterr().out
    assert "97" in shown
    assert "民族" in shown
    assert SECRET not in shown
    assert run(server, ImportOptions(file, mapping, dry_run=True)) == 1


@pytest.mark.usefixtures("as_json")
def test_import_command_prints_json(file: Path, mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Server(), ImportOptions(file, mapping)) == 1
    assert json.loads(capsys.readouterr().out)["added"] == 97


def test_wrong_use_is_reported(file: Path, tmp_path: Path, mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Server(), ImportOptions(file)) == 2
    assert run(Server(), ImportOptions(file, tmp_path / "none.yaml")) == 2
    assert run(Server(), ImportOptions(tmp_path / "none.csv", mapping)) == 2
    mapping.write_text(MAPPING.replace("jurisdiction: cn-demo", ""), "utf-8")
    assert run(Server(), ImportOptions(file, mapping)) == 2
    assert "--jurisdiction" in capsys.readouterr().err
    assert run(Server(), ImportOptions(file, mapping, jurisdiction="cn-demo"), [403]) == 2


@pytest.mark.usefixtures("as_json")
def test_wrong_use_is_reported_as_json(file: Path, mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping.write_text(MAPPING.replace("jurisdiction: cn-demo", ""), "utf-8")
    assert run(Server(), ImportOptions(file, mapping)) == 2
    assert json.loads(capsys.readouterr().out)["code"] == "jurisdiction_missing"


def test_command_suggests_mapping_once(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.yaml"
    assert run(Server(), ImportOptions(file, new, suggest=True)) == 0
    assert mappings.load(new).item.column == "id"
    assert run(Server(), ImportOptions(file, new, suggest=True)) == 2
    assert run(Server(), ImportOptions(file, suggest=True)) == 0
    assert SECRET not in capsys.readouterr().out


async def test_unreachable_server_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr("deploy.cli.import_run.asyncio.sleep", sleep)
    item = {"line": 2, "item": "1"}
    async with client(Server(), answers=[0, 503, 507]) as made:
        assert (await post(made, [item], "cn-demo"))[0]["result"] == "added"
    async with client(Server(), answers=[0] * 20) as made:
        with pytest.raises(Stopped):
            await post(made, [item], "cn-demo")
    async with client(Server(), answers=[422]) as made:
        with pytest.raises(Stopped) as caught:
            await post(made, [item], "cn-demo")
    assert caught.value.code == "role_not_allowed"
