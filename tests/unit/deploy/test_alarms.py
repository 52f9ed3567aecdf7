"""Alarms and dashboard use existing metrics; each alarm fires as specified and has a section in the manual."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.api.app import build_app
from deploy.modes.composition import SERVICES
from services.supervision.leases import SLOTS
from shared.hosting.delivery_metrics import FIGURES
from shared.hosting.metrics import Metrics
from tests.support.serving import served

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "huiyin.json"
MANUAL = ROOT / "docs" / "operations.md"
OURS = re.compile(r"\b(?:huiyin|petition)_[a-z_]+")
GIVEN = {"instance", "job", "le", "alertstate"}
"""Labels that Prometheus adds."""


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((PROMETHEUS / "rules.yml").read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def queries() -> dict[str, str]:
    """Location of a query -> the query."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def exposed() -> dict[str, set[str]]:
    """Every name that the code exposes -> its labels."""
    found: dict[str, set[str]] = {}
    registry = Metrics().registry
    for collector, names in registry._collector_to_names.items():
        for name in names:
            found[name] = set(getattr(collector, "_labelnames", ()))
    found.update({figure.name: set(figure.labels) for figure in FIGURES})
    return found


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool. A machine without it skips the test; on CI that is a failure."""
    program = shutil.which("promtool")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("cannot run here, needs promtool (apt-get install prometheus)")
        pytest.skip("not run: needs promtool (apt-get install prometheus)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("where", queries())
def test_every_queried_metric_is_exposed_with_its_labels(where: str) -> None:
    query, known = queries()[where], exposed()
    names = set(OURS.findall(query))
    assert names or "up{" in query or "ALERTS{" in query
    assert names <= known.keys(), names - known.keys()
    labels = {label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")}
    labels |= set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", query))
    assert labels <= GIVEN.union(*(known[name] for name in names)), query


def test_no_metric_has_label_with_unbounded_cardinality() -> None:
    labels = set().union(*exposed().values())
    assert labels == {
        "channel", "channel_class", "clock", "command", "jurisdiction", "method", "org_class", "reason", "result", "route", "rule",
        "service", "state", "status", "topic", "view", "witness",
    }, "a label with an organisation, a case or a person has as many values as there are of them"  # fmt: skip


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alarm_texts_are_bilingual_and_link_to_manual(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning") and "for" in rule
    for name in ("summary", "description"):
        assert notes[name].isascii(), name
        assert re.search(r"[\u4e00-\u9fff]", notes[f"{name}_zh"]), name
    path, _, anchor = notes["runbook"].partition("#")
    assert ROOT / path == MANUAL
    sections = re.findall(r"^### (\w+)\n\n(.+)", MANUAL.read_text("utf-8"), re.MULTILINE)
    assert [len(text) > 60 for name, text in sections if name.lower() == anchor] == [True], anchor


def test_manual_names_existing_alarms_only() -> None:
    named = set(re.findall(r"\bHuiyin[A-Z]\w+", MANUAL.read_text("utf-8")))
    assert named == {rule["alert"] for rule in rules()}


def test_alarm_slot_count_matches_code() -> None:
    (rule,) = [rule for rule in rules() if rule["alert"] == "HuiyinDeadlinesUnwatched"]
    assert rule["expr"].endswith(f"< {SLOTS}")


def test_alarms_fire_and_stay_silent_as_specified() -> None:
    done = promtool("check", "rules", str(PROMETHEUS / "rules.yml"))
    assert done.returncode == 0, done.stderr
    done = promtool("test", "rules", str(PROMETHEUS / "rules.test.yml"))
    assert done.returncode == 0, done.stderr
    stories = yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text("utf-8"))["tests"]
    told = {story["name"] for story in stories}
    assert told == {f"{rule['alert']} {what}" for rule in rules() for what in ("sounds", "is silent")}


@pytest.mark.nightly
@pytest.mark.parametrize(("always", "fails"), [("vector(1)", "is silent"), ("vector(0) > 1", "sounds")])
def test_each_alarm_scenario_detects_broken_alarm(tmp_path: Path, always: str, fails: str) -> None:
    broken = rules()
    for rule in broken:
        rule["expr"] = always
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "broken", "rules": broken}]}))
    stories = yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text("utf-8"))
    for rule in rules():
        mine = [story for story in stories["tests"] if story["name"] == f"{rule['alert']} {fails}"]
        (tmp_path / "test.yml").write_text(yaml.safe_dump({**stories, "tests": mine}))
        assert mine
        assert promtool("test", "rules", str(tmp_path / "test.yml")).returncode == 1, rule["alert"]


def test_every_dashboard_query_is_valid_promql(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries().values())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stderr
    recorded.append({"record": "panel:wrong", "expr": "sum by ("})
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert promtool("check", "rules", str(file)).returncode == 1


def test_dashboard_top_row_shows_status_panels() -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    source = yaml.safe_load((ROOT / "deploy" / "grafana" / "datasource.yml").read_text("utf-8"))["datasources"][0]
    assert board["uid"] == "huiyin" and board["panels"]
    top = [panel for panel in board["panels"] if panel["gridPos"]["y"] == 0]
    assert len(top) == 6 and {panel["type"] for panel in top} == {"stat"}
    for panel in top:
        colours = [step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert {"green"} < set(colours) and panel["options"]["colorMode"] == "background", panel["title"]
    assert len(board["panels"]) - len(top) < 12
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        assert re.search(r"[A-Za-z].*[\u4e00-\u9fff]", panel["title"]) and panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": source["uid"]}
    assert not list(_overlapping(board["panels"]))


def _overlapping(shown: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for place, one in enumerate(shown):
        for other in shown[place + 1 :]:
            a, b = one["gridPos"], other["gridPos"]
            if (
                abs(a["x"] - b["x"]) < (a if a["x"] < b["x"] else b)["w"]
                and abs(a["y"] - b["y"]) < (a if a["y"] < b["y"] else b)["h"]
            ):
                yield one["title"], other["title"]


async def test_time_to_answer_leaves_out_exactly_the_long_polls() -> None:
    async with served() as here:
        paths = build_app(here.runtime).openapi()["paths"]
    waiting = {
        path
        for path, methods in paths.items()
        if any(one["name"] == "wait" for one in methods.get("get", {}).get("parameters", ()))
    }
    (pattern,) = {found for query in queries().values() for found in re.findall(r'route!~"(.*?)"', query)}
    assert waiting == {path for path in paths if re.fullmatch(pattern, path)}


def test_service_down_names_each_service() -> None:
    (rule,) = [rule for rule in rules() if rule["alert"] == "HuiyinServiceDown"]
    assert tuple(re.findall(r'absent\(huiyin_service_runs\{service="(\w+)"\}\)', rule["expr"])) == SERVICES
    assert rule["labels"]["severity"] == "critical"
    stories = yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text("utf-8"))["tests"]
    told = [str(story["promql_expr_test"]) for story in stories if story["name"] == "HuiyinServiceDown sounds"]
    assert all(any(f'service="{service}"' in one for one in told) for service in SERVICES)
