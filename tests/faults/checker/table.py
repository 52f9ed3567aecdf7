"""The allowed order of events as data, copied by hand from the law and the published catalogue."""

from __future__ import annotations


def _of(names: str) -> frozenset[str]:
    return frozenset(names.split())


OPEN = _of(
    "registered dispatched signed return_requested returned disputed accepted handling decided replied in_review reviewed "
    "in_re_review redo_ordered not_accepted guided led_into"
)
FINAL = frozenset({"closed", "concluded", "barred", "withdrawn", "voided"})
ANY = OPEN | FINAL
IN_HAND = frozenset({"dispatched", "signed", "accepted", "handling", "redo_ordered"})
WORKING = frozenset({"accepted", "handling", "redo_ordered"})
ASKED = frozenset({"in_review", "in_re_review"})
ANSWERED = frozenset({"replied", "closed", "reviewed", "concluded"})

MOVES: dict[str, tuple[frozenset[str], str]] = {
    "CaseRegistered": (frozenset({""}), "registered"),
    "CaseTransferred": (_of("registered returned"), "dispatched"),
    "CaseAssigned": (_of("registered returned"), "dispatched"),
    "CaseRoutedToSealedChannel": (_of("registered returned"), "dispatched"),
    "JurisdictionRuled": (_of("disputed"), "dispatched"),
    "AssignmentWithdrawn": (ANY - {"voided"}, "registered"),
    "SignedFor": (_of("dispatched"), "signed"),
    "ReturnRequested": (_of("dispatched signed"), "return_requested"),
    "JurisdictionDisputed": (_of("return_requested returned"), "disputed"),
    "Accepted": (_of("dispatched signed"), "accepted"),
    "AcceptanceOrdered": (_of("not_accepted"), "accepted"),
    "NotAccepted": (_of("signed"), "not_accepted"),
    "StatutoryPathGuided": (_of("registered signed") | WORKING, "guided"),
    "LedInto": (_of("signed") | WORKING, "led_into"),
    "ReRegistrationBarred": (_of("registered"), "barred"),
    "DecisionIssued": (WORKING, "decided"),
    "SuggestionAnswered": (WORKING, "decided"),
    "DutyPerformed": (WORKING, "decided"),
    "ConsultationAnswered": (WORKING, "decided"),
    "AccusationHandled": (WORKING, "decided"),
    "MediationAgreed": (WORKING, "decided"),
    "ReplyDelivered": (_of("decided"), "replied"),
    "AnsweredAtOnce": (_of("registered"), "replied"),
    "ReviewRequested": (_of("replied closed"), "in_review"),
    "ReReviewRequested": (_of("reviewed closed"), "in_re_review"),
    "Concluded": (_of("in_re_review reviewed replied"), "concluded"),
    "CaseClosed": (_of("replied reviewed concluded guided led_into not_accepted"), "closed"),
    "RedoOrdered": (_of("replied closed"), "redo_ordered"),
    "CaseReopened": (_of("barred closed"), "registered"),
    "CaseWithdrawn": (OPEN, "withdrawn"),
    "CaseVoided": (ANY - {"voided"}, "voided"),
}
"""Type -> (states that it may follow, the state then)."""

STAYS: dict[str, frozenset[str]] = {
    "ReturnVerified": _of("return_requested"),
    "InvestigationStepRecorded": WORKING,
    "MediationOffered": WORKING,
    "MediationFailed": WORKING,
    "HearingHeld": WORKING | ASKED,
    "ReviewOpinionIssued": _of("in_review"),
    "OpinionDelivered": _of("reviewed closed"),
    "ReReviewOpinionIssued": _of("in_re_review"),
    "ReviewBodyNamed": ASKED,
    "ReviewAccepted": ASKED,
    "CaseClassified": _of("registered returned"),
    "AccusationSuspected": _of("registered"),
    "AccusationConfirmed": _of("registered"),
    "SuspicionCleared": _of("registered"),
    "QueuedForDispatch": _of("registered"),
    "ForwardedDown": IN_HAND,
    "HandedBack": IN_HAND,
    "ExtensionRequested": _of("accepted handling"),
    "ExtensionGranted": _of("accepted handling"),
    "ExtensionRefused": _of("accepted handling"),
    "CaseLinked": IN_HAND | _of("registered return_requested returned disputed"),
    "CaseUnlinked": OPEN,
    "MaterialAdded": OPEN,
    "Nudged": OPEN,
    "NudgedAgain": OPEN,
    "RepresentativesNamed": OPEN,
    "ConfidentialityRequested": OPEN,
    "WithdrawalRequested": OPEN,
    "WithdrawalConfirmed": OPEN,
    "WithdrawalTakenBack": OPEN,
    "SealedWithdrawalDeclined": OPEN,
    "NameWithdrawn": OPEN,
    "ExecutionConfirmed": _of("decided replied reviewed concluded"),
    "ClosingReportFiled": _of("decided replied reviewed concluded not_accepted guided led_into"),
    "NotCompetentDeclared": _of("guided closed"),
    "DeliveryAddressConfirmed": OPEN,
    "PaperServed": _of("accepted handling not_accepted guided led_into decided replied reviewed concluded closed"),
    "ReplyCorrected": _of("replied closed"),
    "EvaluationInvited": ANSWERED | ASKED,
    "EvaluationSubmitted": ANSWERED,
    "FollowUpRecorded": ANSWERED,
}
"""Type -> states that it may follow; it moves the case only as `fold` says. Types in neither table may stand anywhere."""

DISPATCHES = _of("CaseTransferred CaseAssigned CaseRoutedToSealedChannel JurisdictionRuled")
LETS_GO = _of("AssignmentWithdrawn JurisdictionDisputed CaseReopened CaseVoided")
"""Nobody has it after these."""
ENDS = _of("CaseClosed CaseWithdrawn CaseVoided Concluded")
BY_THE_HOLDER = _of(
    "SignedFor ReturnRequested Accepted NotAccepted InvestigationStepRecorded ExtensionRequested DecisionIssued "
    "SuggestionAnswered DutyPerformed ConsultationAnswered AccusationHandled LedInto ReplyDelivered ExecutionConfirmed "
    "ClosingReportFiled ForwardedDown"
)
"""Only the responsible organisation does this, or one that it forwarded the case down to."""
NOT_OF_A_FOLLOWER = DISPATCHES | _of(
    "DecisionIssued SuggestionAnswered DutyPerformed ConsultationAnswered AccusationHandled LedInto ReplyDelivered"
)
"""A case that follows another is handled there."""
RUNGS = _of("DeadlineAtRisk Reminded DeadlineBreached Urged")
