"""Evolve functions for the events of deadlines, escalation, follow-up and closing."""

from __future__ import annotations

from shared.case.evolve import Changes, kind_of, on
from shared.case.state import Case, Rung, begun_again, let_go
from shared.events import supervision as s
from shared.eventstore.recorded_event import RecordedEvent


@on(s.DeadlineAtRisk, fact=False)
def _at_risk(case: Case, event: RecordedEvent, body: s.DeadlineAtRisk) -> Changes:
    return {"rungs": case.rungs | {Rung(body.clock, body.episode, body.rung)}}


@on(s.Reminded, fact=False)
def _reminded(case: Case, event: RecordedEvent, body: s.Reminded) -> Changes:
    changes: Changes = {"rungs": case.rungs | {Rung(body.clock, body.episode, body.rung)}}
    if (
        case.supervision.stage == "none" and not body.passed and body.org == case.assignment.org
    ):  # a reminder of the office itself is no step
        changes |= {"supervision.stage": "reminded", "supervision.since": event.effective_at}
    return changes


@on(s.DeadlineBreached, fact=False)
def _breached(case: Case, event: RecordedEvent, body: s.DeadlineBreached) -> Changes:
    return {"rungs": case.rungs | {Rung(body.clock, body.episode, "breach")}}


@on(s.ReviewWindowLapsed, fact=False)
def _window_lapsed(case: Case, event: RecordedEvent, body: s.ReviewWindowLapsed) -> Changes:
    return {"rungs": case.rungs | {Rung(body.clock, body.episode, "lapse")}}


@on(s.BreachLifted, fact=False)
def _lifted(case: Case, event: RecordedEvent, body: s.BreachLifted) -> Changes:
    return {"lifted": case.lifted | {(body.clock, body.episode)}}


@on(s.Urged)
def _urged(case: Case, event: RecordedEvent, body: s.Urged) -> Changes:
    changes: Changes = {"supervision.since": event.effective_at}
    if case.supervision.stage != "supervised":
        changes["supervision.stage"] = "urged"
    if body.clock is not None and body.episode is not None and body.rung is not None:
        changes["rungs"] = case.rungs | {Rung(body.clock, body.episode, body.rung)}
        changes["acted"] = case.acted  # written by the ticker: it makes no clerk's version stale
    return changes


@on(s.SupervisionOpened, fact=kind_of("ground"))
def _supervised(case: Case, event: RecordedEvent, body: s.SupervisionOpened) -> Changes:
    return {"supervision.stage": "supervised", "supervision.since": event.effective_at}


@on(s.SupervisionClosed)
def _supervision_closed(case: Case, event: RecordedEvent, body: s.SupervisionClosed) -> Changes:
    return {"supervision.stage": "none", "supervision.since": None}


@on(s.InstructionRecorded)
def _instructed(case: Case, event: RecordedEvent, body: s.InstructionRecorded) -> Changes:
    return {}


@on(s.AcceptanceOrdered, "accepted")
def _acceptance_ordered(case: Case, event: RecordedEvent, body: s.AcceptanceOrdered) -> Changes:
    return {
        "handling.accepted_at": event.effective_at,
        "filing.path": body.path if body.path is not None else case.filing.path,
    }


@on(s.FollowUpRecorded)
def _followed_up(case: Case, event: RecordedEvent, body: s.FollowUpRecorded) -> Changes:
    return {"evaluation.followed_up": True, "evaluation.follow_up_satisfied": body.satisfied}


@on(s.RedoOrdered, "redo_ordered", fact=kind_of("ground"))
def _redo(case: Case, event: RecordedEvent, body: s.RedoOrdered) -> Changes:
    return begun_again(case)


@on(s.CaseClosed, "closed", fact=kind_of("kind"))
def _closed(case: Case, event: RecordedEvent, body: s.CaseClosed) -> Changes:
    return {"closure.kind": body.kind, "closure.closed_at": event.effective_at}


@on(s.CaseReopened, "registered")
def _reopened(case: Case, event: RecordedEvent, body: s.CaseReopened) -> Changes:
    return {"closure.kind": None, "closure.closed_at": None, "assignment.queue_reason": "returned", **let_go(case)}
