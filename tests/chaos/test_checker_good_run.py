"""Faults planted in a run of the real product, whose chains are made whole again: the checker finds each, by the right invariant."""

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

from tests.chaos import checker
from tests.chaos.checker import Log, Op, Run, Stored, verdict
from tests.chaos.checker.streams import chained
from tests.chaos.good_run import good_run

SEEDS = (1, 2, 3)
STEPS = 250
RUNS: list[Run] = []


def runs() -> list[Run]:
    """Good runs, made once."""
    if not RUNS:
        RUNS.extend(asyncio.run(good_run(seed, STEPS)) for seed in SEEDS)
    return RUNS


def test_good_runs_are_good() -> None:
    for run in runs():
        found = verdict(run)
        assert found.good, found.violations
        assert found.counts["events"] > 100
        assert found.counts["submit_ok"] == found.counts["cases"] > 0


def test_the_runs_hold_what_faults_are_planted_in() -> None:
    types = {event.type for run in runs() for events in run.log.streams.values() for event in events}
    assert types >= {
        "CaseTransferred", "AssignmentDelivered", "SignedFor", "Accepted", "DecisionIssued", "ReplyDelivered", "CaseClosed",
        "DeadlineBreached", "Reminded", "ReturnRequested", "ReturnVerified", "EvaluationInvited", "OutboxEntry",
    }  # fmt: skip


# ---- planting

Steps = list[tuple[str, str, dict[str, Any]]]
"""(stream, cause, event): the log taken apart, so that it can be put together again with a fault and whole chains."""


def apart(log: Log) -> Steps:
    return [(event.stream, event.cause, copy.deepcopy(event.said)) for events in log.streams.values() for event in events]


def together(steps: Steps) -> Log:
    """The log of these events, numbered and chained again: only its story can be wrong."""
    commits: list[Stored] = []
    ends: dict[str, tuple[int, str]] = {}
    for stream, cause, event in steps:
        version, head = ends.get(stream, (0, ""))
        data = [json.dumps({**event, "stream": stream, "version": version + 1, "cause": cause}).encode()]
        after = chained(head, data, "sha256")
        assert after is not None
        commits.append(Stored(stream, version + 1, f"{cause}#{len(commits)}", head, after, data))
        ends[stream] = (version + 1, after)
    return Log(commits)


def first(steps: Steps, kind: str, **body: Any) -> int:
    return next(
        place
        for place, (_stream, _cause, event) in enumerate(steps)
        if event["type"] == kind and all(event["body"].get(name) == value for name, value in body.items())
    )


def again(steps: Steps, place: int, cause: str = "again") -> None:
    """The same event once more, at once, under an id of its own."""
    stream, _cause, event = steps[place]
    steps.insert(place + 1, (stream, cause, {**copy.deepcopy(event), "event_id": f"planted-{place}"}))
