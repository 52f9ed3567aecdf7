"""Generates the table of docs/reliability.md from the recorded runs: `python -m tests.faults.full.report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.faults.full.soak import SOAK

DOCS = Path(__file__).parents[3] / "docs"
RUNS = DOCS / "reliability-runs.jsonl"
PAGE = DOCS / "reliability.md"
BEGIN, END = "<!-- runs -->", "<!-- end of runs -->"
WHAT = {
    "R01": "kill -9 of intake", "R02": "kill -9 of routing", "R03": "kill -9 of supervision", "R04": "kill -9 of analytics",
    "R05": "kill -9 of all four at once", "R06": "rolling restart by SIGTERM, two replicas", "R07": "brokers killed one by one",
    "R08": "all brokers unresponsive", "R09": "brokers unresponsive past the limit of unpublished commits",
    "R10": "too few brokers for a write", "R11": "a replica joins and leaves", "R12": "a process presumed dead continues",
    "R13": "primary of MongoDB steps down or is killed", "R14": "MongoDB unresponsive", "R18": "records repeated 1 to 4 times",
    "R19": "records delivered again in another order", "R21": "events that one service cannot handle",
    "R22": "invalid records in the topic of events", "R23": "bodies of 1 to 20 MB",
    "R24": "events of a newer release", "R25": "a process dies between two related steps",
    "R26": "kill -9 during a rebuild under load", SOAK: "random faults, one after another",
}  # fmt: skip
HEAD = (
    "| fault | description | seed | passed seeds | date | commit | brokers, members | acknowledged filings, commands | repeated |"
    " twice on the topic | violations | ready p95 | at rest after |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
)
PLANTED = frozenset({"R18", "R19"})
"""Faults that publish records again themselves."""


def table(runs: list[dict[str, Any]]) -> str:
    """The last run of each fault, and the seeds with which it has passed on three brokers."""
    last = {run["fault"]: run for run in runs}
    green: dict[str, set[int]] = {name: set() for name in WHAT}
    for run in runs:
        whole = run["brokers"] == 3 or run["fault"] == SOAK
        if whole and not run["failure"] and not run["violations"]:
            green[run["fault"]].add(run["seed"])
    return "\n".join((*HEAD, *(_row(name, last.get(name), green[name]) for name in WHAT)))


def _row(name: str, run: dict[str, Any] | None, green: set[int]) -> str:
    if run is None:
        return f"| {name} | {WHAT[name]} | not run |" + " |" * 10
    verdict = f"failed: {' '.join(run['failure'].split())[:80]}" if run["failure"] else str(len(run["violations"]))
    ready = f"{run['ready_p95_s']} s" if "ready_p95_s" in run else ""
    twice = f"{run['records_doubled']} of {run['records']}" if "records" in run and name not in PLANTED else ""
    quiet = f"{run['quiet_s']} s" if "quiet_s" in run else ""
    cells = (
        name,
        WHAT[name],
        run["seed"],
        ", ".join(map(str, sorted(green))),
        run["at"][:10],
        run["commit"],
        f"{run['brokers']}, {run['members']}",
        f"{run.get('submit_ok', 0)}, {run.get('command_ok', 0)}",
        run["repeated"],
        twice,
        verdict.replace("|", "/"),
        ready,
        quiet,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def recorded() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RUNS.read_text(encoding="utf-8").splitlines()]


def page(text: str) -> str:
    """`text` with the current table."""
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(recorded())}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
