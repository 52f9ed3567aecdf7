"""Whether the reply to a case rests on an opinion, against which alone a review is possible (Art. 31(6), 35)."""

from __future__ import annotations

from shared.case.state import Case, Fact

_ANSWERS = frozenset({
    "DecisionIssued", "DutyPerformed", "SuggestionAnswered", "ConsultationAnswered", "AnsweredAtOnce", "MediationAgreed",
    "AccusationHandled", "LedInto", "StatutoryPathGuided", "NotAccepted",
})  # fmt: skip
"""The events that end the handling. Only a decision is an opinion."""


def _last(case: Case) -> Fact | None:
    return next((fact for fact in reversed(case.facts) if fact.name in _ANSWERS), None)


def opinion_given(case: Case) -> bool:
    """True if the last answer on record is a decision (处理意见)."""
    last = _last(case)
    return last is not None and last.name == "DecisionIssued"


def has_opinion(case: Case) -> bool:
    """True if the present reply rests on a decision (处理意见). Imported history may know the reply only."""
    last = _last(case)
    return last is None or last.name == "DecisionIssued"
