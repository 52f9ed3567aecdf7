"""Both examples, a platform and a department, as processes that know only the published contract, against our processes on real
servers: the one files and hears every step of a whole life, the other does the work. People who are neither act over HTTP."""

from __future__ import annotations

import ast
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.end_to_end.test_department_topics import client as department
from tests.end_to_end.test_department_topics import entries, eventually, policy, records
from tests.end_to_end.test_full_mode import Process, asked, owner, place, serving, settled
from tests.support.process import clean_environment, huiyin
from tests.support.schemas import unfit
from tests.support.servers import kafka

__all__ = ["place"]
pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
CLIENT = Path(__file__).parents[2] / "examples" / "platform" / "client.py"
FILING = {
    "channel": "province",
    "text": "楼道漏水",
    "place": "dh-yl",
    "subject": "0102",
    "petitioner": {"name": "张三"},
}
HEARD = [
    "registered", "sent", "accepted", "notice", "extended", "replied", "invited", "invited", "closed",
]  # fmt: skip


def test_example_is_short_and_does_not_import_huiyin() -> None:
    text = CLIENT.read_text()
    assert len(text.splitlines()) < 115
    named = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert named - set(sys.stdlib_module_names) == {"aiokafka", "httpx"}


@contextmanager
def running(
    folder: Path, filings: list[Any], notebook: Path, settings: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """The client as a process, until the end of the block; then it is killed, as platforms are."""
    lines = folder / "filings.jsonl"
    lines.write_text("\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in filings))
    with (folder / "client.err").open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-I", str(CLIENT), "cn-demo", "province", str(lines), str(notebook)],
            env={**clean_environment(), **settings},
            cwd=folder,
            stderr=errors,
            text=True,
        )
    try:
        yield process
        assert process.poll() is None, (folder / "client.err").read_text()
    finally:
        process.kill()
        process.wait()


def noted(notebook: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(notebook.read_text())["cases"] if notebook.exists() else {}
    return found


def until(notebook: Path, condition: Callable[[dict[str, Any]], bool], seconds: float = 120) -> dict[str, Any]:
    """The received updates, once they satisfy the condition."""
    end = time.monotonic() + seconds
    while not condition(noted(notebook)):
        assert time.monotonic() < end, noted(notebook)
        time.sleep(0.2)
    return noted(notebook)


def steps(known: dict[str, Any], item: str) -> list[str]:
    return [kind for _id, kind, _detail in known.get(item, {"heard": []})["heard"]]


def key_of(process: Process, role: str, org: str, **more: Any) -> str:
    with owner(process.data) as client:
        answer = client.post("/local/keys", json={"role": role, "org": org, **more})
    assert answer.is_success, answer.text
    key: str = answer.json()["key"]
    return key


def act(url: str, key: str, case: str, command: str, fields: dict[str, Any]) -> None:
    """A command over HTTP, repeated until its precondition is met."""
    body = {"command": command, "command_id": f"life-{command}", **fields}
    end = time.monotonic() + 60
    while True:
        answer = httpx.post(
            f"{url}/v1/cases/{case}/commands", json=body, headers={"authorization": f"Bearer {key}"}, timeout=30
        )
        if answer.is_success:
            return
        assert answer.status_code in (401, 404, 409, 503) and time.monotonic() < end, answer.text
        time.sleep(0.5)


@pytest.mark.nightly
def test_platform_receives_every_step_of_case_handled_by_department(tmp_path: Path, place: dict[str, str]) -> None:
    with ExitStack() as stack:
        intake = stack.enter_context(serving("intake", tmp_path, place))
        done = huiyin("policy", "activate", str(policy(tmp_path)), "--data", str(intake.data), **place)
        assert done.returncode == 0, done.stderr
        applied = huiyin("topics", "apply", **place)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        processes = [
            intake,
            stack.enter_context(serving("routing", tmp_path, place)),
            stack.enter_context(serving("supervision", tmp_path, place)),
        ]
        keys = {
            "platform": key_of(intake, "platform", "province"),
            "clerk": key_of(intake, "clerk", "zj"),
            "head": key_of(intake, "clerk", "zj", person="z-9", head=True),
            "organisation": key_of(intake, "organisation", "zj"),
            "supervisor": key_of(intake, "supervisor", "xfj"),
            "follow-up": key_of(intake, "registrar", "hfzx"),
        }
        notebook = tmp_path / "notebook.json"
        settings = {
            "HUIYIN_URL": intake.url, "HUIYIN_ACCESS_KEY": keys["platform"],
            "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(), "HUIYIN_KAFKA_PREFIX": place["HUIYIN_KAFKA_PREFIX"],
        }  # fmt: skip
        filings: list[Any] = [
            {**FILING, "item": "P-1"},
            {**FILING, "item": "P-1"},
            "这不是 JSON",
            {**FILING, "item": "P-2", "channel": "web"},
            {"command": "nudge", "command_id": "n-1", "case": "province:P-1"},
            {**FILING, "item": "P-3"},
        ]
        out = tmp_path / "department.out"
        stack.enter_context(department(processes[1], place, keys["organisation"], out))

        def handled_by_department(command: str, case: str) -> bool:
            return any((one["command"], one["case"], one["detail"]) == (command, case, "done") for one in entries(out))

        with running(tmp_path, filings, notebook, settings):
            known = until(notebook, lambda found: "sent" in steps(found, "P-1") and "sent" in steps(found, "P-3"))
            assert known["P-1"]["number"] and len(known["P-1"]["code"]) > 20
            assert known["P-2"]["refused"] == ["foreign_channel", "channel"]
            assert [one["refused"] for name, one in known.items() if "offset" in name] == [["not_json", None]]
            case = known["P-1"]["case"]
            until(notebook, lambda found: "notice" in steps(found, "P-1"))
            eventually(lambda: handled_by_department("ask_extension", case))
            act(processes[1].url, keys["clerk"], case, "record_step", {"step": "site_visit"})
        extension = {"days": 10, "approver": "局长", "reason": "须鉴定"}
        act(processes[1].url, keys["head"], case, "grant_extension", extension)  # while the platform is away
        eventually(lambda: handled_by_department("confirm_execution", case))
        with running(tmp_path, [], notebook, settings):
            known = until(notebook, lambda found: "replied" in steps(found, "P-1"))
            assert f"“{FILING['text']}”" in str(known["P-1"]["answer"]), (
                "the decision quotes what the department had by GET"
            )
            grade = {"object": "organisation", "grade": "satisfied"}
            evaluation = {"case": case, "command": "evaluate", "command_id": "e-1", **grade}
        with running(tmp_path, [evaluation], notebook, settings):
            until(notebook, lambda found: steps(found, "P-1").count("done") == 2)
            act(processes[2].url, keys["follow-up"], case, "follow_up", {"reached": True, "satisfied": True})
            act(processes[2].url, keys["supervisor"], case, "close", {"kind": "resolved_confirmed"})
            known = until(notebook, lambda found: "closed" in found["P-1"])
            assert known["P-1"]["closed"] == "resolved_confirmed"
            heard = [kind for kind in steps(known, "P-1") if kind != "done"]
            assert heard == ["registered", "registered", *HEARD[1:]] or sorted(heard) == sorted([HEARD[0], *HEARD])
            eventually(lambda: (entries(out)[-1]["kind"], entries(out)[-1]["case"]) == ("closed", case))
        zero = tmp_path / "zero.json"
        with running(tmp_path, [], zero, settings):
            again = until(zero, lambda found: "closed" in found.get("P-1", {}))
        assert again["P-1"]["heard"] == known["P-1"]["heard"], "one that begins from zero knows the same"
        replayed = huiyin("platform", "replay", "province", "--since", "2", "--data", str(intake.data), **place)
        assert replayed.returncode == 0, replayed.stderr
        other = huiyin("platform", "replay", "province", "--data", str(processes[1].data), **place)
        assert other.returncode == 1 and "no_topics_here" in other.stderr
        day = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()
        found = asked(intake.data, "GET", f"/v1/platforms/province/days/{day}")
        figures = [found[name] for name in ("sent", "registered", "done", "refused", "same_again")]
        assert figures == [7, 2, 2, 2, 1] and found["refusals"] == {"foreign_channel": 1, "not_json": 1}
        heard_of = asyncio.run(records(place, "updates.cn-demo.province"))
        assert unfit("updates", [record.value for record in heard_of]) == []
        assert unfit("assignments", [one.value for one in asyncio.run(records(place, "assignments.cn-demo.zj"))]) == []
        settled(processes)
        for one in processes:
            assert asked(one.data, "GET", "/local/parked")["parked"] == []
