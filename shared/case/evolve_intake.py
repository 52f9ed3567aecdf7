"""Evolve functions for the events of filing, the petitioner and the parties."""

from __future__ import annotations

from shared.case.evolve import MOVES, Changes, kind_of, on
from shared.case.state import (
    OPEN_STATES,
    STREAM,
    BeforeReview,
    Case,
    CaseFile,
    Correction,
    PendingWithdrawal,
    let_go,
    sealed_code,
    unanswered,
)
from shared.events import intake as i
from shared.events.files import FileAttached
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import before, from_text

_DATE_OF = {
    "CaseRegistered": ("filing", "filed_at"),
    "Accepted": ("handling", "accepted_at"),
    "AcceptanceOrdered": ("handling", "accepted_at"),
    "AnsweredAtOnce": ("handling", "replied_at"),
    "ReplyDelivered": ("handling", "replied_at"),
    "CaseClosed": ("closure", "closed_at"),
    "CaseWithdrawn": ("closure", "closed_at"),
    "Concluded": ("closure", "closed_at"),
    "ReRegistrationBarred": ("closure", "closed_at"),
}
"""Event type -> the group and its field that hold the legal time of such an event."""


def acting(event: RecordedEvent) -> str:
    """The name of the principal that caused an event."""
    return f"{event.actor.role}:{event.actor.org or '-'}:{event.actor.ref}"


@on(i.CaseRegistered, "registered")
def _registered(case: Case, event: RecordedEvent, body: i.CaseRegistered) -> Changes:
    return {
        "id": event.stream.removeprefix(STREAM),
        "jurisdiction": event.jurisdiction,
        "origin": event.origin,
        "number": body.number,
        "filing": {
            "channel": body.channel,
            "channel_class": body.channel_class,
            "platform": body.platform,
            "filer": acting(event),
            "filer_person": event.actor.person,
            "place": body.place,
            "subject": body.subject,
            "level": body.level,
            "grid": body.grid,
            "unclear": body.unclear,
            "class_": body.class_,
            "urgency": body.urgency,
            "received_by": body.received_by,
            "anonymous": body.anonymous,
            "confidential": body.confidential,
            "filed_at": event.effective_at,
            "ranked_at": event.effective_at,
        },
        "assignment": {"org": body.org},
        "accusation": {"sealed": body.class_ == "accusation"},
        "registered_at": event.recorded_at,
        "service": {"code_issued_by": "own" if event.actor.role in ("platform", "citizen") else "staff"},
    }


@on(i.PartyRecorded, fact=False)
def _party(case: Case, event: RecordedEvent, body: i.PartyRecorded) -> Changes:
    filing: Changes = {
        "parties": (*case.filing.parties, (body.party, body.role)),
        "identities": (*case.filing.identities, event.version),
    }
    accusation: Changes = {}
    if body.role == "respondent" and body.respondent_org:
        accusation["accused"] = (*case.accusation.accused, body.respondent_org)
    if body.names:
        accusation["named"] = (*case.accusation.named, *body.names)
    if body.role == "petitioner" and body.named:
        filing["named"] = True
    if body.public_office:
        accusation["public_office"] = True
    return {"filing": filing, "accusation": accusation}


@on(i.ReceiptIssued, fact=False)
def _receipt(case: Case, event: RecordedEvent, body: i.ReceiptIssued) -> Changes:
    return {"service": {"code_issued_by": body.code_issued_by}}


@on(i.DeliveryAddressConfirmed, fact=False)
def _address(case: Case, event: RecordedEvent, body: i.DeliveryAddressConfirmed) -> Changes:
    return {"service": {"electronic": body.electronic}}


@on(i.DocumentRead, fact=lambda body: (body.document if body.opens_window else None, None, 0, None))
def _document_read(case: Case, event: RecordedEvent, body: i.DocumentRead) -> Changes:
    service: Changes = {"read": (*case.service.read, (body.of, body.code_issued_by))}
    if body.code_issued_by == "own":
        service["unread"] = tuple(one for one in case.service.unread if one.document != body.document)
        if body.document != "notice":
            service[f"{body.document}_received"] = True
    return {"service": service}


@on(i.RepresentativesNamed, fact=False)
def _represented(case: Case, event: RecordedEvent, body: i.RepresentativesNamed) -> Changes:
    return {"filing": {"representatives": body.parties}}


@on(i.ConfidentialityRequested, fact=False)
def _confidential(case: Case, event: RecordedEvent, body: i.ConfidentialityRequested) -> Changes:
    return {"filing": {"confidential": True}}


@on(i.ReceiptDateConfirmed, fact=False)
def _receipt_confirmed(case: Case, event: RecordedEvent, body: i.ReceiptDateConfirmed) -> Changes:
    return {"filing": {"unclear": _without(case, "received_at")}}


@on(i.Nudged)
def _nudged(case: Case, event: RecordedEvent, body: i.Nudged) -> Changes:
    return {
        "supervision": {
            "nudges": case.supervision.nudges + 1,
            "nudged_at": event.effective_at,
            "nudge_runs": _run(case.supervision.nudge_runs, event.version),
        }
    }


@on(i.NudgedAgain, fact=False)
def _nudged_again(case: Case, event: RecordedEvent, body: i.NudgedAgain) -> Changes:
    known = case.supervision
    joined: Changes = {"nudge_runs": _run(known.nudge_runs, event.version)}
    if body.to is not None:
        others = tuple(one for one in known.nudges_joined if one[0] != body.to)
        joined["nudges_joined"] = (*others, (body.to, body.times))
    return {"supervision": joined}


def _run(known: tuple[tuple[int, int], ...], version: int) -> tuple[tuple[int, int], ...]:
    """The runs with one more nudge."""
    if known and known[-1][1] == version - 1:
        return (*known[:-1], (known[-1][0], version))
    return (*known, (version, version))


@on(i.CaseLinked, fact=kind_of("kind"))
def _linked(case: Case, event: RecordedEvent, body: i.CaseLinked) -> Changes:
    if body.kind == "related":
        return {} if body.lead in case.matter.related else {"matter": {"related": (*case.matter.related, body.lead)}}
    return {
        "matter": {"lead": body.lead, "lead_kind": body.kind},
        "assignment": {"assist": ()},
        "handling": {"notice": None},
    }


@on(i.OriginalNamed, fact=False)
def _original_named(case: Case, event: RecordedEvent, body: i.OriginalNamed) -> Changes:
    return {"matter": {"awaits": body.original, "awaits_kind": body.kind}}


@on(i.CaseUnlinked, fact=kind_of("kind"))
def _unlinked(case: Case, event: RecordedEvent, body: i.CaseUnlinked) -> Changes:
    if body.kind == "related":
        return {"matter": {"related": tuple(other for other in case.matter.related if other != body.lead)}}
    return (
        {"matter": {"lead": None, "lead_kind": None}, "handling": {"notice": None}}
        if case.matter.lead == body.lead
        else {}
    )


_PATHS = {str(path): path for path in range(1, 7)}
"""The statutory paths (Art. 31) as a correction writes them."""


@on(i.CaseCorrected, fact=False)
def _corrected(case: Case, event: RecordedEvent, body: i.CaseCorrected) -> Changes:
    entry = Correction(
        event.version, body.field, body.of, body.old, body.new, body.reason_code, event.recorded_at, event.actor.ref
    )
    changes: Changes = {"corrections": (*case.corrections, entry)}
    if body.field != "effective_at":
        unclear = _without(case, body.field, *(("qr",) if body.field == "place" else ()))
        new_value = _PATHS.get(body.new or "") if body.field == "path" else body.new
        changes["filing"] = {body.field: new_value, "unclear": unclear}
        if body.field == "class_":
            changes["accusation"] = {"sealed": body.new == "accusation" or case.accusation.suspected is not None}
            changes["filing"] |= sealed_code(case, body.new)
            if body.new == "accusation" and case.assignment.org is None:
                changes |= _sealed_anew(case)
        return changes
    if body.new is None:
        return changes
    if body.of == 1:
        changes["filing"] = {"unclear": _without(case, "received_at")}
    new = from_text(body.new)
    wrong = next((fact for fact in case.facts if fact.version == body.of), None)
    changes["facts"] = tuple(
        fact._replace(effective_at=new, dated=event.recorded_at, by=event.actor.org, vouched=False)
        if fact.version == body.of
        else fact
        for fact in case.facts
    )
    if wrong is not None:
        group, field = _DATE_OF.get(wrong.name, ("", ""))
        if group and getattr(getattr(case, group), field) == wrong.effective_at:
            changes[group] = {**changes.get(group, {}), field: new}
        moved = (fact for fact in case.facts if fact.name in MOVES and fact.effective_at == case.moved_at)
        if wrong.version == max((fact.version for fact in moved), default=None):
            changes["moved_at"] = new
    return changes


@on(i.SourceRestated, fact=False)
def _restated(case: Case, event: RecordedEvent, body: i.SourceRestated) -> Changes:
    gone = [
        name
        for name in ("place", "subject", "level")
        if getattr(body, f"{name}_text") is not None or f"{name}_text" in body.fields
    ]
    changes: Changes = {"filing": dict.fromkeys(gone)}
    if body.org is not None:  # what the source knew before was said of the organisation that it names now
        old = case.assignment.org
        changes["assignment"] = {"org": body.org}
        changes["facts"] = tuple(
            fact._replace(org=body.org) if fact.history and fact.org == old else fact for fact in case.facts
        )
    return changes


_ANSWERS = frozenset({"ReplyDelivered", "AnsweredAtOnce"})
_BEFORE_REPLY = frozenset(OPEN_STATES[: OPEN_STATES.index("replied")])


@on(i.UndatedStepRecorded, fact=kind_of("step"))
def _undated(case: Case, event: RecordedEvent, body: i.UndatedStepRecorded) -> Changes:
    """What the source says without a date changes the state; since its date is not known, it orders no other step."""
    if body.step == "CaseClosed" and case.open:
        return {"state": "closed", "closure": {"kind": body.kind or "unknown", "closed_at": None}}
    if body.step in _ANSWERS and case.state in _BEFORE_REPLY:
        return {"state": "replied"}
    return {}


_STATE_AFTER: tuple[tuple[frozenset[str], str], ...] = (
    (_ANSWERS, "replied"),
    (frozenset({"DecisionIssued"}), "decided"),
    (frozenset({"Accepted"}), "accepted"),
    (frozenset({"SignedFor"}), "signed"),
    (frozenset({"CaseTransferred", "CaseAssigned"}), "dispatched"),
)
_EARLIEST = "Etc/GMT-14"
"""Where a day begins first: an instant that is before a day there is before it everywhere."""


@on(i.SourceStatedOpen)
def _stated_open(case: Case, event: RecordedEvent, body: i.SourceStatedOpen) -> Changes:
    """A case that the source lists as open after it had stated a closing was reopened there; since when is not known."""
    closed = case.closure.closed_at
    if (
        case.state != "closed"
        or case.live
        or (closed is not None and not before(closed, event.effective_at, _EARLIEST))
    ):
        return {}
    known = {fact.name for fact in case.facts}
    state = next((state for names, state in _STATE_AFTER if names & known), "registered")
    return {"state": state, "closure": {"kind": None, "closed_at": None}}


def _without(case: Case, *settled: str) -> tuple[str, ...]:
    """What is still unclear once these are settled."""
    return tuple(field for field in case.filing.unclear if field not in settled)


def _sealed_anew(case: Case) -> Changes:
    """A case without an organisation turned out to be an accusation: no organisation assists or reviews any more, and results of an
    organisation of the open track are no results of the accusation."""
    changes: Changes = {"assignment": {"assist": ()}, "review": {"reviewer": None, "accepted": False}}
    if case.state != "registered":
        return changes
    if case.assignment.queue_reason is not None and case.accusation.suspected is None:
        changes["assignment"]["queue_reason"] = "sealed_track"
    return {**changes, **unanswered()}


@on(i.CaseVoided, "voided")
def _voided(case: Case, event: RecordedEvent, body: i.CaseVoided) -> Changes:
    return {"assignment": let_go(case)}


@on(i.PartyErased, fact=kind_of("party"))
def _erased(case: Case, event: RecordedEvent, body: i.PartyErased) -> Changes:
    return {}


@on(i.ErasureRequested, fact=kind_of("party"))
def _erasure_requested(case: Case, event: RecordedEvent, body: i.ErasureRequested) -> Changes:
    return {}


@on(i.ErasureDeclined, fact=kind_of("party"))
def _erasure_declined(case: Case, event: RecordedEvent, body: i.ErasureDeclined) -> Changes:
    return {}


@on(i.AnsweredAtOnce, "replied")
def _answered(case: Case, event: RecordedEvent, body: i.AnsweredAtOnce) -> Changes:
    return {"handling": {"result": "explained", "replied_at": event.effective_at, "replies": case.handling.replies + 1}}


@on(i.EvaluationInvited, fact=kind_of("object"))
def _invited(case: Case, event: RecordedEvent, body: i.EvaluationInvited) -> Changes:
    return (
        {}
        if body.object in case.evaluation.invited
        else {"evaluation": {"invited": (*case.evaluation.invited, body.object)}}
    )


@on(i.EvaluationSubmitted, fact=kind_of("object"))
def _evaluated(case: Case, event: RecordedEvent, body: i.EvaluationSubmitted) -> Changes:
    others = [entry for entry in case.evaluation.grades if entry[0] != body.object]
    evaluation: Changes = {"grades": (*others, (body.object, body.grade))}
    if (body.object, body.grade) == ("organisation", "dissatisfied"):
        evaluation["confirmed_by"] = None  # whoever recorded it: the matter is not resolved, as was said before
    if body.word is not None or case.evaluation.words:
        words = [entry for entry in case.evaluation.words if entry[0] != body.object]
        own = () if body.word is None else ((body.object, "code_with_staff" if body.code_with_staff else body.word),)
        evaluation["words"] = (*words, *own)
    return {"evaluation": evaluation}


@on(i.ReviewRequested, "in_review")
def _review_requested(case: Case, event: RecordedEvent, body: i.ReviewRequested) -> Changes:
    return _under_review(case, body)


@on(i.ReReviewRequested, "in_re_review")
def _re_review_requested(case: Case, event: RecordedEvent, body: i.ReReviewRequested) -> Changes:
    return _under_review(case, body)


def _under_review(case: Case, body: i.ReviewRequested | i.ReReviewRequested) -> Changes:
    before = BeforeReview(case.state, case.closure.kind, case.closure.closed_at) if body.late else None
    return {
        "closure": {"kind": None, "closed_at": None},
        "review": {"reviewer": None, "accepted": False, "late": body.late, "chosen": body.body, "before": before},
    }


@on(i.CaseWithdrawn, "withdrawn")
def _withdrawn(case: Case, event: RecordedEvent, body: i.CaseWithdrawn) -> Changes:
    return {
        "closure": {"kind": "withdrawn", "closed_at": event.effective_at},
        "withdrawals": {"gone": (*case.withdrawals.gone, *case.petitioners), "pending": ()},
    }


@on(i.WithdrawalRequested, fact=kind_of("party"))
def _withdrawal_requested(case: Case, event: RecordedEvent, body: i.WithdrawalRequested) -> Changes:
    word = "code_with_staff" if body.code_with_staff else body.word
    asked = PendingWithdrawal(
        *(body.party, event.version, body.effective_on, word, event.actor.org),
        asker=acting(event),
        asker_person=event.actor.person,
    )
    return {"withdrawals": {"pending": (*_others_pending(case, body.party), asked)}}


@on(i.WithdrawalConfirmed, fact=kind_of("party"))
def _withdrawal_confirmed(case: Case, event: RecordedEvent, body: i.WithdrawalConfirmed) -> Changes:
    return {
        "withdrawals": {
            "pending": tuple(
                one._replace(confirmed_at=event.effective_at) if one.party == body.party else one
                for one in case.withdrawals.pending
            )
        }
    }


@on(i.WithdrawalTakenBack, fact=kind_of("party"))
def _withdrawal_taken_back(case: Case, event: RecordedEvent, body: i.WithdrawalTakenBack) -> Changes:
    return {"withdrawals": {"pending": _others_pending(case, body.party)}}


@on(i.NameWithdrawn, fact=kind_of("party"))
def _name_withdrawn(case: Case, event: RecordedEvent, body: i.NameWithdrawn) -> Changes:
    return {
        "withdrawals": {"pending": _others_pending(case, body.party), "gone": (*case.withdrawals.gone, body.party)},
        "filing": {"representatives": tuple(one for one in case.filing.representatives if one != body.party)},
    }


def _others_pending(case: Case, party: str) -> tuple[PendingWithdrawal, ...]:
    return tuple(one for one in case.withdrawals.pending if one.party != party)


@on(i.PartyCorrected, fact=False)
def _party_corrected(case: Case, event: RecordedEvent, body: i.PartyCorrected) -> Changes:
    return {"filing": {"identities": (*case.filing.identities, event.version)}}


@on(i.SealedWithdrawalDeclined)
def _withdrawal_declined(case: Case, event: RecordedEvent, body: i.SealedWithdrawalDeclined) -> Changes:
    return {"withdrawals": {"pending": _others_pending(case, body.party)}}


@on(i.QueryCodeRenewed, fact=False)
def _code_renewed(case: Case, event: RecordedEvent, body: i.QueryCodeRenewed) -> Changes:
    """A code that staff knew is followed by one that staff may know, because renewing needs the current code."""
    own = event.actor.role in ("platform", "citizen") and case.service.code_issued_by == "own"
    return {
        "filing": {"code_generation": body.generation},
        "service": {"code_issued_by": "own" if own else "staff"},
    }


@on(i.WentLive)
def _went_live(case: Case, event: RecordedEvent, body: i.WentLive) -> Changes:
    return {"live_from": event.recorded_at}


@on(FileAttached, fact=False)
def _file_attached(case: Case, event: RecordedEvent, body: FileAttached) -> Changes:
    of = (body.blob, event.version, body.media_type, body.size, body.kind, body.party, event.actor.org)
    return {"files": (*case.files, CaseFile(*of, body.original, body.form))}


@on(i.MaterialAdded)
def _material(case: Case, event: RecordedEvent, body: i.MaterialAdded) -> Changes:
    if body.asked is None:
        return {}
    answered = tuple(
        one._replace(answered_at=event.effective_at) if one.version == body.asked and one.answered_at is None else one
        for one in case.service.asked
    )
    return {"service": {"asked": answered}}


@on(i.MessageConsentGiven, fact=False)
def _message_consent(case: Case, event: RecordedEvent, body: i.MessageConsentGiven) -> Changes:
    return {}
