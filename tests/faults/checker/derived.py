"""Invariants 5, 6 and 12: derived data equals the fold of the log, parking stops one case only, and nothing is lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from .fold import Case, instant
from .inputs import CASE, Found, Run, Violation

FACTS = "facts."
"""Views of this prefix are tables of facts: an organisation there is the last one, and closing is told otherwise."""
FILES = "files"
"""The view with a row per file, whose key is its address."""
TIMES = ("filed_at",)


def fields_of(case: Case) -> dict[str, Any]:
    """The fields of a case that follow from the specification alone."""
    return {
        **{name: case.fields.get(name) for name in ("number", "channel", "place", "subject", "class_")},
        "jurisdiction": case.jurisdiction,
        "state": case.state,
        "org": case.org,
        "holder": case.forwarded[-1] if case.forwarded else None,
        "reviewer": case.reviewer,
        "lead": case.lead,
        "filed_at": case.filed,
    }


def projections(run: Run, folded: dict[str, Case]) -> Found:
    """Every row shows the version of its case and agrees with the fold."""
    stopped = {(mark.get("group"), mark["stream"]) for mark in run.parked or ()}
    keys: dict[str, set[str]] = defaultdict(set)
    for row in run.views or ():
        view, key, values = row["view"], row["key"], row.get("values")
        if view == FILES:
            continue
        case = folded.get(key)
        keys[view].add(key)
        if case is None:
            yield Violation(5, f"{view} {CASE}{key}", (), "the row is of a case that the log does not have")
            continue
        if row["applied"] > case.version:
            yield Violation(
                5, f"{view} {CASE}{key}", (row["applied"],), "the row shows a version that the log does not have"
            )
        elif row["applied"] < case.version and (row.get("group"), CASE + key) not in stopped:
            yield Violation(5, f"{view} {CASE}{key}", (row["applied"], case.version), "the row is behind the log")
        elif row["applied"] == case.version and values is not None:
            wrong = sorted(_wrong(view, values, case))
            if wrong:
                yield Violation(5, f"{view} {CASE}{key}", (case.version,), f"the row differs in {', '.join(wrong)}")
    everywhere = {case for case in folded if (CASE + case) not in {stream for _group, stream in stopped}}
    for view in keys:
        for case in sorted(everywhere - keys[view]) if view in whole(run) else ():
            yield Violation(5, f"{view} {CASE}{case}", (folded[case].version,), "the row is missing")


def files(run: Run) -> Found:
    """Each file that an event names has its row, and there is no other row."""
    if run.views is None:
        return
    stopped = {mark["stream"] for mark in run.parked or ()}
    named = {
        str(event.body.get("blob")): (case, event.version)
        for case, events in run.log.under(CASE)
        for event in events
        if event.type == "FileAttached" and CASE + case not in stopped
    }
    rows = {
        row["key"]: ((row.get("values") or {}).get("case"), row["applied"]) for row in run.views if row["view"] == FILES
    }
    for blob, place in named.items():
        if rows.get(blob) != place:
            yield Violation(5, f"{FILES} {blob}", (place[1],), "the row of the file is missing or names another event")
    for blob, (case, version) in rows.items():
        if blob not in named and f"{CASE}{case}" not in stopped:
            yield Violation(5, f"{FILES} {blob}", (version,), "no event names the file of the row")


def whole(run: Run) -> set[str]:
    """Read models that contain every case: those that show its state."""
    return {row["view"] for row in run.views or () if "state" in (row.get("values") or ())}


def _wrong(view: str, values: Mapping[str, Any], case: Case) -> set[str]:
    wanted = fields_of(case)
    if view.startswith(FACTS):
        wanted = {name: wanted[name] for name in ("channel", "place", "subject", "state", "lead", "jurisdiction")}
        wanted["closure"] = case.closure
    wrong = {name for name in wanted if name in values and name not in TIMES and values[name] != wanted[name]}
    for name in TIMES:
        said, filed = values.get(name), wanted.get(name)
        if said and filed and len(filed) > 10 and instant(str(said)) != instant(filed):
            wrong.add(name)
    return wrong


def parks(run: Run) -> Found:
    """Nothing after a parked version was applied in that consumer."""
    ends = {(commit.stream, commit.first): commit.first + len(commit.events) - 1 for commit in run.log.commits}
    rows: dict[tuple[str | None, str], int] = {}
    for row in run.views or ():
        key = (row.get("group"), CASE + row["key"])
        rows[key] = max(rows.get(key, 0), row["applied"])
    for mark in run.parked or ():
        group, stream, version = mark["group"], mark["stream"], mark["version"]
        if stream.startswith(CASE) and (stream, version) not in ends:
            yield Violation(6, f"{group} {stream}", (version,), "what is parked is no commit of the log")
        applied = rows.get((group, stream), 0)
        if applied > ends.get((stream, version), version):
            yield Violation(
                6, f"{group} {stream}", (version, applied), "a later version was applied after the parked one"
            )


def conservation(run: Run, folded: dict[str, Case]) -> Found:
    """received = open + closed + rejected + merged: in the log, in each view that shows states, in the figures."""
    log = Counter(kind(case) for case in folded.values())
    for view in sorted(whole(run)):
        rows = Counter(
            kind(folded[row["key"]], (row.get("values") or {}).get("state"))
            for row in run.views or ()
            if row["view"] == view and row.get("values") and row["key"] in folded
        )
        if sum(rows.values()) != len(folded) and not run.parked:
            yield Violation(12, view, (), f"{len(folded)} cases were received and {sum(rows.values())} are shown")
        if rows != log and not run.parked:
            yield Violation(5, view, (), "the counts by outcome are not those of the log")
    if run.figures is not None:
        figures = run.figures
        parts = ("open", "closed", "rejected", "merged")
        if figures.get("received", 0) != sum(figures.get(name, 0) for name in parts):
            yield Violation(12, "figures", (), "received is not open + closed + rejected + merged")
        for name in (*parts, "received"):
            counted = len(folded) if name == "received" else log[name]
            if name in figures and figures[name] != counted:
                yield Violation(5, f"figure {name}", (), f"it says {figures[name]:g}, the log {counted}")


def kind(case: Case, state: str | None = None) -> str:
    """Which of the four kinds a case in the given state is."""
    state = state or case.state
    if state in ("voided", "barred"):
        return "rejected"
    if state in ("closed", "concluded", "withdrawn"):
        return "merged" if case.closure == "merged" else "closed"
    return "open"
