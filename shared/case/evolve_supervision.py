"""Evolve functions for the events of deadlines, escalation, follow-up and closing."""

from __future__ import annotations

from datetime import datetime

from shared.case.evolve import Changes, kind_of, on
from shared.case.state import Case, Rung, begun_again, let_go
from shared.events import supervision as s
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime

LIFT = "lift"
"""Name of the lift of a breach among the rungs that are voided."""


@on(s.DeadlineAtRisk, fact=False)
def _at_risk(case: Case, event: RecordedEvent, body: s.DeadlineAtRisk) -> Changes:
    return {"rungs": case.rungs | {Rung(body.clock, body.episode, body.rung)}}


@on(s.Reminded, fact=False)
def _reminded(case: Case, event: RecordedEvent, body: s.Reminded) -> Changes:
    changes: Changes = {"rungs": case.rungs | {Rung(body.clock, body.episode, body.rung)}}
    if (
        case.supervision.stage == "none" and not body.passed and body.org == case.assignment.org
    ):  # a reminder of the office itself is no step
        changes |= {"supervision": {"stage": "reminded", "since": event.effective_at}}
    return changes


@on(s.UnreadReminded, fact=False)
def _unread_reminded(case: Case, event: RecordedEvent, body: s.UnreadReminded) -> Changes:
    return {"service": {"reminded": (*case.service.reminded, body.of)}}


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
    changes: Changes = {"supervision": {"since": event.effective_at}}
    if case.supervision.stage != "supervised":
        changes["supervision"]["stage"] = "urged"
    if body.clock is not None and body.episode is not None and body.rung is not None:
        changes["rungs"] = case.rungs | {Rung(body.clock, body.episode, body.rung)}
        changes["acted"] = case.acted  # written by the ticker: it makes no clerk's version stale
    return changes


@on(s.SupervisionOpened, fact=kind_of("ground"))
def _supervised(case: Case, event: RecordedEvent, body: s.SupervisionOpened) -> Changes:
    return {"supervision": {"stage": "supervised", "since": event.effective_at}}


@on(s.SupervisionClosed)
def _supervision_closed(case: Case, event: RecordedEvent, body: s.SupervisionClosed) -> Changes:
    return {"supervision": {"stage": "none", "since": None}}


@on(s.InstructionRecorded)
def _instructed(case: Case, event: RecordedEvent, body: s.InstructionRecorded) -> Changes:
    return {}


@on(s.AcceptanceOrdered, "accepted")
def _acceptance_ordered(case: Case, event: RecordedEvent, body: s.AcceptanceOrdered) -> Changes:
    return {
        "handling": {"accepted_at": event.effective_at},
        "filing": {"path": body.path if body.path is not None else case.filing.path},
    }


@on(s.FollowUpRecorded)
def _followed_up(case: Case, event: RecordedEvent, body: s.FollowUpRecorded) -> Changes:
    evaluation: Changes = {"followed_up": True, "follow_up_satisfied": body.satisfied}
    if body.independent and body.satisfied is not None:
        evaluation["confirmed_by"] = event.actor.org if body.satisfied else None
    return {"evaluation": evaluation}


@on(s.ExtensionChecked, fact=kind_of("result"))
def _extension_checked(case: Case, event: RecordedEvent, body: s.ExtensionChecked) -> Changes:
    return {}


@on(s.DateConfirmed, fact=False)
def _date_confirmed(case: Case, event: RecordedEvent, body: s.DateConfirmed) -> Changes:
    return {"facts": tuple(fact._replace(vouched=True) if fact.version == body.of else fact for fact in case.facts)}


@on(s.RedoOrdered, "redo_ordered", fact=kind_of("ground"))
def _redo(case: Case, event: RecordedEvent, body: s.RedoOrdered) -> Changes:
    return begun_again(case)


@on(s.CaseClosed, "closed", fact=kind_of("kind"))
def _closed(case: Case, event: RecordedEvent, body: s.CaseClosed) -> Changes:
    return {"closure": {"kind": body.kind, "closed_at": event.effective_at}, "withdrawals": {"pending": ()}}


@on(s.CaseReopened, "registered")
def _reopened(case: Case, event: RecordedEvent, body: s.CaseReopened) -> Changes:
    return {
        "closure": {"kind": None, "closed_at": None},
        "assignment": {**let_go(case), "queue_reason": "returned"},
        "withdrawals": {"pending": ()},
    }


@on(s.RungsVoided, fact=False)
def _rungs_voided(case: Case, event: RecordedEvent, body: s.RungsVoided) -> Changes:
    gone = {Rung(one.clock, one.episode, one.rung) for one in body.rungs}
    changes: Changes = {
        "rungs": case.rungs - gone,
        "lifted": case.lifted - {(one.clock, one.episode) for one in gone if one.rung == LIFT},
        "voided_rungs": case.voided_rungs + 1,
    }
    if case.supervision.stage in ("reminded", "urged") and _later(case.supervision.since, event.effective_at):
        changes |= {"supervision": {"stage": "none", "since": None}}
    return changes


def _later(since: LegalTime | None, now: LegalTime) -> bool:
    """True if the wrong clock dated this stage."""
    return isinstance(since, datetime) and isinstance(now, datetime) and since > now
