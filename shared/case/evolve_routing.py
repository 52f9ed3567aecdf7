"""What the events of routing mean for a case."""

from __future__ import annotations

from shared.case.evolve import Changes, kind_of, on
from shared.case.state import Case, calmed, let_go, past
from shared.events import routing as r
from shared.eventstore.recorded_event import RecordedEvent


def _sent(case: Case, org: str, rule: str | None) -> Changes:
    return {
        "past_orgs": past(case),
        "org": org,
        "forwarded": (),
        "rule": rule,
        "hops": case.hops + 1,
        "delivered": False,
        "delivered_seq": None,
        "queue_reason": None,
        "notice": None,
        **calmed(case),
    }


@on(r.CaseClassified, fact=kind_of("class_"))
def _classified(case: Case, event: RecordedEvent, body: r.CaseClassified) -> Changes:
    return {
        "class_": body.class_ or case.class_,
        "path": body.path if body.path is not None else case.path,
        "subject": body.subject or case.subject,
        "unclear": tuple(field for field in case.unclear if field != "subject") if body.subject else case.unclear,
        "sealed_track": body.class_ == "accusation"
        or (case.sealed_track and (body.by != "person" or body.class_ is None or case.suspected is not None)),
    }


@on(r.AccusationSuspected, fact=False)
def _suspected(case: Case, event: RecordedEvent, body: r.AccusationSuspected) -> Changes:
    return {"suspected": body.rule, "sealed_track": True, "queue_reason": "suspected_accusation"}


@on(r.AccusationConfirmed, fact=False)
def _confirmed(case: Case, event: RecordedEvent, body: r.AccusationConfirmed) -> Changes:
    changes: Changes = {
        "suspected": None,
        "class_": "accusation",
        "sealed_track": True,
        "queue_reason": "sealed_track",
    }
    if body.respondent_org is not None and body.respondent_org not in case.accused:
        changes["accused"] = (*case.accused, body.respondent_org)
    if ("r1", "respondent") not in case.parties:
        changes["parties"] = (*case.parties, ("r1", "respondent"))
    return changes


@on(r.SuspicionCleared, fact=False)
def _cleared(case: Case, event: RecordedEvent, body: r.SuspicionCleared) -> Changes:
    return {"suspected": None, "cleared": True, "sealed_track": case.class_ == "accusation", "queue_reason": None}


@on(r.QueuedForDispatch)
def _queued(case: Case, event: RecordedEvent, body: r.QueuedForDispatch) -> Changes:
    return {"queue_reason": body.why}


@on(r.CaseTransferred, "dispatched")
def _transferred(case: Case, event: RecordedEvent, body: r.CaseTransferred) -> Changes:
    return {**_sent(case, body.org, body.rule), "assigned": False}


@on(r.CaseAssigned, "dispatched", fact=lambda body: (None, body.due, 0, None))
def _assigned(case: Case, event: RecordedEvent, body: r.CaseAssigned) -> Changes:
    return {**_sent(case, body.org, body.rule), "assigned": True, "report_required": body.report_required}


@on(r.CaseRoutedToSealedChannel, "dispatched")
def _sealed(case: Case, event: RecordedEvent, body: r.CaseRoutedToSealedChannel) -> Changes:
    return {**_sent(case, body.org, "sealed"), "sealed_track": True}


@on(r.AssignmentDelivered)
def _delivered(case: Case, event: RecordedEvent, body: r.AssignmentDelivered) -> Changes:
    return {"delivered": True, "delivered_seq": body.seq} if body.org == case.org else {}


@on(r.AssignmentWithdrawn, None)
def _recalled(case: Case, event: RecordedEvent, body: r.AssignmentWithdrawn) -> Changes:
    """A case that has ended remains ended: it turned out to be an accusation, and its organisation may not see it any more."""
    changes: Changes = {**let_go(case), "assigned": False, "delivered": False}
    if not case.open:
        return changes
    changes |= {"state": "registered"}
    if body.reason_code == "follows_lead" and case.rule is not None and case.hops == 1:
        return {**changes, "queue_reason": None}  # a rule sent it; once it is unlinked, a rule may send it again
    return {**changes, "queue_reason": "returned"}


@on(r.ForwardedDown, fact=kind_of("to"))
def _forwarded(case: Case, event: RecordedEvent, body: r.ForwardedDown) -> Changes:
    return {"forwarded": (*case.forwarded, body.to)}


@on(r.ReviewBodyNamed, fact=kind_of("body"))
def _review_body(case: Case, event: RecordedEvent, body: r.ReviewBodyNamed) -> Changes:
    return {"reviewer": body.body, "review_accepted": False}


@on(r.ReturnVerified, None, fact=lambda body: ("agreed" if body.agreed else "refused", None, 0, None))
def _return_verified(case: Case, event: RecordedEvent, body: r.ReturnVerified) -> Changes:
    if body.agreed:
        return {
            "state": "returned",
            **let_go(case),
            "delivered": False,
            "queue_reason": "returned",
        }
    return {"state": "signed" if case.signed_before_return else "dispatched"}


@on(r.JurisdictionDisputed, "disputed")
def _disputed(case: Case, event: RecordedEvent, body: r.JurisdictionDisputed) -> Changes:
    return {**let_go(case), "delivered": False}


@on(r.JurisdictionRuled, "dispatched")
def _ruled(case: Case, event: RecordedEvent, body: r.JurisdictionRuled) -> Changes:
    return {**_sent(case, body.org, "ruling"), "assist": body.assist, "final_ruling": True}


@on(r.StatutoryPathGuided, "guided")
def _guided(case: Case, event: RecordedEvent, body: r.StatutoryPathGuided) -> Changes:
    return (
        {} if case.accepted_at is not None else {"path": body.path}
    )  # a deadline that ran on another path is not undone


@on(r.ReRegistrationBarred, "barred")
def _barred(case: Case, event: RecordedEvent, body: r.ReRegistrationBarred) -> Changes:
    return {"closed_at": event.effective_at}
