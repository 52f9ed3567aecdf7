"""A claim that becomes an accusation: an organisation that may not have it loses it at once, and it waits sealed (Art. 30)."""

from __future__ import annotations

import pytest

from shared.commands.authorization import Principal, visible
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events.base import Event
from tests.support.deciding import REGISTERED, REGISTRAR, SENT, SUPERVISOR, given

TAKEN = r.AssignmentWithdrawn(org="zj", reason_code="recalled")
CORRECTED = i.CaseCorrected(field="class_", old="claim", new="accusation", reason_code="other")
ACCEPTED = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6))
REPLIED = (*ACCEPTED, d.DecisionIssued(org="zj", result="supported"), d.ReplyDelivered(org="zj"))
CLOSED = (*REPLIED, d.ExecutionConfirmed(org="zj"), i.EvaluationInvited(object="organisation"))


@pytest.mark.parametrize("events", [SENT, ACCEPTED, REPLIED], ids=["dispatched", "accepted", "replied"])
@pytest.mark.parametrize("by", [REGISTRAR, SUPERVISOR], ids=["registrar", "supervisor"])
def test_late_accusation_is_withdrawn_from_organisation(events: tuple[Event, ...], by: Principal) -> None:
    given(*events).when("correct", by, field="class", new="accusation").then(TAKEN, CORRECTED)
    case = given(*events, TAKEN, CORRECTED).case
    assert (case.state, case.assignment.org, case.assignment.queue_reason, case.accusation.sealed) == (
        "registered",
        None,
        "sealed_track",
        True,
    )
    assert not visible(Principal("clerk", "zj", "k"), case)
    given(*events, TAKEN, CORRECTED).when("dispatch", REGISTRAR, org="rs").refused("accusation_needs_sealed_organ")


def test_earlier_decision_is_not_outcome_of_accusation() -> None:
    case = given(*CLOSED, TAKEN, CORRECTED).case
    assert (case.handling.result, case.handling.executed, case.evaluation.invited) == (None, False, ())
    assert case.handling.replied_at is not None and case.handling.replies == 1, "the reply stays in the history"


def test_correction_may_name_respondent() -> None:
    about = {"name": "某科长", "org": "zj"}
    recorded = i.PartyRecorded(party="r1", role="respondent", respondent_org="zj", public_office=True, name="某科长")
    given(*SENT).when("correct", REGISTRAR, field="class", new="accusation", respondent=about).then(
        TAKEN, CORRECTED, recorded
    )
    story = (*SENT, TAKEN, CORRECTED, recorded)
    assert given(*story).case.accusation.accused == ("zj",)
    given(*story).when("correct", REGISTRAR, field="class", new="accusation").then_nothing()
    given(*story).when("correct", REGISTRAR, field="class", new="accusation", respondent={"org": "zj"}).then_nothing()
    for field, new in (("class", "suggestion"), ("place", "sl")):
        given(*SENT).when("correct", REGISTRAR, field=field, new=new, respondent=about).refused(
            "respondent_of_an_accusation"
        )


def test_organ_for_accusations_keeps_case_unless_accused() -> None:
    sent = (REGISTERED, r.CaseTransferred(org="jjw"), r.AssignmentDelivered(org="jjw", seq=1))
    given(*sent).when("correct", REGISTRAR, field="class", new="accusation").then(CORRECTED)
    about = {"org": "jjw"}
    recorded = i.PartyRecorded(party="r1", role="respondent", respondent_org="jjw", public_office=True)
    taken = r.AssignmentWithdrawn(org="jjw", reason_code="recalled")
    given(*sent).when("correct", REGISTRAR, field="class", new="accusation", respondent=about).then(
        taken, CORRECTED, recorded
    )
    given(*sent, CORRECTED).when("correct", REGISTRAR, field="class", new="accusation", respondent=about).then(
        taken, recorded
    )


RULED = (
    REGISTERED,
    r.CaseTransferred(org="zj"),
    d.ReturnRequested(org="zj", reason_code="other"),
    r.JurisdictionDisputed(hops=1),
    r.JurisdictionRuled(org="zj", assist=("jt",)),
)
RECALLED = (*RULED, r.AssignmentWithdrawn(org="zj"))


def test_review_body_and_assisting_organisation_lose_late_accusation() -> None:
    ruled = (
        *RULED,
        d.Accepted(org="zj", path=6),
        d.DecisionIssued(org="zj", result="explained"),
        d.ReplyDelivered(org="zj"),
        i.ReviewRequested(),
        r.ReviewBodyNamed(body="fc"),
    )
    given(*ruled).when("correct", SUPERVISOR, field="class", new="accusation").then(TAKEN, CORRECTED)
    case = given(*ruled, TAKEN, CORRECTED).case
    for org in ("zj", "jt", "fc"):
        assert not visible(Principal("clerk", org, "k"), case), org


def test_recall_hides_case_from_assisting_organisation() -> None:
    assert visible(Principal("clerk", "jt", "k"), given(*RULED).case)
    assert not visible(Principal("clerk", "jt", "k"), given(*RECALLED).case)
    sealed = given(
        *RECALLED, r.CaseClassified(class_="accusation", by="person"), r.CaseRoutedToSealedChannel(org="jjw")
    ).case
    assert not visible(Principal("clerk", "jt", "k"), sealed)


def test_ruling_binds_until_recall() -> None:
    again = (*RECALLED, r.CaseTransferred(org="jy"), r.AssignmentDelivered(org="jy"))
    assert given(*RULED).case.assignment.final_ruling and not given(*again).case.assignment.final_ruling


def test_ended_case_stays_ended_without_organisation() -> None:
    from shared.events.supervision import CaseClosed

    closed = (*CLOSED, CaseClosed(kind="resolved_unconfirmed"))
    given(*closed).when("correct", SUPERVISOR, field="class", new="accusation").then(TAKEN, CORRECTED)
    case = given(*closed, TAKEN, CORRECTED).case
    assert (case.state, case.closure.kind, case.assignment.org) == ("closed", "resolved_unconfirmed", None)
    assert not visible(Principal("clerk", "zj", "k"), case)


def test_ruling_and_review_never_assign_accusation_to_open_track() -> None:
    accusation = REGISTERED.model_copy(update={"class_": "accusation"})
    sent = (accusation, r.CaseRoutedToSealedChannel(org="jjw"))
    disputed = (*sent, d.ReturnRequested(org="jjw", reason_code="other"), r.JurisdictionDisputed(hops=1))
    given(*disputed).when("rule_jurisdiction", SUPERVISOR, org="zj").refused("accusation_needs_sealed_organ")
    given(*disputed).when("rule_jurisdiction", SUPERVISOR, org="jjw", assist=["zj"]).refused(
        "accusation_needs_sealed_organ"
    )
    given(*disputed).when("rule_jurisdiction", SUPERVISOR, org="jjw").then(r.JurisdictionRuled(org="jjw"))
    reviewed = (
        *sent,
        d.Accepted(org="jjw", path=6),
        d.DecisionIssued(org="jjw", result="explained"),
        d.ReplyDelivered(org="jjw"),
        i.ReviewRequested(),
    )
    given(*reviewed).when("name_review_body", SUPERVISOR, body="fc").refused("accusation_needs_sealed_organ")
    given(*reviewed).when("direct_review", Principal("service", None, "routing")).then_nothing()
