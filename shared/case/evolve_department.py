"""Evolve functions for the events of the handling organisations and the review bodies."""

from __future__ import annotations

from typing import Any

from shared.case.evolve import Changes, kind_of, on
from shared.case.state import AskedOfPetitioner, Case, FailedService, Unread, begun_again, calmed
from shared.events import department as d
from shared.eventstore.recorded_event import RecordedEvent


@on(d.SignedFor, "signed")
def _signed(case: Case, event: RecordedEvent, body: d.SignedFor) -> Changes:
    return {"assignment": {"signed_before_return": True}}


@on(d.ReturnRequested, "return_requested", fact=kind_of("reason_code"))
def _return_requested(case: Case, event: RecordedEvent, body: d.ReturnRequested) -> Changes:
    return {
        "assignment": {"signed_before_return": case.state == "signed", "objections": case.assignment.objections + 1}
    }


@on(d.Accepted, "accepted")
def _accepted(case: Case, event: RecordedEvent, body: d.Accepted) -> Changes:
    return {
        "handling": {"accepted_at": event.effective_at},
        "filing": {"path": body.path if body.path is not None else case.filing.path},
    }


@on(d.NotAccepted, "not_accepted", fact=kind_of("reason_code"))
def _not_accepted(case: Case, event: RecordedEvent, body: d.NotAccepted) -> Changes:
    return {}


@on(d.NoticeServed, fact=kind_of("kind"))
def _notice(case: Case, event: RecordedEvent, body: d.NoticeServed) -> Changes:
    calm = {} if body.kind == "transfer" else calmed(case)  # the notice of acceptance is still owed
    unread = {"unread": _unread(case, event, "notice")} if body.mode == "electronic" else {}
    return {"handling": {"notice": body.kind}, "service": {**unread, "failed": _failed(case, "notice")}, **calm}


WITH_LEAD = "with_lead"
"""Kind of the fact of a decision that was taken over from the lead case: the promise is kept, and its clock runs, there."""
RECEIVED = frozenset({"in_person", "post", "left", "other"})
"""Modes of service by which the petitioner has the document in hand on the day that the proof shows."""
UNSTATED = "unstated"
"""Kind of the fact of a service whose document does not state the right to a request: no period runs from it."""


def _unread(case: Case, event: RecordedEvent, document: str) -> tuple[Unread, ...]:
    """`unread` after an electronic service.

    An earlier service of the same reply or opinion is replaced; each notice is a document of its own."""
    kept = [one for one in case.service.unread if document == "notice" or one.document != document]
    return (*kept, Unread(document, event.version, event.effective_at))


def _read(case: Case, document: str) -> tuple[Unread, ...]:
    """`unread` without this document."""
    unread = case.service.unread
    return tuple(one for one in unread if one.document != document) if unread else unread


def _failed(case: Case, document: str) -> tuple[FailedService, ...]:
    """`failed` once the document was served: earlier attempts no longer matter."""
    failed = case.service.failed
    return tuple(one for one in failed if one.document != document) if failed else failed


@on(d.ServiceFailed, None, fact=kind_of("document"))
def _service_failed(case: Case, event: RecordedEvent, body: d.ServiceFailed) -> Changes:
    failed = FailedService(body.document, body.mode, event.version, event.effective_at)
    service: Changes = {"failed": (*case.service.failed, failed)}
    if body.of is None:
        return {"service": service}
    service["unread"] = tuple(one for one in case.service.unread if one.version != body.of)
    service["undone"] = (*case.service.undone, body.of)
    changes: Changes = {"service": service}
    if body.document == "notice":
        changes["handling"] = {"notice": None}
    elif body.document == "reply" and case.state == "replied":
        changes |= {"state": "decided", "handling": {"replied_at": None}, "evaluation": {"invited": ()}}
    return changes


def _mode_and_right(body: Any) -> tuple[str, None, int, None]:
    return (UNSTATED if body.states_review_right is False else body.mode), None, 0, None


def _document_of_window(body: Any) -> tuple[str | None, None, int, None]:
    """The document, if the petitioner's period runs from this fact."""
    return (body.document if body.opens_window else None), None, 0, None


def _handling(case: Case) -> Changes:
    return {"state": "handling"} if case.state in ("accepted", "redo_ordered", "reviewed") else {}


@on(d.InvestigationStepRecorded, None, fact=kind_of("step"))
def _step(case: Case, event: RecordedEvent, body: d.InvestigationStepRecorded) -> Changes:
    return _handling(case)


@on(d.PetitionerAsked)
def _asked(case: Case, event: RecordedEvent, body: d.PetitionerAsked) -> Changes:
    asked = AskedOfPetitioner(event.version, event.effective_at, body.count)
    return {"service": {"asked": (*case.service.asked, asked)}}


@on(d.MediationOffered, None)
def _mediation_offered(case: Case, event: RecordedEvent, body: d.MediationOffered) -> Changes:
    return _handling(case)


@on(d.MediationFailed)
def _mediation_failed(case: Case, event: RecordedEvent, body: d.MediationFailed) -> Changes:
    return {}


@on(d.MediationAgreed, "decided")
def _mediation_agreed(case: Case, event: RecordedEvent, body: d.MediationAgreed) -> Changes:
    return {"handling": {"result": "settled"}}


@on(d.HearingHeld, None, fact=lambda body: (None, body.to, 0, body.from_))
def _hearing(case: Case, event: RecordedEvent, body: d.HearingHeld) -> Changes:
    return _handling(case)


@on(d.ExtensionRequested)
def _extension_requested(case: Case, event: RecordedEvent, body: d.ExtensionRequested) -> Changes:
    return {
        "handling": {"extension_asked": body.days, "extension_asker": event.actor.ref, "extension_person": body.person}
    }


@on(d.ExtensionGranted, fact=lambda body: (None, None, body.days, None))
def _extension_granted(case: Case, event: RecordedEvent, body: d.ExtensionGranted) -> Changes:
    return {
        "handling": {
            "extension_asked": None,
            "extension_asker": None,
            "extension_person": None,
            "extension_days": case.handling.extension_days + body.days,
        }
    }


@on(d.ExtensionRefused)
def _extension_refused(case: Case, event: RecordedEvent, body: d.ExtensionRefused) -> Changes:
    return {"handling": {"extension_asked": None, "extension_asker": None, "extension_person": None}}


@on(d.ExtensionNoticeServed)
def _extension_told(case: Case, event: RecordedEvent, body: d.ExtensionNoticeServed) -> Changes:
    return {}


@on(
    d.DecisionIssued,
    "decided",
    fact=lambda body: (WITH_LEAD if body.with_lead else body.result, body.execute_by, 0, None),
)
def _decided(case: Case, event: RecordedEvent, body: d.DecisionIssued) -> Changes:
    executed = {"executed": True} if body.with_lead else {}
    return {"handling": {"result": body.result, "right_stated": body.states_review_right, **executed}}


@on(d.SuggestionAnswered, "decided", fact=kind_of("result"))
def _suggestion(case: Case, event: RecordedEvent, body: d.SuggestionAnswered) -> Changes:
    return {"handling": {"result": body.result}}


@on(d.DutyPerformed, "decided", fact=kind_of("result"))
def _duty(case: Case, event: RecordedEvent, body: d.DutyPerformed) -> Changes:
    return {"handling": {"result": body.result, "executed": body.result == "performed"}}


@on(d.ConsultationAnswered, "decided")
def _consultation(case: Case, event: RecordedEvent, body: d.ConsultationAnswered) -> Changes:
    return {"handling": {"result": "explained"}}


@on(d.AccusationHandled, "decided")
def _accusation_handled(case: Case, event: RecordedEvent, body: d.AccusationHandled) -> Changes:
    return {"handling": {"result": "accusation_handled"}}


@on(d.LedInto, "led_into")
def _led_into(case: Case, event: RecordedEvent, body: d.LedInto) -> Changes:
    return {} if case.handling.accepted_at is not None else {"filing": {"path": body.path}}


@on(d.ReplyDelivered, "replied", fact=_mode_and_right)
def _replied(case: Case, event: RecordedEvent, body: d.ReplyDelivered) -> Changes:
    return {
        "handling": {"replied_at": event.effective_at, "replies": case.handling.replies + 1},
        "service": {
            "reply_received": body.mode in RECEIVED,
            "unread": _unread(case, event, "reply") if body.mode == "electronic" else _read(case, "reply"),
            "failed": _failed(case, "reply"),
        },
        **calmed(case),
    }


@on(d.PaperServed, fact=_document_of_window)
def _paper_served(case: Case, event: RecordedEvent, body: d.PaperServed) -> Changes:
    received = {} if body.document == "notice" else {f"{body.document}_received": True}
    return {"service": {**received, "unread": _read(case, body.document), "failed": _failed(case, body.document)}}


@on(d.ReplyCorrected)
def _reply_corrected(case: Case, event: RecordedEvent, body: d.ReplyCorrected) -> Changes:
    return {}


@on(d.ExecutionConfirmed)
def _executed(case: Case, event: RecordedEvent, body: d.ExecutionConfirmed) -> Changes:
    return {"handling": {"executed": True}}


@on(d.ClosingReportFiled)
def _report(case: Case, event: RecordedEvent, body: d.ClosingReportFiled) -> Changes:
    return {"handling": {"report_filed": True}}


@on(d.HandedBack)
def _handed_back(case: Case, event: RecordedEvent, body: d.HandedBack) -> Changes:
    line = case.assignment.forwarded
    return {"assignment": {"forwarded": line[: line.index(body.org)]}} if body.org in line else {}


@on(d.ReviewAccepted)
def _review_accepted(case: Case, event: RecordedEvent, body: d.ReviewAccepted) -> Changes:
    return {"review": {"reviewer": body.body, "accepted": True}}


@on(d.ReviewRefused, None)
def _review_refused(case: Case, event: RecordedEvent, body: d.ReviewRefused) -> Changes:
    before = case.review.before
    if before is None:
        return {}
    return {
        "state": before.state,
        "closure": {"kind": before.closed_as, "closed_at": before.closed_at},
        "review": {"reviewer": None, "late": False, "before": None},
    }


def _reviewed_decision(case: Case, decision: str | None) -> Changes:
    """The decision that the review put in its place has not been executed yet."""
    return (
        {}
        if decision is None or decision == case.handling.result
        else {"handling": {"result": decision, "executed": False}}
    )


@on(d.ReviewOpinionIssued, None, fact=kind_of("result"))
def _reviewed(case: Case, event: RecordedEvent, body: d.ReviewOpinionIssued) -> Changes:
    review = {"result": body.result, "reviewer": body.body, "reviewed_by": body.body}
    if body.result == "redo":
        again = begun_again(case)
        return {
            **again,
            "review": review,
            "service": {**again["service"], "opinion_received": False},
            "state": "handling",
        }
    decision = _reviewed_decision(case, body.decision)
    return {**decision, "review": review, "service": {"opinion_received": False}, "state": "reviewed"}


@on(d.OpinionDelivered, fact=_mode_and_right)
def _opinion_delivered(case: Case, event: RecordedEvent, body: d.OpinionDelivered) -> Changes:
    return {
        "service": {
            "opinion_received": body.mode in RECEIVED,
            "unread": _unread(case, event, "opinion") if body.mode == "electronic" else _read(case, "opinion"),
            "failed": _failed(case, "opinion"),
        }
    }


@on(d.ReReviewOpinionIssued, fact=kind_of("result"))
def _re_reviewed(case: Case, event: RecordedEvent, body: d.ReReviewOpinionIssued) -> Changes:
    return {"review": {"result": body.result, "reviewer": body.body}, **_reviewed_decision(case, body.decision)}


@on(d.Concluded, "concluded", fact=kind_of("by"))
def _concluded(case: Case, event: RecordedEvent, body: d.Concluded) -> Changes:
    return {"closure": {"closed_at": event.effective_at}, "withdrawals": {"pending": ()}}
