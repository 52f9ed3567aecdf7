"""Evolve functions for the events of filing, the petitioner and the parties."""

from __future__ import annotations

from operator import attrgetter

from shared.case.evolve import MOVES, Changes, kind_of, on
from shared.case.state import STREAM, BeforeReview, Case, Correction, let_go, unanswered
from shared.events import intake as i
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import from_text

_DATE_OF = {
    "CaseRegistered": "filing.filed_at",
    "Accepted": "handling.accepted_at",
    "AcceptanceOrdered": "handling.accepted_at",
    "AnsweredAtOnce": "handling.replied_at",
    "ReplyDelivered": "handling.replied_at",
    "CaseClosed": "closure.closed_at",
    "CaseWithdrawn": "closure.closed_at",
    "Concluded": "closure.closed_at",
    "ReRegistrationBarred": "closure.closed_at",
}
"""Event type -> the path of the field of a case that holds its legal time."""


@on(i.CaseRegistered, "registered")
def _registered(case: Case, event: RecordedEvent, body: i.CaseRegistered) -> Changes:
    return {
        "id": event.stream.removeprefix(STREAM),
        "jurisdiction": event.jurisdiction,
        "origin": event.origin,
        "number": body.number,
        "filing.channel": body.channel,
        "filing.channel_class": body.channel_class,
        "filing.platform": body.platform,
        "filing.place": body.place,
        "filing.subject": body.subject,
        "filing.level": body.level,
        "filing.grid": body.grid,
        "filing.unclear": body.unclear,
        "filing.class_": body.class_,
        "filing.urgency": body.urgency,
        "filing.received_by": body.received_by,
        "assignment.org": body.org,
        "filing.anonymous": body.anonymous,
        "filing.confidential": body.confidential,
        "accusation.sealed": body.class_ == "accusation",
        "filing.filer": event.actor.ref,
        "filing.filed_at": event.effective_at,
        "filing.ranked_at": event.effective_at,
        "registered_at": event.recorded_at,
    }


@on(i.PartyRecorded, fact=False)
def _party(case: Case, event: RecordedEvent, body: i.PartyRecorded) -> Changes:
    changes: Changes = {"filing.parties": (*case.filing.parties, (body.party, body.role))}
    if body.role == "respondent" and body.respondent_org:
        changes["accusation.accused"] = (*case.accusation.accused, body.respondent_org)
    if body.public_office:
        changes["accusation.public_office"] = True
    return changes


@on(i.RepresentativesNamed, fact=False)
def _represented(case: Case, event: RecordedEvent, body: i.RepresentativesNamed) -> Changes:
    return {"filing.representatives": body.parties}


@on(i.ConfidentialityRequested, fact=False)
def _confidential(case: Case, event: RecordedEvent, body: i.ConfidentialityRequested) -> Changes:
    return {"filing.confidential": True}


@on(i.ReceiptDateConfirmed, fact=False)
def _receipt_confirmed(case: Case, event: RecordedEvent, body: i.ReceiptDateConfirmed) -> Changes:
    return {"filing.unclear": _without(case, "received_at")}


@on(i.Nudged)
def _nudged(case: Case, event: RecordedEvent, body: i.Nudged) -> Changes:
    return {"supervision.nudges": case.supervision.nudges + 1}


@on(i.CaseLinked, fact=kind_of("kind"))
def _linked(case: Case, event: RecordedEvent, body: i.CaseLinked) -> Changes:
    if body.kind == "related":
        return {} if body.lead in case.matter.related else {"matter.related": (*case.matter.related, body.lead)}
    return {"matter.lead": body.lead, "matter.lead_kind": body.kind, "assignment.assist": (), "handling.notice": None}


@on(i.CaseUnlinked, fact=kind_of("kind"))
def _unlinked(case: Case, event: RecordedEvent, body: i.CaseUnlinked) -> Changes:
    if body.kind == "related":
        return {"matter.related": tuple(other for other in case.matter.related if other != body.lead)}
    return (
        {"matter.lead": None, "matter.lead_kind": None, "handling.notice": None}
        if case.matter.lead == body.lead
        else {}
    )


@on(i.CaseCorrected, fact=False)
def _corrected(case: Case, event: RecordedEvent, body: i.CaseCorrected) -> Changes:
    entry = Correction(
        event.version, body.field, body.of, body.old, body.new, body.reason_code, event.recorded_at, event.actor.ref
    )
    changes: Changes = {"corrections": (*case.corrections, entry)}
    if body.field != "effective_at":
        changes[f"filing.{body.field}"] = body.new
        changes["filing.unclear"] = _without(case, body.field, *(("qr",) if body.field == "place" else ()))
        if body.field == "class_":
            changes["accusation.sealed"] = body.new == "accusation" or case.accusation.suspected is not None
            if body.new == "accusation" and case.assignment.org is None:
                changes |= _sealed_anew(case)
        return changes
    if body.new is None:
        return changes
    if body.of == 1:
        changes["filing.unclear"] = _without(case, "received_at")
    new = from_text(body.new)
    wrong = next((fact for fact in case.facts if fact.version == body.of), None)
    changes["facts"] = tuple(
        fact._replace(effective_at=new) if fact.version == body.of else fact for fact in case.facts
    )
    if wrong is not None:
        date_of = _DATE_OF.get(wrong.name)
        if date_of is not None and attrgetter(date_of)(case) == wrong.effective_at:
            changes[date_of] = new
        moved = (fact for fact in case.facts if fact.name in MOVES and fact.effective_at == case.moved_at)
        if wrong.version == max((fact.version for fact in moved), default=None):
            changes["moved_at"] = new
    return changes


def _without(case: Case, *settled: str) -> tuple[str, ...]:
    """What is still unclear once these are settled."""
    return tuple(field for field in case.filing.unclear if field not in settled)


def _sealed_anew(case: Case) -> Changes:
    """A case without an organisation turned out to be an accusation: no organisation assists or reviews any more, and results of an
    organisation of the open track are no results of the accusation."""
    changes: Changes = {"assignment.assist": (), "review.reviewer": None, "review.accepted": False}
    if case.state != "registered":
        return changes
    if case.assignment.queue_reason is not None and case.accusation.suspected is None:
        changes["assignment.queue_reason"] = "sealed_track"
    return {**changes, **unanswered()}


@on(i.CaseVoided, "voided")
def _voided(case: Case, event: RecordedEvent, body: i.CaseVoided) -> Changes:
    return let_go(case)


@on(i.AnsweredAtOnce, "replied")
def _answered(case: Case, event: RecordedEvent, body: i.AnsweredAtOnce) -> Changes:
    return {
        "handling.result": "explained",
        "handling.replied_at": event.effective_at,
        "handling.replies": case.handling.replies + 1,
    }


@on(i.EvaluationInvited, fact=kind_of("object"))
def _invited(case: Case, event: RecordedEvent, body: i.EvaluationInvited) -> Changes:
    return (
        {}
        if body.object in case.evaluation.invited
        else {"evaluation.invited": (*case.evaluation.invited, body.object)}
    )


@on(i.EvaluationSubmitted, fact=kind_of("object"))
def _evaluated(case: Case, event: RecordedEvent, body: i.EvaluationSubmitted) -> Changes:
    others = tuple(entry for entry in case.evaluation.grades if entry[0] != body.object)
    return {"evaluation.grades": (*others, (body.object, body.grade))}


@on(i.ReviewRequested, "in_review")
def _review_requested(case: Case, event: RecordedEvent, body: i.ReviewRequested) -> Changes:
    return _under_review(case, late=body.late)


@on(i.ReReviewRequested, "in_re_review")
def _re_review_requested(case: Case, event: RecordedEvent, body: i.ReReviewRequested) -> Changes:
    return _under_review(case, late=body.late)


def _under_review(case: Case, *, late: bool) -> Changes:
    before = BeforeReview(case.state, case.closure.kind, case.closure.closed_at) if late else None
    return {
        "closure.kind": None,
        "closure.closed_at": None,
        "review.reviewer": None,
        "review.accepted": False,
        "review.late": late,
        "review.before": before,
    }


@on(i.CaseWithdrawn, "withdrawn")
def _withdrawn(case: Case, event: RecordedEvent, body: i.CaseWithdrawn) -> Changes:
    return {"closure.kind": "withdrawn", "closure.closed_at": event.effective_at}


@on(i.WentLive)
def _went_live(case: Case, event: RecordedEvent, body: i.WentLive) -> Changes:
    return {"live_from": event.recorded_at}


@on(i.MaterialAdded)
def _material(case: Case, event: RecordedEvent, body: i.MaterialAdded) -> Changes:
    return {}
