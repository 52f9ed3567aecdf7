"""Invariants 7 and 11: every rung and every notification happens once, and at its time."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter, defaultdict
from datetime import timedelta

from .fold import Case, instant
from .inputs import CASE, TOLD, Event, Found, Run, Violation
from .table import DISPATCHES, ENDS, LETS_GO, RUNGS

OVERTAKING = timedelta(minutes=10)
"""So long an entry may take while things are broken: who ends the case meanwhile leaves nothing to deliver."""
REPLIES = ("ReplyDelivered", "AnsweredAtOnce")


def rungs(run: Run) -> Found:
    """Each rung of each episode once, no breach before it is due."""
    for _case, events in run.log.under(CASE):
        times: Counter[tuple[object, object, object]] = Counter()
        for event in events:
            body = event.body
            if event.type not in RUNGS or body.get("clock") is None or (event.type == "Urged" and not body.get("rung")):
                continue
            rung = (body["clock"], body.get("episode"), body.get("rung", "breach"))
            times[rung] += 1
            if times[rung] == 2:
                yield Violation(7, event.stream, (event.version,), f"{rung[2]} of {rung[0]}/{rung[1]} happens again")
            due, recorded = event.said.get("effective_at"), event.said.get("recorded_at")
            if due and recorded and len(due) > 10 and instant(recorded) < instant(due):
                yield Violation(7, event.stream, (event.version,), f"{rung[2]} of {rung[0]}/{rung[1]} before it is due")


def told(run: Run, folded: dict[str, Case]) -> Found:
    """Streams of notifications have no gaps; each event is notified at most once per kind, and always to the handler."""
    stopped = {mark["stream"] for mark in run.parked or ()}
    entries: dict[str, Counter[str]] = {}
    for stream, events in run.log.streams.items():
        if not stream.startswith(TOLD):
            continue
        about: Counter[tuple[str, str]] = Counter()
        sent = entries.setdefault(stream, Counter())
        for event in events:
            body = event.body
            if body.get("about") is None or body.get("repeated") or body.get("kind") in ("outcome", "done", "refused"):
                continue
            about[str(body["kind"]), str(body["about"])] += 1
            if about[str(body["kind"]), str(body["about"])] == 2:
                yield Violation(11, stream, (event.version,), f"{body['kind']} of the same event is told again")
            sent[str(body["about"])] += 1
            if body.get("case") is not None and body["case"] not in folded:
                yield Violation(11, stream, (event.version,), "it tells of a case that is not registered")
    for case, events in run.log.under(CASE):
        if any(event.said.get("origin") == "history" for event in events):
            continue
        yield from _dispatches(events, entries, run.log.streams, CASE + case in stopped)
        yield from _invitations(events, CASE + case in stopped)


def _dispatches(
    events: list[Event], entries: dict[str, Counter[str]], streams: dict[str, list[Event]], stopped: bool
) -> Found:
    """Dispatched, notified to the receiving organisation, and delivered: once each."""
    sends = {event.said.get("event_id"): event for event in events if event.type in DISPATCHES}
    delivered: Counter[str] = Counter()
    for event in (one for one in events if one.type == "AssignmentDelivered"):
        inbox, seq = streams.get(_inbox(event), []), event.body.get("seq")
        entry = inbox[seq - 1].body if isinstance(seq, int) and 0 < seq <= len(inbox) else {}
        delivered[str(entry.get("about"))] += 1
        if entry.get("about") not in sends:
            yield Violation(
                11, event.stream, (event.version,), "the delivery names an entry that tells of something else"
            )
        elif delivered[str(entry["about"])] == 2:
            yield Violation(11, event.stream, (event.version,), "the same dispatch is delivered again")
    for about, event in sends.items():
        told = entries.get(_inbox(event), Counter())[str(about)]
        if told != 1 and not (stopped and told == 0):
            yield Violation(
                11, event.stream, (event.version,), f"the dispatch is told {told} times to its organisation"
            )
        if not delivered[str(about)] and not stopped and not _overtaken(event, events):
            yield Violation(11, event.stream, (event.version,), "the dispatch is never delivered")


def _inbox(event: Event) -> str:
    """The inbox of the organisation that an event names."""
    return f"inbox/{event.said['jurisdiction']}/{event.body.get('org')}"


def _overtaken(dispatch: Event, events: list[Event]) -> bool:
    """Did the case end, or leave the organisation, before its entry can have been there?"""
    sent = instant(dispatch.said.get("recorded_at"))
    later = (one for one in events if one.version > dispatch.version and (one.type in LETS_GO or one.type in ENDS))
    return any(instant(one.said.get("recorded_at")) - sent < OVERTAKING for one in later)


def _invitations(events: list[Event], stopped: bool) -> Found:
    """After each reply both are asked about once."""
    open_: dict[str, bool] = {}
    merged = False
    for event in events:
        merged = merged or (event.type == "CaseClosed" and event.body.get("kind") == "merged")
        if event.type in REPLIES or (event.type == "CaseClosed" and event.body.get("kind") == "merged"):
            open_ = {"petition_office": True, "organisation": True}
        elif event.type == "EvaluationInvited" and not open_.pop(str(event.body.get("object")), False):
            yield Violation(11, event.stream, (event.version,), "an evaluation is invited again, or without a reply")
    if (
        open_
        and not merged  # this log does not show whether the lead was answered
        and events[-1].type != "CaseVoided"
        and not stopped
        and any(one.type == "ReplyDelivered" for one in events)
    ):
        yield Violation(11, events[0].stream, (), "after the reply somebody was not invited to evaluate")


def topics(run: Run) -> Found:
    """The topic of an organisation or platform equals its stream, in order and without gaps; repeats are allowed."""
    if run.topics is None:
        return
    first: dict[str, list[int]] = defaultdict(list)
    for record in run.topics:
        kind, _, owner = record["topic"].partition(".")
        stream = {"assignments": "inbox/", "updates": "updates/"}.get(kind, "") + owner.replace(".", "/", 1)
        headers = record.get("headers") or {}
        if not stream.startswith(TOLD) or not str(headers.get("ce_sequence")).isdigit():
            continue
        seq, entries = int(headers["ce_sequence"]), run.log.streams.get(stream, [])
        said = json.loads(b64decode(record["value"]))
        wanted = entries[seq - 1].body if 0 < seq <= len(entries) else {}
        if any(said.get(name) != wanted.get(name) for name in ("kind", "case")) or said.get("seq", seq) != seq:
            yield Violation(11, stream, (seq,), "its topic says something else")
        if seq not in first[stream]:
            first[stream].append(seq)
    for stream, found in first.items():
        last = run.log.streams[stream][-1].version if stream in run.log.streams else 0
        if found != list(range(found[0], last + 1)):
            yield Violation(11, stream, (), "its topic leaves something out, or tells it in another order")
