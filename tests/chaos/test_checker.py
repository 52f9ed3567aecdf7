"""The checker is trusted because it finds what was planted."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.checker import Log, Op, Stored, check

CASE, OUTBOX = "case/c1", "outbox/zj"


def event(stream: str, version: int, type_: str, /, **body: Any) -> dict[str, Any]:
    return {"event_id": f"{stream}-{version}", "stream": stream, "version": version, "type": type_, "body": body}


def chained(plan: list[tuple[str, str, list[dict[str, Any]]]]) -> list[Stored]:
    heads: dict[str, str] = {}
    commits = []
    for stream, cause, events in plan:
        previous = digest = heads.get(stream, "")
        data = [json.dumps(one).encode() for one in events]
        for one in data:
            digest = "sha256:" + hashlib.sha256(digest.encode() + one).hexdigest()
        heads[stream] = digest
        commits.append(Stored(stream, events[0]["version"], cause, previous, digest, data))
    return commits


def plan() -> list[tuple[str, str, list[dict[str, Any]]]]:
    return [
        (CASE, "file", [event(CASE, 1, "CaseRegistered", number="N1")]),
        (CASE, "routing.route:1", [event(CASE, 2, "CaseTransferred", org="zj")]),
        (OUTBOX, "routing.assigned:2", [event(OUTBOX, 1, "OutboxEntry", kind="assigned", about=f"{CASE}-2")]),
        (CASE, "routing.delivered:2", [event(CASE, 3, "AssignmentDelivered", org="zj", seq=1)]),
        (CASE, "clerk:zj:k:s1", [event(CASE, 4, "SignedFor", org="zj")]),
        (CASE, "clerk:zj:k:s2", [event(CASE, 5, "Accepted", org="zj")]),
        (CASE, "supervision.tick:5", [event(CASE, 6, "DeadlineBreached", clock="C3", episode=1)]),
        (CASE, "clerk:zj:k:s3", [event(CASE, 7, "DecisionIssued")]),
        (CASE, "clerk:zj:k:s4", [event(CASE, 8, "ReplyDelivered")]),
        (
            CASE,
            "intake.invite:8",
            [
                event(CASE, 9, "EvaluationInvited", object="petition_office"),
                event(CASE, 10, "EvaluationInvited", object="organisation"),
            ],
        ),
    ]


HISTORY = [
    Op("submit", "i1", "ok", "c1", "N1"),
    Op("submit", "i1", "ok", "c1", "N1"),
    Op("command", "s1", "ok", "c1", command="sign_off"),
    Op("command", "s4", "ok", "c1", command="deliver_reply"),
]


def test_a_good_run_is_good() -> None:
    assert check(HISTORY, Log(chained(plan()))) == []


def _drop(index: int) -> Callable[[list[Any]], None]:
    return lambda steps: steps.pop(index)


def _renumber(steps: list[Any]) -> None:
    versions: dict[str, int] = {}
    for stream, _cause, events in steps:
        for one in events:
            versions[stream] = one["version"] = versions.get(stream, 0) + 1


def _insert(at: int, stream: str, cause: str, type_: str, /, **body: Any) -> Callable[[list[Any]], None]:
    def plant(steps: list[Any]) -> None:
        steps.insert(at, (stream, cause, [event(stream, 0, type_, **body)]))
        _renumber(steps)

    return plant


def _drop_and_close_up(index: int) -> Callable[[list[Any]], None]:
    def plant(steps: list[Any]) -> None:
        steps.pop(index)
        _renumber(steps)

    return plant


PLANTED: dict[str, Callable[[list[Any]], None]] = {
    "an event is missing": _drop(4),
    "the registration is missing": _drop_and_close_up(0),
    "registered twice": _insert(1, CASE, "file2", "CaseRegistered", number="N1"),
    "another case of the same number": _insert(1, "case/c2", "file", "CaseRegistered", number="N1"),
    "a case that nobody sent": _insert(1, "case/c2", "file", "CaseRegistered", number="N2"),
    "told twice": _insert(3, OUTBOX, "again", "OutboxEntry", kind="assigned", about=f"{CASE}-2"),
    "told never": _drop(2),
    "delivered twice": _insert(4, CASE, "again", "AssignmentDelivered", org="zj"),
    "dispatched to two": _insert(5, CASE, "other", "CaseTransferred", org="jy"),
    "breached twice": _insert(8, CASE, "again", "DeadlineBreached", clock="C3", episode=1),
    "invited twice": _insert(10, CASE, "again", "EvaluationInvited", object="organisation"),
    "a command doubled": _insert(5, CASE, "clerk:zj:k:s1", "SignedFor", org="zj"),
    "a command lost": _drop_and_close_up(8),
    "decided before acceptance": _insert(2, CASE, "early", "DecisionIssued"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_planted_in_the_story_is_found(kind: str) -> None:
    steps = copy.deepcopy(plan())
    PLANTED[kind](steps)
    assert check(HISTORY, Log(chained(steps))) != []


def test_a_flipped_byte_a_swapped_commit_and_a_cut_chain_are_found() -> None:
    commits = chained(plan())
    commits[4].events[0] = commits[4].events[0].replace(b"zj", b"jz")
    assert check(HISTORY, Log(commits)) != []
    commits = chained(plan())
    commits[4], commits[5] = commits[5], commits[4]
    assert check(HISTORY, Log(commits)) != []
    commits = chained(plan())
    commits[5].previous = "sha256:0"
    assert check(HISTORY, Log(commits)) != []


def test_two_numbers_for_one_item_are_found() -> None:
    history = [*HISTORY, Op("submit", "i1", "ok", "c1", "N9")]
    assert check(history, Log(chained(plan()))) != []
