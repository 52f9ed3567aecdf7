"""Ladder, follow-up, redo and closing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from tests.support.deciding import (
    BOOK,
    CITIZEN,
    CLERK,
    KEYED,
    REGISTERED,
    SENT,
    SERVICE,
    SUPERIOR,
    SUPERVISOR,
    given,
)

ACCEPTED = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6))
REPLIED = (*ACCEPTED, d.DecisionIssued(org="zj", result="explained"), d.ReplyDelivered(org="zj"))
SUPPORTED = (*ACCEPTED, d.DecisionIssued(org="zj", result="supported"), d.ReplyDelivered(org="zj"))
OWN = SUPERVISOR._replace(org="zj")


def test_handling_organisation_neither_closes_nor_follows_up() -> None:
    for name, fields in [
        ("close", {"kind": "explained"}),
        ("follow_up", {"reached": True}),
        ("order_redo", {"ground": "other"}),
    ]:
        given(*REPLIED).when(name, OWN, **fields).refused("handling_unit")


def test_closing_kind_requires_its_evidence() -> None:
    given(*REPLIED).when("close", SUPERVISOR, kind="explained").then(s.CaseClosed(kind="explained"))
    given(*REPLIED).when("close", SUPERVISOR, kind="not_supported").refused("kind_does_not_fit")
    given(*REPLIED).when("close", SUPERVISOR, kind="guided").refused("kind_does_not_fit")
    given(*REPLIED).when("close", SUPERVISOR, kind="merged").refused("kind_not_by_hand")
    given(*REPLIED).when("close", SUPERVISOR, kind="closed_unresolved").refused("reason_needed")
    given(*REPLIED).when("close", SUPERVISOR, kind="resolved_confirmed").refused("not_confirmed")
    given(*ACCEPTED).when("close", SUPERVISOR, kind="explained").refused("not_in_this_state")


@pytest.mark.parametrize(
    "word",
    [
        i.EvaluationSubmitted(object="organisation", grade="basically_satisfied", word="own_hand"),
        s.FollowUpRecorded(reached=True, satisfied=True, independent=True),
    ],
)
def test_resolution_is_confirmed_by_petitioner(word: i.EvaluationSubmitted | s.FollowUpRecorded) -> None:
    executed = (*SUPPORTED, d.ExecutionConfirmed(org="zj"), word)
    given(*executed).when("close", SUPERIOR, kind="resolved_confirmed").then(s.CaseClosed(kind="resolved_confirmed"))


@pytest.mark.parametrize("word", [{"word": "own_hand"}, {"word": "own_hand", "code_with_staff": True}, KEYED])
@pytest.mark.parametrize("before", [True, False])
def test_dissatisfied_word_after_a_confirmation_undoes_it(word: Any, before: bool) -> None:
    """Also where the code proves nothing, and where the same was said before the third unit asked."""
    bad = i.EvaluationSubmitted(object="organisation", grade="dissatisfied", **word)
    told = s.FollowUpRecorded(reached=True, satisfied=True, independent=True)
    events = (*SUPPORTED, d.ExecutionConfirmed(org="zj"), *([bad] if before else []), told)
    given(*events, bad).when("close", SUPERIOR, kind="resolved_confirmed").refused("not_confirmed")
    again = given(*events).when("evaluate", CITIZEN, object="organisation", grade="dissatisfied")
    assert [type(one.body) for one in again.events] == [i.EvaluationSubmitted]


def test_supported_decision_is_executed_before_closing() -> None:
    given(*SUPPORTED).when("close", SUPERVISOR, kind="resolved_unconfirmed").refused("not_executed")


def test_assignment_is_closed_after_report() -> None:
    assigned = (REGISTERED, r.CaseAssigned(org="zj", due=date(2026, 4, 1)), *REPLIED[2:])
    given(*assigned).when("close", SUPERVISOR, kind="explained").refused("report_missing")
    given(*assigned, d.ClosingReportFiled(org="zj")).when("close", SUPERVISOR, kind="explained").then(
        s.CaseClosed(kind="explained")
    )


def test_second_closing_adds_nothing() -> None:
    given(*REPLIED, s.CaseClosed(kind="explained")).when("close", SUPERVISOR, kind="explained").then_nothing()


def test_redo_keeps_first_reply() -> None:
    story = given(*REPLIED)
    story.when("order_redo", SUPERVISOR, ground="dissatisfied").then(s.RedoOrdered(ground="dissatisfied"))
    again = given(*REPLIED, s.RedoOrdered(ground="dissatisfied"))
    assert again.case.handling.replies == 1
    assert again.case.state == "redo_ordered"


def test_unreached_petitioner_cannot_be_recorded_as_satisfied() -> None:
    given(*REPLIED).when("follow_up", SUPERVISOR, reached=False, satisfied=True).refused("not_reached")


def test_urging_requires_previous_reminder() -> None:
    given(*SENT).when("urge", SUPERVISOR).refused("remind_first")
    of_the_office = (REGISTERED, s.Reminded(clock="C1", episode=1, rung="r75", org="xfj"), *SENT[1:])
    given(*of_the_office).when("urge", SUPERVISOR).refused("remind_first")
    reminded = (*SENT, s.Reminded(clock="C3", episode=1, rung="r75", org="zj"))
    given(*reminded).when("urge", SUPERVISOR).refused("reminder_runs")
    given(*reminded).later(days=3).when("urge", SUPERVISOR).then(s.Urged(org="zj"))
    given(*reminded, s.Urged(org="zj")).when("urge", SUPERVISOR).then_nothing()
    given(*reminded, s.Urged(org="zj")).later(days=9).when("urge", SUPERVISOR).then(s.Urged(org="zj"))


def test_expired_clock_allows_urging_without_reminder() -> None:
    given(*SENT).later(days=17).when("urge", SUPERVISOR).then(s.Urged(org="zj"))
    reminded = (*SENT, s.Reminded(clock="C3", episode=1, rung="at_75", org="zj"))
    given(*reminded).later(days=17).when("urge", SUPERVISOR).then(s.Urged(org="zj"))


@pytest.mark.parametrize(
    "after", [d.NoticeServed(org="zj", kind="acceptance"), d.ReplyDelivered(org="zj"), r.CaseTransferred(org="rs")]
)
def test_met_or_transferred_duty_ends_ladder_below_supervision(after: Event) -> None:
    urged = (*SENT, s.Reminded(clock="C3", episode=1, rung="at_75", org="zj"), s.Urged(org="zj"))
    assert given(*urged, after).case.supervision.stage == "none"
    assert given(*urged, s.SupervisionOpened(ground="delay"), after).case.supervision.stage == "supervised"


def test_supervision_requires_responsible_organisation() -> None:
    given(REGISTERED).when("open_supervision", SUPERVISOR, ground="delay", text="x").refused("nobody_to_supervise")
    given(*SENT).when("open_supervision", SUPERVISOR, ground="delay", decider="xfj", text="x").then(
        s.SupervisionOpened(ground="delay", decider="xfj", text="x")
    )


def test_supervision_requires_urging_or_ground_and_decider() -> None:
    urged = (*SENT, s.Reminded(clock="C3", episode=1, rung="at_75", org="zj"), s.Urged(org="zj"))
    asked = {"ground": "delay", "text": "x"}
    given(*SENT).when("open_supervision", SUPERVISOR, **asked).refused("urge_first")
    given(*urged).when("open_supervision", SUPERVISOR, **asked).refused("urging_runs")
    given(*urged).later(days=8).when("open_supervision", SUPERVISOR, **asked).then(
        s.SupervisionOpened(ground="delay", text="x")
    )
    other = {"ground": "other", "text": "x", "decider": "xfj"}
    given(*SENT).when("open_supervision", SUPERVISOR, **other).refused("urge_first")
    given(*urged).later(days=8).when("open_supervision", SUPERVISOR, **other).then(
        s.SupervisionOpened(ground="other", decider="xfj", text="x")
    )
    for decider, code in (("nobody", "unknown_organisation"), ("zj", "decides_on_itself")):
        given(*SENT).when("open_supervision", SUPERVISOR, **asked, decider=decider).refused(code)


def test_supervision_ends_when_its_cause_is_resolved() -> None:
    opened = (*SENT, s.SupervisionOpened(ground="delay", decider="xfj"))
    given(*SENT).when("close_supervision", SUPERVISOR, text="x").then_nothing()
    given(*opened).when("close_supervision", SUPERVISOR, text="x").then(s.SupervisionClosed(text="x"))
    given(*opened).later(days=20).when("close_supervision", SUPERVISOR, text="x").refused("still_late")
    shirked = (*SENT, s.SupervisionOpened(ground="shirking", decider="xfj"))
    given(*shirked).later(days=20).when("close_supervision", SUPERVISOR, text="x").then(s.SupervisionClosed(text="x"))
    given(*opened).when("close_supervision", OWN, text="x").refused("handling_unit")
    assert given(*opened, s.SupervisionClosed()).case.supervision.stage == "none"


def test_tick_before_due_date_adds_nothing() -> None:
    given(*SENT).when("tick", SERVICE).then_nothing()


def test_breach_is_recorded_once_at_due_instant() -> None:
    story = given(*SENT).later(days=30)
    outcome = story.when("tick", SERVICE)
    breach = next(item for item in outcome.events if isinstance(item.body, s.DeadlineBreached))
    assert breach.body.clock == "C3"
    assert breach.at is not None
    bodies = [item.body for item in outcome.events]
    given(*SENT, *bodies).later(days=30).when("tick", SERVICE).then_nothing()


def test_wrongful_refusal_is_corrected() -> None:
    refused = (*SENT, d.SignedFor(org="zj"), d.NotAccepted(org="zj", reason_code="outside_mandate"))
    given(*refused).when("order_acceptance", SUPERVISOR, text="x").refused("path_needed")
    ordered = s.AcceptanceOrdered(org="zj", path=6, text="x")
    given(*refused).when("order_acceptance", SUPERVISOR, path=6, text="x").then(ordered)
    running = [clock.clock for clock in deadlines(given(*refused, ordered).case, BOOK) if clock.running]
    assert "C5" in running, "the sixty days run from the ordered acceptance"
    given(*SENT).when("order_acceptance", SUPERVISOR, text="x").refused("not_in_this_state")


def test_clerk_is_refused_by_role_before_rule_is_evaluated() -> None:
    from shared.commands.command import RULES

    assert CLERK.role not in RULES["close"].roles


def test_unsupported_claim_cannot_be_closed_as_resolved() -> None:
    for result in ("explained", "not_supported"):
        denied = (*ACCEPTED, d.DecisionIssued(org="zj", result=result), d.ReplyDelivered(org="zj"))
        given(*denied).when("close", SUPERVISOR, kind="resolved_unconfirmed").refused("kind_does_not_fit")
    done = (*SUPPORTED, d.ExecutionConfirmed(org="zj"))
    given(*done).when("close", SUPERVISOR, kind="resolved_unconfirmed").then(s.CaseClosed(kind="resolved_unconfirmed"))


def test_confirmation_before_redo_does_not_count_afterwards() -> None:
    praised = i.EvaluationSubmitted(object="organisation", grade="satisfied")
    again = (
        s.RedoOrdered(ground="other"),
        d.DecisionIssued(org="zj", result="supported"),
        d.ReplyDelivered(org="zj"),
        d.ExecutionConfirmed(org="zj"),
    )
    given(*SUPPORTED, praised, *again).when("close", SUPERVISOR, kind="resolved_confirmed").refused("not_confirmed")
