"""Faults are planted in a run of the real product and its hash chains recomputed: the checker finds each by the right
invariant.
"""

from __future__ import annotations

import ast
import asyncio
import copy
import json
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import checker
from tests.faults.checker import Log, Op, Run, Stored, verdict
from tests.faults.checker.streams import chained
from tests.faults.good_run import good_run

TYPES = {
    "CaseTransferred", "AssignmentDelivered", "SignedFor", "Accepted", "DecisionIssued", "ReplyDelivered", "CaseClosed",
    "CaseWithdrawn", "DeadlineBreached", "Reminded", "ReturnRequested", "ReturnVerified", "EvaluationInvited",
    "OutboxEntry",
}  # fmt: skip
"""Event types in which a fault is planted below."""
SEEDS = range(1, 13)
"""Runs are made with these, in this order, until every type of `TYPES` has happened: a new command moves what is random."""
STEPS = 250
RUNS: list[Run] = []


def runs() -> list[Run]:
    """Good runs, made once."""
    for seed in () if RUNS else SEEDS:
        RUNS.append(asyncio.run(good_run(seed, STEPS)))
        if types() >= TYPES:
            break
    return RUNS


def types() -> set[str]:
    return {event.type for run in RUNS for events in run.log.streams.values() for event in events}


def test_checker_accepts_good_runs() -> None:
    for run in runs():
        found = verdict(run)
        assert found.good, found.violations
        assert found.counts["events"] > 100
        assert found.counts["submit_ok"] == found.counts["cases"] > 0


def test_good_runs_contain_targets_of_planted_faults() -> None:
    assert len(runs()) >= 1 and types() >= TYPES


# ---- planting

Steps = list[tuple[str, str, dict[str, Any]]]
"""(stream, cause, event): the log taken apart, so that it can be put together again with a fault and whole chains."""


def apart(log: Log) -> Steps:
    return [
        (event.stream, event.cause, copy.deepcopy(event.said)) for events in log.streams.values() for event in events
    ]


def together(steps: Steps) -> Log:
    """A log of these events with new numbers and hash chains: only its content can be wrong."""
    commits: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for stream, cause, event in steps:
        commits.setdefault((stream, cause), []).append({**event, "stream": stream, "cause": cause})
    ends: dict[str, tuple[int, str]] = {}
    made: list[Stored] = []
    for (stream, cause), events in commits.items():
        version, head = ends.get(stream, (0, ""))
        data = [json.dumps({**event, "version": version + place}).encode() for place, event in enumerate(events, 1)]
        after = chained(head, data, "sha256")
        assert after is not None
        made.append(Stored(stream, version + 1, cause, head, after, data))
        ends[stream] = (version + len(data), after)
    return Log(sorted(made, key=lambda one: (one.stream, one.first)))


def first(steps: Steps, kind: str, **body: Any) -> int:
    return next(
        place
        for place, (_stream, _cause, event) in enumerate(steps)
        if event["type"] == kind and all(event["body"].get(name) == value for name, value in body.items())
    )


def again(steps: Steps, place: int, **body: Any) -> None:
    """The same event a second time, immediately, with a new id."""
    stream, _cause, event = copy.deepcopy(steps[place])
    event["body"] |= body
    last = place + max(n for n, one in enumerate(steps[place:]) if one[:2] == steps[place][:2])
    steps.insert(last + 1, (stream, "planted", {**event, "event_id": "planted"}))


Story = Callable[[Steps], None]


def drop(kind: str) -> Story:
    return lambda steps: steps.__delitem__(first(steps, kind))


def drop_before(kind: str, later: str) -> Story:
    """Remove an event of a case in which `later` follows it: what is gone at the end of a case breaks no rule of the states."""

    def story(steps: Steps) -> None:
        followed = {one[0] for one in steps if one[2]["type"] == later}
        del steps[next(n for n, one in enumerate(steps) if one[2]["type"] == kind and one[0] in followed)]

    return story


def twice(kind: str, **body: Any) -> Story:
    return lambda steps: again(steps, first(steps, kind), **body)


def fire_early(steps: Steps) -> None:
    event = steps[first(steps, "DeadlineBreached")][2]
    event["recorded_at"] = event["effective_at"][:4] + "-01-01T00:00:00.000000Z"


def duplicate_case(steps: Steps) -> None:
    stream = steps[first(steps, "CaseRegistered")][0]
    same = [copy.deepcopy(one) for one in steps if one[0] == stream][:1]
    steps.extend(("case/other", cause, {**event, "event_id": "planted"}) for _stream, cause, event in same)


def after_the_end(steps: Steps) -> None:
    place = first(steps, "CaseWithdrawn")
    stream, _cause, event = copy.deepcopy(steps[place])
    steps.insert(place + 1, (stream, "planted", {**event, "event_id": "planted", "type": "MaterialAdded", "body": {}}))


def by_another(steps: Steps) -> None:
    steps[first(steps, "Accepted")][2]["body"]["org"] = "xfj"


def before_acceptance(steps: Steps) -> None:
    one, other = first(steps, "Accepted"), first(steps, "SignedFor")
    steps[other][2]["type"] = "DecisionIssued"
    assert steps[one][0]


def _assigned(steps: Steps) -> int:
    return next(
        n for n, one in enumerate(steps) if one[0].startswith("inbox/") and one[2]["body"]["kind"] == "assigned"
    )


def drop_inbox_entry(steps: Steps) -> None:
    del steps[_assigned(steps)]


def drop_last_invitation(steps: Steps) -> None:
    """After a later reply nobody is asked about an earlier one: that one can be missing."""
    stream = steps[first(steps, "EvaluationInvited")][0]
    places = [n for n, one in enumerate(steps) if one[0] == stream and one[2]["type"] == "EvaluationInvited"]
    del steps[places[-1]]


def move_inbox_entry(steps: Steps) -> None:
    place = _assigned(steps)
    steps[place] = ("inbox/cn-demo/nobody", *steps[place][1:])


STORIES: dict[str, tuple[int, Story]] = {
    "a dispatch is gone": (4, drop("CaseTransferred")),
    "a registration is gone": (1, drop("CaseRegistered")),
    "an acceptance is gone": (4, drop_before("Accepted", "DecisionIssued")),
    "a delivery is gone": (11, drop("AssignmentDelivered")),
    "an entry of an outbox is gone": (11, drop_inbox_entry),
    "an invitation is gone": (11, drop_last_invitation),
    "a breach happens twice": (7, twice("DeadlineBreached")),
    "a reminder happens twice": (7, twice("Reminded")),
    "a breach is early": (7, fire_early),
    "a case is there twice": (2, duplicate_case),
    "a case is registered again": (4, twice("CaseRegistered")),
    "it is sent to two organisations": (4, twice("CaseTransferred", org="xfj")),
    "an organisation acts that does not have it": (4, by_another),
    "it is decided before it is accepted": (4, before_acceptance),
    "something happens after the end": (4, after_the_end),
    "an entry stands twice in an outbox": (11, twice("OutboxEntry")),
    "an entry stands in another outbox": (11, move_inbox_entry),
    "it is delivered twice": (11, twice("AssignmentDelivered")),
    "an evaluation is invited twice": (11, twice("EvaluationInvited")),
}


@pytest.mark.parametrize("name", STORIES)
def test_planted_fault_in_history_is_found(name: str) -> None:
    invariant, plant = STORIES[name]
    run = next(one for one in runs() if _can(plant, one))
    steps = apart(run.log)
    plant(steps)
    found = verdict(Run(run.history, together(steps)))
    assert invariant in {one.invariant for one in found.violations}, found.violations


def _can(plant: Story, run: Run) -> bool:
    """True if this run contains the target of the fault."""
    try:
        plant(apart(run.log))
    except StopIteration:
        return False
    return True


def test_rebuilt_log_without_fault_is_accepted() -> None:
    for run in runs():
        found = verdict(Run(run.history, together(apart(run.log))))
        assert found.good, found.violations


# ---- faults in bytes, in derived data, in client observations

Fault = Callable[[Run], None]


def flip_byte(run: Run) -> None:
    data = run.log.commits[3].events[0]
    run.log.commits[3].events[0] = data.replace(b"recorded_at", b"recorded_At")


def wrong_hash(run: Run) -> None:
    run.log.commits[-1].hash = "sha256:" + "0" * 64


def unknown_hash(run: Run) -> None:
    run.log.commits[-1].hash = "nothing:0"


def break_chain(run: Run) -> None:
    long = next(one for one in run.log.commits if one.first > 1)
    long.previous = "sha256:" + "0" * 64


def hole(kind: str) -> Fault:
    def plant(run: Run) -> None:
        long = {one.stream for one in run.log.commits if one.stream.startswith(kind) and one.first > 2}
        at = next(n for n, one in enumerate(run.log.commits) if one.stream in long and one.first == 1)
        del run.log.commits[at]

    return plant


def swap(run: Run) -> None:
    at = next(n for n, one in enumerate(run.log.commits) if one.first > 1 and one.stream.startswith("case/"))
    commits = run.log.commits
    commits[at - 1], commits[at] = commits[at], commits[at - 1]


def fork(run: Run) -> None:
    again = next(one for one in run.log.commits if one.first == 2 and one.stream.startswith("case/"))
    run.log.commits.insert(run.log.commits.index(again) + 1, copy.deepcopy(again))


def record(run: Run, topic: str, stream: str, version: int, value: bytes) -> None:
    headers = {"ce_subject": stream, "ce_sequence": str(version)}
    run.topics = [*(run.topics or ()), {"topic": topic, "headers": headers, "value": b64encode(value).decode()}]


def fork_in_topic(run: Run) -> None:
    stream, events = next(iter(run.log.under("case/")))
    record(run, "case-events", f"case/{stream}", 1, events[0].data)
    record(run, "case-events", f"case/{stream}", 2, events[0].data)


def publish(run: Run, leave_out: int = 0) -> None:
    for stream, events in run.log.streams.items():
        for event in events:
            record(run, "case-events", stream, event.version, event.data)
    cases = [one for one in run.topics or () if one["headers"]["ce_subject"].startswith("case/")]
    run.topics = [one for one in run.topics or () if one not in cases[:leave_out]]


def outbox(run: Run) -> tuple[str, list[Any]]:
    return next((org, events) for org, events in run.log.under("inbox/") if len(events) > 2)


def tell(run: Run, numbers: list[int], **other: Any) -> None:
    org, events = outbox(run)
    for seq in numbers:
        said = {"seq": seq, "kind": events[seq - 1].body["kind"], "case": events[seq - 1].body["case"], **other}
        record(run, f"assignments.{org.replace('/', '.')}", f"inbox/{org}", seq, json.dumps(said).encode())


def every(run: Run) -> list[int]:
    return list(range(1, len(outbox(run)[1]) + 1))


def row_of(run: Run, name: str = "worklist") -> dict[str, Any]:
    return next(row for row in run.views or () if row["view"] == name and row["values"])  # type: ignore[return-value]


def edit(field: str, value: object) -> Fault:
    return lambda run: row_of(run)["values"].__setitem__(field, value)


def applied(by: int) -> Fault:
    return lambda run: row_of(run).__setitem__("applied", row_of(run)["applied"] + by)


def remove_row(run: Run) -> None:
    run.views = [row for row in run.views or () if row is not row_of(run)]


def park_behind(run: Run) -> None:
    row = row_of(run)
    run.parked = [{"group": row["group"], "stream": f"case/{row['key']}", "version": 1, "bytes": None}]


def park_other_bytes(run: Run) -> None:
    row = row_of(run)
    run.parked = [{"group": "other", "stream": f"case/{row['key']}", "version": 1, "bytes": "{}"}]


def told(**fields: Any) -> Fault:
    def plant(run: Run) -> None:
        ok = next(op for op in run.history if op.kind == "submit")
        given: dict[str, Any] = {"case": ok.case, "number": ok.number, "key": ok.key, "kind": "submit", "outcome": "ok"}
        run.history = [*run.history, Op(**(given | fields))]

    return plant


def older_after_newer(run: Run) -> None:
    run.history = [*run.history, *(op for op in run.history if op.kind == "read" and op.v == 1)]


def own_write_unseen(run: Run) -> None:
    case, events = next((case, events) for case, events in run.log.under("case/") if len(events) > 3)
    wrote = Op("command", "k", "ok", case, proc="w", v=3, t_mono=0)
    steps = [*run.log.commits]
    at = next(n for n, one in enumerate(steps) if one.stream == f"case/{case}" and one.first == 1)
    steps[at] = Stored(
        *(steps[at].stream, steps[at].first, "clerk:k", steps[at].previous, steps[at].hash), steps[at].events
    )
    assert len(events) > 3
    run.log = Log(steps)
    run.history = [*run.history, wrote, Op("read", "", "ok", case, proc="w", v=2, t_mono=5 * 10**9, began=4 * 10**9)]


def figures(**fields: float) -> Fault:
    def plant(run: Run) -> None:
        counted = verdict(run).counts["cases"]
        run.figures = {"received": counted, "closed": 0, "open": counted, "rejected": 0, "merged": 0} | fields

    return plant


FAULTS: dict[str, tuple[int, Fault]] = {
    "a byte is flipped": (10, flip_byte),
    "a hash is wrong": (10, wrong_hash),
    "a hash is of no algorithm": (10, unknown_hash),
    "a chain is cut": (10, break_chain),
    "a version is missing": (3, hole("case/")),
    "two commits are swapped": (3, swap),
    "a version stands twice": (3, fork),
    "the topic has other bytes": (3, fork_in_topic),
    "an event is not on the topic": (3, lambda run: publish(run, leave_out=1)),
    "what is parked has other bytes": (3, park_other_bytes),
    "an outbox has a gap": (11, hole("inbox/")),
    "a topic leaves an entry out": (11, lambda run: tell(run, every(run)[:-1])),
    "a topic tells in another order": (11, lambda run: tell(run, every(run)[::-1])),
    "a topic tells something else": (11, lambda run: tell(run, every(run), kind="other")),
    "a row shows another state": (5, edit("state", "barred")),
    "a row shows another organisation": (5, edit("org", "nobody")),
    "a row shows another place": (5, edit("place", "nowhere")),
    "a row follows another case": (5, edit("lead", "other")),
    "a row is behind": (5, applied(-1)),
    "a row is ahead": (5, applied(1)),
    "a row is missing": (12, remove_row),
    "a later version than the parked one is applied": (6, park_behind),
    "an acknowledged filing is lost": (1, told(key="lost", number="0", case="lost")),
    "its number stands in another case": (1, told(key="elsewhere", case="elsewhere")),
    "one item has two numbers": (2, told(number="0")),
    "an acknowledged command is lost": (1, told(kind="command", key="lost")),
    "a client goes back in time": (8, older_after_newer),
    "a client sees what never was": (8, told(kind="read", v=10**6)),
    "a client does not see what it wrote": (8, own_write_unseen),
    "503 without Retry-After": (9, told(key="off", outcome="info", case=None, number=None, status=503)),
    "a figure is over its limit": (9, told(kind="sample", value=11.0, limit=10.0)),
    "figures do not add up": (12, figures(open=-1)),
    "a figure counts otherwise than the log": (5, figures(merged=1)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found(name: str) -> None:
    invariant, plant = FAULTS[name]
    run = copy.deepcopy(runs()[0])
    plant(run)
    run.log.__dict__.pop("streams", None)  # the reads before the fault
    found = verdict(run)
    assert invariant in {one.invariant for one in found.violations}, found.violations


def test_duplicate_records_and_rejected_clients_are_accepted() -> None:
    run = copy.deepcopy(runs()[0])
    tell(run, [1, 2, 1, *every(run), 2])
    publish(run)
    told(key="later", outcome="info", case=None, number=None, status=503, retry_after="1")(run)
    told(kind="sample", value=9.0, limit=10.0)(run)
    assert verdict(run).good, verdict(run).violations


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_change_of_any_single_event_is_found(data: st.DataObject) -> None:
    """Bytes cut, changed, doubled, lost or exchanged anywhere, without a new chain: always found."""
    run = data.draw(st.sampled_from(runs()))
    log = copy.deepcopy(run.log)
    log.__dict__.pop("streams", None)
    commit = data.draw(st.sampled_from(log.commits))
    place = data.draw(st.integers(0, len(commit.events) - 1))
    event = commit.events[place]
    at = data.draw(st.integers(0, len(event) - 1))
    what = data.draw(st.sampled_from(("cut", "change", "double", "lose", "commit doubled", "commit moved")))
    if what == "cut":
        commit.events[place] = event[:at]
    elif what == "change":
        commit.events[place] = event[:at] + bytes([event[at] ^ 1]) + event[at + 1 :]
    elif what == "double":
        commit.events.insert(place, event)
    elif what == "lose":
        del commit.events[place]
    elif what == "commit doubled":
        log.commits.append(copy.deepcopy(commit))
    else:
        commit.stream = "case/elsewhere"
    assert not verdict(Run(run.history, log)).good


# ---- on its own


def test_checker_imports_standard_library_only() -> None:
    folder = Path(checker.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names.append(node.module or "")
            assert node.level == 1 if isinstance(node, ast.ImportFrom) and not names else True
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names, (path.name, names)


def test_checker_runs_without_installed_packages(tmp_path: Path) -> None:
    """A copy of the package, Python without site packages, and files: nothing of the product can be reached."""
    shutil.copytree(Path(checker.__file__).parent, tmp_path / "checker")
    run = runs()[0]
    folder = tmp_path / "run"
    folder.mkdir()
    with (folder / "log.jsonl").open("w") as file:
        for one in run.log.commits:
            events = [b64encode(data).decode() for data in one.events]
            file.write(json.dumps({**one.__dict__, "events": events}) + "\n")
    for name, lines in (("history", [op.__dict__ for op in run.history]), ("views", run.views), ("parked", run.parked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines or ()))
    found = judged(tmp_path, folder)
    assert found.returncode == 0, found.stdout + found.stderr
    said = json.loads(found.stdout)
    assert said["violations"] == []
    assert said["counts"] == verdict(run).counts
    assert said["not_judged"] == ["topics", "figures"]
    lost = Op("submit", "lost", "ok", "c", "n")
    with (folder / "history.jsonl").open("a") as file:
        file.write(json.dumps(lost.__dict__) + "\n")
    found = judged(tmp_path, folder)
    assert found.returncode == 1
    assert [one["invariant"] for one in json.loads(found.stdout)["violations"]] == [1]
    (folder / "log.jsonl").unlink()
    found = judged(tmp_path, folder)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr


def judged(where: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(where)!r}); sys.argv[1:] = [{str(folder)!r}]; "
    program += "import runpy; runpy.run_module('checker', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], check=False, capture_output=True, text=True, timeout=60
    )


def _with_file(blobs: tuple[str, ...] = ("sha256:a",), cases: tuple[str, ...] = ("c1",)) -> Run:
    """A run in which a file was acknowledged, attached and opened again. (Only what files need: no chains.)"""
    commits = [
        Stored(
            f"case/{case}", 1, "file", "", "", [json.dumps({"type": "FileAttached", "body": {"blob": blob}}).encode()]
        )
        for case in cases
        for blob in blobs
    ]
    history = [Op("file", "u", "ok", "c1", digest="d"), Op("opened", "u", "ok", "c1", digest="d")]
    views = [{"view": "files", "key": blob, "applied": 1, "values": {"case": "c1"}} for blob in blobs]
    return Run(history, Log(commits), views)


def _of_files(run: Run) -> set[tuple[int, str]]:
    return {(one.invariant, one.what) for one in (*checker.clients.files(run), *checker.derived.files(run))}


def test_run_with_file_is_accepted() -> None:
    assert _of_files(_with_file()) == set()


@pytest.mark.parametrize(
    ("run", "wanted"),
    [
        (_with_file(blobs=()), (1, "1 files were acknowledged and 0 attached")),
        (_with_file(cases=("c1", "c2")), (2, "2 events name this file")),
    ],
)
def test_lost_and_doubled_files_are_found(run: Run, wanted: tuple[int, str]) -> None:
    assert wanted in _of_files(run)


def test_file_that_does_not_open_or_is_another_is_found() -> None:
    run = _with_file()
    run.history = [run.history[0], Op("opened", "u", "fail", "c1")]
    assert _of_files(run) == {(1, "it was acknowledged and does not open")}
    run.history = [run.history[0], Op("opened", "u", "ok", "c1", digest="other")]
    assert _of_files(run) == {(1, "it opens with other bytes than were sent")}


def test_wrong_row_of_file_is_found() -> None:
    run = _with_file()
    run.views = []
    assert _of_files(run) == {(5, "the row of the file is missing or names another event")}
    run.views = [
        *(_with_file().views or ()),
        {"view": "files", "key": "sha256:b", "applied": 2, "values": {"case": "c1"}},
    ]
    assert _of_files(run) == {(5, "no event names the file of the row")}
