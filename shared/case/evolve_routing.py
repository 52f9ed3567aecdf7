"""Evolve functions for the events of routing."""

from __future__ import annotations

from typing import Any

from shared.case.evolve import Changes, kind_of, on
from shared.case.state import Case, calmed, let_go, past, sealed_code
from shared.events import routing as r
from shared.eventstore.recorded_event import RecordedEvent


def _sent(case: Case, org: str, rule: str | None, **assignment: Any) -> Changes:
    """`org` is responsible now; `assignment`: further fields of that group."""
    return {
        "assignment": {
            "past_orgs": past(case),
            "org": org,
            "forwarded": (),
            "rule": rule,
            "hops": case.assignment.hops + 1,
            "delivered": False,
            "delivered_seq": None,
            "queue_reason": None,
            **assignment,
        },
        "handling": {"notice": None},
        **calmed(case),
    }


@on(r.CaseClassified, fact=kind_of("class_"))
def _classified(case: Case, event: RecordedEvent, body: r.CaseClassified) -> Changes:
    unclear, accusation = case.filing.unclear, case.accusation
    return {
        "filing": {
            "class_": body.class_ or case.filing.class_,
            "path": body.path if body.path is not None else case.filing.path,
            "subject": body.subject or case.filing.subject,
            "unclear": tuple(field for field in unclear if field != "subject") if body.subject else unclear,
            **(sealed_code(case, body.class_) if body.by == "person" else {}),
        },
        "accusation": {
            "sealed": body.class_ == "accusation"
            or (accusation.sealed and (body.by != "person" or body.class_ is None or accusation.suspected is not None))
        },
    }


@on(r.AccusationSuspected, fact=False)
def _suspected(case: Case, event: RecordedEvent, body: r.AccusationSuspected) -> Changes:
    changes: Changes = {"accusation": {"suspected": body.rule, "sealed": True, "examined": True}}
    if case.assignment.org is None:
        changes["assignment"] = {"queue_reason": "suspected_accusation"}
    return changes


@on(r.AccusationConfirmed, fact=False)
def _confirmed(case: Case, event: RecordedEvent, body: r.AccusationConfirmed) -> Changes:
    changes: Changes = {
        "accusation": {"suspected": None, "sealed": True, "examined": True},
        "filing": {
            **sealed_code(case, "accusation"),
            "class_": "accusation",
            "identities": (*case.filing.identities, event.version),
        },
        "assignment": {"queue_reason": "sealed_track"},
    }
    if body.respondent_org is not None and body.respondent_org not in case.accusation.accused:
        changes["accusation"]["accused"] = (*case.accusation.accused, body.respondent_org)
    if ("r1", "respondent") not in case.filing.parties:
        changes["filing"]["parties"] = (*case.filing.parties, ("r1", "respondent"))
    return changes


@on(r.SuspicionCleared, fact=False)
def _cleared(case: Case, event: RecordedEvent, body: r.SuspicionCleared) -> Changes:
    return {
        "accusation": {
            "suspected": None,
            "cleared": True,
            "examined": True,
            "sealed": case.filing.class_ == "accusation",
        },
        "assignment": {"queue_reason": None},
    }


@on(r.QueuedForDispatch)
def _queued(case: Case, event: RecordedEvent, body: r.QueuedForDispatch) -> Changes:
    return {"assignment": {"queue_reason": body.why}}


@on(r.FollowersAnswered)
def _followers_answered(case: Case, event: RecordedEvent, body: r.FollowersAnswered) -> Changes:
    return {}


@on(r.MatterAnswered)
def _matter_answered(case: Case, event: RecordedEvent, body: r.MatterAnswered) -> Changes:
    return {
        "matter": {
            "lead": None,
            "lead_kind": None,
            "related": case.matter.related if body.lead in case.matter.related else (*case.matter.related, body.lead),
        },
        "assignment": {"org": body.org, "delivered": True},
        "filing": {
            "path": body.path if body.path is not None else case.filing.path,
            "class_": case.filing.class_ or body.class_,
        },
    }


@on(r.CaseTransferred, "dispatched")
def _transferred(case: Case, event: RecordedEvent, body: r.CaseTransferred) -> Changes:
    return _sent(case, body.org, body.rule, assigned=False)


@on(r.CaseAssigned, "dispatched", fact=lambda body: (None, body.due, 0, None))
def _assigned(case: Case, event: RecordedEvent, body: r.CaseAssigned) -> Changes:
    sent = _sent(case, body.org, body.rule, assigned=True)
    return {**sent, "handling": {**sent["handling"], "report_required": body.report_required}}


@on(r.CaseRoutedToSealedChannel, "dispatched")
def _sealed(case: Case, event: RecordedEvent, body: r.CaseRoutedToSealedChannel) -> Changes:
    return {**_sent(case, body.org, "sealed"), "accusation": {"sealed": True}}


@on(r.AssignmentDelivered)
def _delivered(case: Case, event: RecordedEvent, body: r.AssignmentDelivered) -> Changes:
    return {"assignment": {"delivered": True, "delivered_seq": body.seq}} if body.org == case.assignment.org else {}


@on(r.AssignmentWithdrawn, None)
def _recalled(case: Case, event: RecordedEvent, body: r.AssignmentWithdrawn) -> Changes:
    """A case that has ended remains ended: it turned out to be an accusation, and its organisation may not see it any more."""
    assignment: Changes = {**let_go(case), "assigned": False, "delivered": False}
    if not case.open:
        return {"assignment": assignment}
    by_rule = case.assignment.rule is not None and case.assignment.hops == 1
    again = body.reason_code == "follows_lead" and by_rule  # once it is unlinked, a rule may send it again
    return {"state": "registered", "assignment": {**assignment, "queue_reason": None if again else "returned"}}


@on(r.ForwardedDown, fact=kind_of("to"))
def _forwarded(case: Case, event: RecordedEvent, body: r.ForwardedDown) -> Changes:
    return {"assignment": {"forwarded": (*case.assignment.forwarded, body.to)}}


@on(r.ReviewBodyNamed, fact=kind_of("body"))
def _review_body(case: Case, event: RecordedEvent, body: r.ReviewBodyNamed) -> Changes:
    return {"review": {"reviewer": body.body, "accepted": False}}


@on(r.ReturnVerified, None, fact=lambda body: ("agreed" if body.agreed else "refused", None, 0, None))
def _return_verified(case: Case, event: RecordedEvent, body: r.ReturnVerified) -> Changes:
    if body.agreed:
        return {
            "state": "returned",
            "assignment": {**let_go(case), "delivered": False, "queue_reason": "returned"},
        }
    return {"state": "signed" if case.assignment.signed_before_return else "dispatched"}


@on(r.JurisdictionDisputed, "disputed")
def _disputed(case: Case, event: RecordedEvent, body: r.JurisdictionDisputed) -> Changes:
    return {"assignment": {**let_go(case), "delivered": False}}


@on(r.JurisdictionRuled, "dispatched")
def _ruled(case: Case, event: RecordedEvent, body: r.JurisdictionRuled) -> Changes:
    return _sent(case, body.org, "ruling", assist=body.assist, final_ruling=True)


@on(r.StatutoryPathGuided, "guided")
def _guided(case: Case, event: RecordedEvent, body: r.StatutoryPathGuided) -> Changes:
    gone: Changes = {"handling": {"guided_from": case.state, "path_before": case.filing.path}}
    if case.handling.accepted_at is None:  # a deadline that ran on another path is not undone
        gone["filing"] = {"path": body.path}
    return gone


@on(r.NotCompetentDeclared, None)
def _not_competent(case: Case, event: RecordedEvent, body: r.NotCompetentDeclared) -> Changes:
    back = case.handling.guided_from or "registered"
    return {
        "state": back,
        "filing": {"path": body.path if body.path is not None else case.handling.path_before},
        "handling": {"guided_from": None, "path_before": None},
        "closure": {"kind": None, "closed_at": None},
        **({"assignment": {"queue_reason": "returned"}} if back == "registered" else {}),
    }


@on(r.ReRegistrationBarred, "barred")
def _barred(case: Case, event: RecordedEvent, body: r.ReRegistrationBarred) -> Changes:
    return {"closure": {"closed_at": event.effective_at}}


@on(r.ClerkAssigned, fact=False)
def _clerk(case: Case, event: RecordedEvent, body: r.ClerkAssigned) -> Changes:
    others = tuple(one for one in case.assignment.clerks if one[0] != body.org)
    return {"assignment": {"clerks": others if body.clerk is None else (*others, (body.org, body.clerk))}}
