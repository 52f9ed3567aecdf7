"""What the events of filing, the petitioner and the parties mean for a case."""

from __future__ import annotations

from shared.case.evolve import MOVES, Changes, kind_of, on
from shared.case.state import STREAM, Case, Correction, let_go, unanswered
from shared.events import intake as i
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import from_text

_DATE_OF = {
    "CaseRegistered": "filed_at",
    "Accepted": "accepted_at",
    "AcceptanceOrdered": "accepted_at",
    "AnsweredAtOnce": "replied_at",
    "ReplyDelivered": "replied_at",
    "CaseClosed": "closed_at",
    "CaseWithdrawn": "closed_at",
    "Concluded": "closed_at",
    "ReRegistrationBarred": "closed_at",
}
"""Event type -> the field of a case that holds its legal time."""


@on(i.CaseRegistered, "registered")
def _registered(case: Case, event: RecordedEvent, body: i.CaseRegistered) -> Changes:
    return {
        "id": event.stream.removeprefix(STREAM),
        "jurisdiction": event.jurisdiction,
        "origin": event.origin,
        "number": body.number,
        "channel": body.channel,
        "channel_class": body.channel_class,
        "platform": body.platform,
        "place": body.place,
        "subject": body.subject,
        "level": body.level,
        "grid": body.grid,
        "unclear": body.unclear,
        "class_": body.class_,
        "received_by": body.received_by,
        "org": body.org,
        "anonymous": body.anonymous,
        "confidential": body.confidential,
        "sealed_track": body.class_ == "accusation",
        "filed_at": event.effective_at,
        "ranked_at": event.effective_at,
        "registered_at": event.recorded_at,
    }


@on(i.PartyRecorded, fact=False)
def _party(case: Case, event: RecordedEvent, body: i.PartyRecorded) -> Changes:
    changes: Changes = {"parties": (*case.parties, (body.party, body.role))}
    if body.role == "respondent" and body.respondent_org:
        changes["accused"] = (*case.accused, body.respondent_org)
    return changes


@on(i.RepresentativesNamed, fact=False)
def _represented(case: Case, event: RecordedEvent, body: i.RepresentativesNamed) -> Changes:
    return {"representatives": body.parties}


@on(i.ConfidentialityRequested, fact=False)
def _confidential(case: Case, event: RecordedEvent, body: i.ConfidentialityRequested) -> Changes:
    return {"confidential": True}


@on(i.Nudged)
def _nudged(case: Case, event: RecordedEvent, body: i.Nudged) -> Changes:
    return {"nudges": case.nudges + 1}


@on(i.CaseLinked, fact=kind_of("kind"))
def _linked(case: Case, event: RecordedEvent, body: i.CaseLinked) -> Changes:
    if body.kind == "related":
        return {} if body.lead in case.related else {"related": (*case.related, body.lead)}
    return {"lead": body.lead, "lead_kind": body.kind, "assist": (), "notice": None}


@on(i.CaseUnlinked, fact=kind_of("kind"))
def _unlinked(case: Case, event: RecordedEvent, body: i.CaseUnlinked) -> Changes:
    if body.kind == "related":
        return {"related": tuple(other for other in case.related if other != body.lead)}
    return {"lead": None, "lead_kind": None, "notice": None} if case.lead == body.lead else {}


@on(i.CaseCorrected, fact=False)
def _corrected(case: Case, event: RecordedEvent, body: i.CaseCorrected) -> Changes:
    entry = Correction(
        event.version, body.field, body.of, body.old, body.new, body.reason_code, event.recorded_at, event.actor.ref
    )
    changes: Changes = {"corrections": (*case.corrections, entry)}
    if body.field != "effective_at":
        changes[body.field] = body.new
        changes["unclear"] = tuple(field for field in case.unclear if field != body.field)
        if body.field == "class_":
            changes["sealed_track"] = body.new == "accusation" or case.suspected is not None
            if body.new == "accusation" and case.org is None:
                changes |= _sealed_anew(case)
        return changes
    if body.new is None:
        return changes
    new = from_text(body.new)
    wrong = next((fact for fact in case.facts if fact.version == body.of), None)
    changes["facts"] = tuple(
        fact._replace(effective_at=new) if fact.version == body.of else fact for fact in case.facts
    )
    if wrong is not None:
        date_of = _DATE_OF.get(wrong.name)
        if date_of is not None and getattr(case, date_of) == wrong.effective_at:
            changes[date_of] = new
        moved = (fact for fact in case.facts if fact.name in MOVES and fact.effective_at == case.moved_at)
        if wrong.version == max((fact.version for fact in moved), default=None):
            changes["moved_at"] = new
    return changes


def _sealed_anew(case: Case) -> Changes:
    """A case without an organisation turned out to be an accusation: nobody assists or reviews any more, and a result of an
    organisation of the open track is no result of the accusation."""
    changes: Changes = {"assist": (), "reviewer": None, "review_accepted": False}
    if case.state != "registered":
        return changes
    if case.queue_reason is not None and case.suspected is None:
        changes["queue_reason"] = "sealed_track"
    return {**changes, **unanswered()}


@on(i.CaseVoided, "voided")
def _voided(case: Case, event: RecordedEvent, body: i.CaseVoided) -> Changes:
    return let_go(case)


@on(i.AnsweredAtOnce, "replied")
def _answered(case: Case, event: RecordedEvent, body: i.AnsweredAtOnce) -> Changes:
    return {"result": "explained", "replied_at": event.effective_at, "replies": case.replies + 1}


@on(i.EvaluationInvited, fact=kind_of("object"))
def _invited(case: Case, event: RecordedEvent, body: i.EvaluationInvited) -> Changes:
    return {} if body.object in case.invited else {"invited": (*case.invited, body.object)}


@on(i.EvaluationSubmitted, fact=kind_of("object"))
def _evaluated(case: Case, event: RecordedEvent, body: i.EvaluationSubmitted) -> Changes:
    others = tuple(entry for entry in case.evaluations if entry[0] != body.object)
    return {"evaluations": (*others, (body.object, body.grade))}


@on(i.ReviewRequested, "in_review")
def _review_requested(case: Case, event: RecordedEvent, body: i.ReviewRequested) -> Changes:
    return {"closure": None, "closed_at": None, "reviewer": None, "review_accepted": False}


@on(i.ReReviewRequested, "in_re_review")
def _re_review_requested(case: Case, event: RecordedEvent, body: i.ReReviewRequested) -> Changes:
    return {"closure": None, "closed_at": None, "reviewer": None, "review_accepted": False}


@on(i.CaseWithdrawn, "withdrawn")
def _withdrawn(case: Case, event: RecordedEvent, body: i.CaseWithdrawn) -> Changes:
    return {"closure": "withdrawn", "closed_at": event.effective_at}


@on(i.WentLive)
def _went_live(case: Case, event: RecordedEvent, body: i.WentLive) -> Changes:
    return {"live_from": event.recorded_at}


@on(i.MaterialAdded)
def _material(case: Case, event: RecordedEvent, body: i.MaterialAdded) -> Changes:
    return {}
