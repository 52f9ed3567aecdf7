"""Routing of a case, and the commands of the responsible organisation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.commands.authorization import owes_notice, visible
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from tests.support.deciding import (
    BOOK,
    CLERK,
    GUIDANCE,
    HEAD,
    REGISTERED,
    REGISTRAR,
    SENT,
    SERVICE,
    SIGNATURE,
    START,
    SUPERVISOR,
    given,
)

SIGNED = (*SENT, d.SignedFor(org="zj"))
ACCEPTED = (*SIGNED, d.Accepted(org="zj", path=6))
BY_PATH_4: dict[str, Any] = {"path": 4, **GUIDANCE}
GUIDED = r.StatutoryPathGuided(org="zj", **BY_PATH_4)
RIGHT: dict[str, Any] = {"states_review_right": True, "review_body": "fc", "review_days": 30}
DECIDED = (*ACCEPTED, d.DecisionIssued(org="zj", result="supported", basis=("Art. 32",)))


def test_receiving_organisation_owes_transfer_notice() -> None:
    """Art. 23 ¶1, ¶2: the receiver bears C2. The handling organisation decides on acceptance, so the clock of ¶3 keeps
    running."""
    direct = (REGISTERED.model_copy(update={"received_by": "jt"}), *SENT[1:])
    theirs = CLERK._replace(org="jt")
    notice = d.NoticeServed(org="jt", kind="transfer", mode="in_person", proof="signature")
    case = given(*direct).case
    assert visible(theirs, case)
    assert {one.clock: one.org for one in deadlines(case, BOOK) if one.clock in ("C2", "C3")} == {
        "C2": "jt",
        "C3": "zj",
    }
    given(*direct).when("serve_notice", theirs, kind="transfer").then(notice)
    given(*direct).when("serve_notice", theirs, kind="acceptance").refused("not_yours_to_accept")
    given(*direct).when("sign_off", theirs).refused("not_your_case")
    told = given(*direct, notice).case
    assert not visible(theirs, told)
    assert {one.clock: one.running for one in deadlines(told, BOOK) if one.clock in ("C2", "C3")} == {
        "C2": False,
        "C3": True,
    }
    joined = (direct[0], i.CaseLinked(lead="0" * 32, kind="same_matter"))
    given(*joined).when("serve_notice", theirs, kind="joined").then(
        d.NoticeServed(org="jt", kind="joined", mode="in_person", proof="signature")
    )
    own = given(direct[0].model_copy(update={"received_by": "zj"}), *direct[1:]).case
    assert not owes_notice("zj", own), "who handles it says whether it is accepted"
    given(REGISTERED).when("serve_notice", REGISTRAR, kind="transfer").refused("not_sent_yet")
    given(*direct).when("serve_notice", theirs, kind="exempt", reason="x").refused("not_yours_to_accept")
    accusation = direct[0].model_copy(update={"class_": "accusation"})
    about = i.PartyRecorded(party="r1", role="respondent", respondent_org="jt")
    for hidden in (
        (direct[0],),  # not sent on yet: it is the petition office's
        (accusation, r.CaseRoutedToSealedChannel(org="jjw")),
        (direct[0], about, *direct[1:]),
        (direct[0], i.AnsweredAtOnce()),
        (*direct, r.AssignmentWithdrawn(org="zj", reason_code="recalled")),  # it has no organisation again
        (*direct, d.SignedFor(org="zj"), s.CaseClosed(kind="explained"), s.RedoOrdered(ground="other")),
    ):
        assert not visible(theirs, given(*hidden).case)
    given(*SENT).when("serve_notice", theirs, kind="transfer").refused("not_your_case")


def test_guidance_cannot_be_backdated_before_own_breach() -> None:
    """A registrar may record that it was given in time (Art. 34)."""
    late = given(*ACCEPTED).later(days=80)
    early, after = date(2026, 3, 10), date(2026, 5, 20)
    late.when("guide", CLERK, at=early, **BY_PATH_4).refused("period_was_missed")
    late.when("guide", CLERK, at=after, **BY_PATH_4).then(GUIDED)
    late.when("guide", REGISTRAR, at=early, **BY_PATH_4).then(GUIDED)
    late.when("guide", REGISTRAR._replace(org="zj"), at=early, **BY_PATH_4).refused("period_was_missed")


def test_filing_is_transferred_by_rule_with_rule_as_explanation() -> None:
    given(REGISTERED).when("route", SERVICE).then(r.CaseTransferred(org="zj", rule="r01"))


def test_filing_with_unknown_place_waits_for_registrar() -> None:
    lost = REGISTERED.model_copy(update={"place": None, "unclear": ("place",)})
    given(lost).when("route", SERVICE).then(r.QueuedForDispatch(why="unknown_place"))


def test_accusation_is_never_routed_by_rule() -> None:
    accusation = REGISTERED.model_copy(update={"class_": "accusation"})
    given(accusation).when("route", SERVICE).then(r.QueuedForDispatch(why="sealed_track"))


def test_second_routing_adds_nothing() -> None:
    given(*SENT).when("route", SERVICE).then_nothing()


def test_accusation_goes_to_marked_organ_and_never_to_accused() -> None:
    accusation = REGISTERED.model_copy(update={"class_": "accusation"})
    about = i.PartyRecorded(party="r1", role="respondent", respondent_org="jjw")
    given(accusation).when("dispatch", REGISTRAR, org="zj").refused("accusation_needs_sealed_organ")
    given(accusation, about).when("dispatch", REGISTRAR, org="jjw").refused("accusation_needs_sealed_organ")
    given(accusation).when("dispatch", REGISTRAR, org="jjw").then(r.CaseRoutedToSealedChannel(org="jjw"))


def test_registrar_dispatches_case() -> None:
    given(REGISTERED).when("dispatch", REGISTRAR, org="zj").then(r.CaseTransferred(org="zj"))
    given(REGISTERED).when("dispatch", REGISTRAR, org="nobody").refused("unknown_organisation")
    given(*SENT).when("dispatch", REGISTRAR, org="zj").then_nothing()
    given(*SENT).when("dispatch", REGISTRAR, org="dhq").refused("has_an_organisation")
    given(*ACCEPTED, d.ReplyDelivered(org="zj")).when("dispatch", REGISTRAR, org="zj").refused("has_an_organisation")


def test_assignment_requires_future_date() -> None:
    given(REGISTERED).when("dispatch", REGISTRAR, org="zj", kind="assignment").refused("due_needed")
    given(REGISTERED).when("dispatch", REGISTRAR, org="zj", kind="assignment", due="2026-03-01").refused(
        "due_in_the_past"
    )
    given(REGISTERED).when("dispatch", REGISTRAR, org="zj", kind="assignment", due="2026-04-01").then(
        r.CaseAssigned(org="zj", due=date(2026, 4, 1))
    )


def test_follower_is_not_dispatched() -> None:
    linked = i.CaseLinked(lead="older", kind="same_matter")
    given(REGISTERED, linked).when("dispatch", REGISTRAR, org="zj").refused("follow_the_lead")
    given(REGISTERED, linked).when("route", SERVICE).then_nothing()


def test_case_is_signed_once() -> None:
    given(*SENT).when("sign_off", CLERK).then(d.SignedFor(org="zj"))
    given(*SIGNED).when("sign_off", CLERK).then_nothing()


@pytest.mark.parametrize("name", ["sign_off", "accept", "deliver_reply", "confirm_execution"])
def test_other_organisation_cannot_decide(name: str) -> None:
    foreign = CLERK._replace(org="jy")
    given(*DECIDED).when(name, foreign).refused("not_your_case")


def test_claim_is_accepted_on_path() -> None:
    given(*SIGNED).when("accept", CLERK).refused("path_needed")
    given(*SIGNED).when("accept", CLERK, path=6).then(d.Accepted(org="zj", path=6))
    given(*ACCEPTED).when("accept", CLERK, path=6).then_nothing()
    given(REGISTERED).when("accept", CLERK, path=6).refused("not_your_case")


def test_objection_is_possible_for_five_working_days() -> None:
    objection = {"reason_code": "not_our_mandate", "reason": "不属于本单位职责"}
    given(*SENT).later(days=3).when("request_return", CLERK, **objection).then(
        d.ReturnRequested(org="zj", reason_code="not_our_mandate", reason="不属于本单位职责")
    )
    given(*SENT).later(days=8).when("request_return", CLERK, **objection).refused("objection_window_lapsed")


def test_case_under_ruling_cannot_be_returned() -> None:
    ruled = (REGISTERED, r.JurisdictionRuled(org="zj"), r.AssignmentDelivered(org="zj", seq=1))
    given(*ruled).when("request_return", CLERK, reason_code="other", reason="x").refused("ruled")


def test_notice_follows_delivery_and_exemption_requires_reason() -> None:
    early = datetime(2026, 3, 1, tzinfo=UTC)
    given(*SIGNED).when("serve_notice", CLERK, at=early, kind="acceptance").refused("before_delivery")
    given(*SIGNED).when("serve_notice", REGISTRAR, at=early, kind="transfer").refused("before_delivery")
    given(*SENT[:2]).when("serve_notice", REGISTRAR, kind="transfer").then(
        d.NoticeServed(org="xfj", kind="transfer", **SIGNATURE)
    )
    given(*SIGNED).when("serve_notice", CLERK, kind="exempt").refused("reason_needed")
    given(*SIGNED).when("serve_notice", CLERK, kind="acceptance").then(
        d.NoticeServed(org="zj", kind="acceptance", **SIGNATURE)
    )
    given(*SIGNED).when("serve_notice", CLERK, kind="guidance").refused("not_in_a_procedure")


def test_no_notice_is_dated_before_the_step_that_it_tells_of() -> None:
    accepted = given(*ACCEPTED)
    step = accepted.case.fact("Accepted")
    assert step is not None
    moment = accepted.now - timedelta(hours=1)
    assert step.effective_at == moment
    accepted.when("serve_notice", CLERK, at=moment - timedelta(seconds=1), kind="acceptance").refused("before_step")
    accepted.when("serve_notice", CLERK, at=moment, kind="acceptance").then(
        d.NoticeServed(org="zj", kind="acceptance", **SIGNATURE)
    )
    accepted.when("serve_notice", CLERK, at=date(2026, 3, 2), kind="acceptance").then(
        d.NoticeServed(org="zj", kind="acceptance", **SIGNATURE)
    )
    refused = given(*SIGNED, d.NotAccepted(org="zj", reason_code="no_facts"))
    refused.when("serve_notice", CLERK, at=moment - timedelta(minutes=1), kind="non_acceptance").refused("before_step")
    extended = given(*ACCEPTED, d.ExtensionRequested(org="zj", days=5), d.ExtensionGranted(days=5))
    extended.when("serve_extension_notice", CLERK, at=date(2026, 3, 1)).refused("before_step")


def test_extension_is_granted_by_another_person_within_cap() -> None:
    asked = (*ACCEPTED, d.ExtensionRequested(org="zj", days=20))
    grant = {"days": 20, "approver": "局长"}
    given(*ACCEPTED).when("grant_extension", HEAD, **grant).refused("no_extension_asked")
    given(*asked).when("ask_extension", CLERK, days=5, reason="x").refused("extension_pending")
    given(*asked).when("grant_extension", HEAD, days=31, approver="局长").refused("extension_over_cap")
    given(*asked).when("grant_extension", HEAD, **grant).then(d.ExtensionGranted(days=20, approver="局长"))


def test_requester_cannot_grant_own_extension_with_any_key() -> None:
    story = given(*ACCEPTED, d.ExtensionRequested(org="zj", days=20, person="z-1"))
    grant = {"days": 20, "approver": "局长"}
    for who in (
        HEAD._replace(ref=story.case.handling.extension_asker or ""),
        HEAD._replace(person="z-1"),
    ):
        story.when("grant_extension", who, **grant).refused("own_request")
    for clerk in (CLERK, CLERK._replace(person="z-2")):
        story.when("grant_extension", clerk, **grant).refused("head_needed")
    story.when("grant_extension", HEAD._replace(person=None), **grant).refused("head_needed")
    story.when("grant_extension", HEAD._replace(org="jt"), **grant).refused("not_your_case")
    story.when("grant_extension", SUPERVISOR._replace(head=True, person="z-9"), **grant).refused("not_your_case")


def test_request_names_its_person() -> None:
    given(*ACCEPTED).when("ask_extension", CLERK, days=5, reason="x").then(
        d.ExtensionRequested(org="zj", days=5, person="z-1", reason="x")
    )
    given(*ACCEPTED).when("ask_extension", CLERK._replace(person=None), days=5, reason="x").refused("person_needed")
    system = CLERK._replace(role="organisation", person=None)
    given(*ACCEPTED).when("ask_extension", system, days=5, reason="x").then(
        d.ExtensionRequested(org="zj", days=5, reason="x")
    )


def test_extension_notice_has_a_clock_and_a_period_is_extended_once() -> None:
    extended = (*ACCEPTED, d.ExtensionRequested(org="zj", days=5), d.ExtensionGranted(days=5))
    notice = {one.clock: one for one in deadlines(given(*extended).case, BOOK)}["C14"]
    assert (notice.running, notice.org) == (True, "zj")
    given(*extended).when("serve_extension_notice", CLERK, mode="in_person").then(
        d.ExtensionNoticeServed(mode="in_person", proof="signature")
    )
    given(*extended, d.ExtensionNoticeServed()).when("serve_extension_notice", CLERK).then_nothing()
    given(*ACCEPTED).when("serve_extension_notice", CLERK).refused("not_extended")
    given(*extended).when("serve_extension_notice", CLERK, at=START - timedelta(days=1)).refused("before_step")
    again = (*extended, d.ExtensionRequested(org="zj", days=5))
    given(*again).when("grant_extension", HEAD, days=5, approver="局长").refused("extended_before")


def test_decision_requires_basis_and_is_delivered_once() -> None:
    decision = {"result": "explained", "basis": ["Art. 32"], "text": "说明"}
    given(*ACCEPTED).when("decide", CLERK, **decision).then(
        d.DecisionIssued(org="zj", result="explained", basis=("Art. 32",), text="说明", **RIGHT)
    )
    given(*SENT).when("decide", CLERK, **decision).refused("not_in_this_state")
    given(*DECIDED).when("deliver_reply", CLERK, mode="in_person").then(d.ReplyDelivered(org="zj", **SIGNATURE))
    given(*DECIDED, d.ReplyDelivered(org="zj")).when("deliver_reply", CLERK).then_nothing()


def test_only_supported_decision_is_executed() -> None:
    explained = (*ACCEPTED, d.DecisionIssued(org="zj", result="explained"))
    given(*explained).when("confirm_execution", CLERK).refused("nothing_to_execute")
    given(*DECIDED).when("confirm_execution", CLERK).then(d.ExecutionConfirmed(org="zj"))


def test_recall_is_possible_before_sign_off_only() -> None:
    given(*SENT).when("recall", REGISTRAR).then(r.AssignmentWithdrawn(org="zj"))
    given(*SIGNED).when("recall", REGISTRAR).refused("not_in_this_state")


def test_delivery_is_recorded_once_for_current_organisation_only() -> None:
    given(*SENT[:2]).when("record_delivery", SERVICE, org="zj", seq=4).then(r.AssignmentDelivered(org="zj", seq=4))
    given(*SENT).when("record_delivery", SERVICE, org="zj", seq=4).then_nothing()
    given(*SENT).when("record_delivery", SERVICE, org="jy", seq=4).then_nothing()


def test_supervisor_cannot_act_as_clerk() -> None:
    given(*SENT).when("sign_off", SUPERVISOR).refused("not_your_case")


def test_case_is_never_sent_to_respondent_organisation() -> None:
    about = i.PartyRecorded(party="r1", role="respondent", respondent_org="zj")
    given(REGISTERED, about).when("route", SERVICE).then(r.QueuedForDispatch(why="respondent"))
    given(REGISTERED, about).when("dispatch", REGISTRAR, org="zj").refused("is_the_respondent")
    accusation = REGISTERED.model_copy(update={"class_": "accusation"})
    given(accusation, about).when("dispatch", REGISTRAR, org="zj", **{"class": "claim"}).refused("is_the_respondent")


def test_refused_objection_does_not_reopen_window() -> None:
    objection = {"reason_code": "not_our_mandate", "reason": "x"}
    once = (*SIGNED, d.ReturnRequested(org="zj", reason_code="other"), r.ReturnVerified(agreed=False))
    given(*once).later(days=1).when("request_return", CLERK, **objection).then(
        d.ReturnRequested(org="zj", reason_code="not_our_mandate", reason="x")
    )
    given(*once).later(days=30).when("request_return", CLERK, **objection).refused("objection_window_lapsed")


def test_guidance_to_path_handled_here_is_refused() -> None:
    for path in (5, 6):
        given(REGISTERED).when("guide", REGISTRAR, **{**BY_PATH_4, "path": path}).refused("no_procedure_on_this_path")


def test_expired_period_is_not_extended() -> None:
    asked = (*ACCEPTED, d.ExtensionRequested(org="zj", days=20))
    given(*asked).later(days=80).when("grant_extension", HEAD, days=20, approver="局长").refused("no_clock_to_extend")


def test_assignment_without_acceptance_can_be_reported_and_closed() -> None:
    assigned = (REGISTERED, r.CaseAssigned(org="zj", due=date(2026, 4, 1)), d.SignedFor(org="zj"))
    for ending, kind in [
        (d.NotAccepted(org="zj", reason_code="outside_mandate"), "not_accepted"),
        (r.StatutoryPathGuided(path=4), "guided"),
    ]:
        given(*assigned, ending).when("file_report", CLERK, text="x").then(d.ClosingReportFiled(org="zj", text="x"))
        reported = (*assigned, ending, d.ClosingReportFiled(org="zj"))
        given(*reported).when("close", SUPERVISOR, kind=kind).then(s.CaseClosed(kind=kind))
