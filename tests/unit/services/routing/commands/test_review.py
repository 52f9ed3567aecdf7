"""Review and re-review (Art. 35, 36): who may request it until when, the review body, and the effect of the opinion."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal, visible
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
    OWN_HAND,
    PROOF,
    REGISTRAR,
    SENT,
    SERVICE,
    SUPERVISOR,
    Story,
    given,
)

BODY = Principal("clerk", "fc", "k-fc")
ABOVE = Principal("organisation", "sfc", "k-sfc")
REPLIED: tuple[Event, ...] = (
    *SENT,
    d.Accepted(org="zj", path=6),
    d.DecisionIssued(org="zj", result="not_supported", basis=("x",)),
    d.ReplyDelivered(org="zj"),
)
ASKED = (*REPLIED, i.ReviewRequested())
NAMED = (*ASKED, r.ReviewBodyNamed(body="fc"))
UPHELD = (*NAMED, d.ReviewOpinionIssued(body="fc", result="upheld"))
AGAIN = (*UPHELD, i.ReReviewRequested(), r.ReviewBodyNamed(body="sfc"))


@pytest.mark.parametrize(("who", "proof", "word"), [(CITIZEN, {}, OWN_HAND), (REGISTRAR, PROOF, KEYED)])
def test_review_is_requested_within_thirty_days_of_reply(
    who: Principal, proof: dict[str, str], word: dict[str, Any]
) -> None:
    """Delivered on 2 March: the thirtieth day is Wednesday 1 April."""
    given(*REPLIED).later(days=30).when("request_review", who, text="不服", **proof).then(
        i.ReviewRequested(text="不服", **word)
    )
    given(*REPLIED).later(days=31).when("request_review", who, **proof).refused("review_window_lapsed")
    given(*REPLIED).later(days=40).when("request_review", REGISTRAR, at=date(2026, 4, 1), **PROOF).then(
        i.ReviewRequested(**KEYED)
    )
    given(*ASKED).when("request_review", who, **proof).then_nothing()


def test_closing_preserves_right_to_review() -> None:
    closed = (*REPLIED, s.CaseClosed(kind="not_supported"))
    given(*closed).when("request_review", CITIZEN).then(i.ReviewRequested(**OWN_HAND))
    case = given(*closed, i.ReviewRequested()).case
    assert (case.state, case.closure.kind, case.closure.closed_at) == ("in_review", None, None)
    given(*UPHELD, s.CaseClosed(kind="not_supported")).when("request_re_review", CITIZEN).then(
        i.ReReviewRequested(**OWN_HAND)
    )


def test_review_of_unreviewable_case_is_refused() -> None:
    given(*SENT).when("request_review", CITIZEN).refused("not_in_this_state")
    given(*UPHELD, s.CaseClosed(kind="not_supported")).when("request_review", CITIZEN).refused("reviewed_already")
    other_path = (
        *SENT,
        d.Accepted(org="zj", path=4),
        d.DecisionIssued(org="zj", result="explained"),
        d.ReplyDelivered(),
    )
    given(*other_path).when("request_review", CITIZEN).refused("nothing_to_review")


def test_policy_names_next_level_review_body() -> None:
    given(*ASKED).when("direct_review", SERVICE).then(r.ReviewBodyNamed(body="fc"))
    given(*NAMED).when("direct_review", SERVICE).then_nothing()
    given(*UPHELD, i.ReReviewRequested()).when("direct_review", SERVICE).then(r.ReviewBodyNamed(body="sfc"))


def test_review_request_without_eligible_body_waits_for_registrar() -> None:
    accused = (i.PartyRecorded(party="r1", role="respondent", respondent_org="fc"),)
    waiting = (SENT[0], *accused, *ASKED[1:])
    given(*waiting).when("direct_review", SERVICE).then_nothing()
    given(*waiting).when("name_review_body", REGISTRAR, body="fc").refused("not_its_own_review")
    given(*waiting).when("name_review_body", REGISTRAR, body="sfc").then(r.ReviewBodyNamed(body="sfc", by="person"))
    given(*waiting).when("name_review_body", REGISTRAR, body="nobody").refused("unknown_organisation")
    at_the_top = (*ASKED, r.ReviewBodyNamed(body="sfc"), d.ReviewOpinionIssued(body="sfc", result="upheld"))
    given(*at_the_top, i.ReReviewRequested()).when("direct_review", SERVICE).then_nothing()
    given(*NAMED, d.ReviewAccepted(body="fc")).when("name_review_body", SUPERVISOR, body="sfc").refused("review_begun")
    given(*NAMED).when("name_review_body", SUPERVISOR, body="fc").then_nothing()


def test_organisation_cannot_review_own_decision() -> None:
    opinion: dict[str, Any] = {"result": "upheld", "text": "维持"}
    for who in (CLERK, CLERK._replace(org="jt")):
        given(*NAMED).when("accept_review", who).refused("not_your_review")
        given(*NAMED).when("issue_review_opinion", who, **opinion).refused("not_your_review")
        given(*AGAIN).when("issue_re_review_opinion", who, **opinion).refused("not_your_review")
    given(*AGAIN).when("issue_re_review_opinion", BODY, **opinion).refused("not_your_review")
    given(*ASKED).when("name_review_body", SUPERVISOR, body="zj").refused("not_its_own_review")
    # not even when a log names the handling unit
    given(*ASKED, r.ReviewBodyNamed(body="zj")).when("accept_review", CLERK).refused("not_your_review")
    down = (*SENT[:1], r.CaseTransferred(org="dhq"), *ASKED[2:])
    given(*down).when("name_review_body", SUPERVISOR, body="dhyl").refused("not_its_own_review")


def test_review_body_sees_case_while_reviewing() -> None:
    case = given(*NAMED).case
    assert visible(BODY, case)
    assert visible(CLERK, case)
    assert not visible(ABOVE, case)
    assert visible(BODY, given(*UPHELD).case)
    taken_over = given(*AGAIN).case
    assert visible(ABOVE, taken_over)
    assert not visible(BODY, taken_over)


def test_review_body_accepts_and_decides() -> None:
    given(*NAMED).when("accept_review", BODY).then(d.ReviewAccepted(body="fc"))
    given(*NAMED, d.ReviewAccepted(body="fc")).when("accept_review", BODY).then_nothing()
    given(*NAMED).when("issue_review_opinion", BODY, result="upheld", text="维持").then(
        d.ReviewOpinionIssued(body="fc", result="upheld", text="维持")
    )
    given(*NAMED).when("issue_review_opinion", BODY, result="changed", text="x").refused("decision_with_changed_only")
    given(*NAMED).when("issue_review_opinion", BODY, result="redo", decision="explained", text="x").refused(
        "decision_with_changed_only"
    )
    given(*UPHELD).when("issue_review_opinion", BODY, result="upheld", text="x").refused("not_in_this_state")


def test_changed_decision_is_executed_before_closing() -> None:
    changed = (*NAMED, d.ReviewOpinionIssued(body="fc", result="changed", decision="supported"))
    case = given(*changed).case
    assert (case.state, case.handling.result, case.handling.executed, case.assignment.org) == (
        "reviewed",
        "supported",
        False,
        "zj",
    )
    given(*changed).when("close", SUPERVISOR, kind="resolved_unconfirmed").refused("not_executed")
    given(*changed).when("confirm_execution", CLERK).then(d.ExecutionConfirmed(org="zj"))
    executed = (*changed, d.ExecutionConfirmed(org="zj"))
    assert given(*executed).when("close", SUPERVISOR, kind="resolved_unconfirmed").refusal is None
    given(*executed).when("close", BODY._replace(role="registrar", org="zj"), kind="resolved_unconfirmed").refused(
        "handling_unit"
    )


def test_redo_returns_case_with_new_clock() -> None:
    redo = given(*NAMED, d.ReviewOpinionIssued(body="fc", result="redo"))
    case = redo.case
    assert (case.state, case.assignment.org, case.handling.result, case.supervision.redos, case.review.reviewed_by) == (
        "handling",
        "zj",
        None,
        1,
        "fc",
    )
    clocks = [clock for clock in deadlines(case, BOOK) if clock.clock == "C5"]
    assert [(clock.episode, clock.org) for clock in clocks] == [(1, "zj"), (2, "zj")]
    assert clocks[-1].running
    redo.when("decide", CLERK, result="explained", basis=["x"], text="y").then(
        d.DecisionIssued(
            org="zj",
            result="explained",
            basis=("x",),
            text="y",
            states_review_right=True,
            review_body="fc",
            review_days=30,
        )
    )
    second = (d.DecisionIssued(org="zj", result="explained"), d.ReplyDelivered(org="zj"))
    given(*NAMED, d.ReviewOpinionIssued(body="fc", result="redo"), *second).when("request_review", CITIZEN).then(
        i.ReviewRequested(**OWN_HAND)
    )


def test_evaluation_of_first_reply_does_not_apply_to_second() -> None:
    judged = (*REPLIED, i.EvaluationSubmitted(object="organisation", grade="satisfied"), i.ReviewRequested())
    redo = given(*judged, r.ReviewBodyNamed(body="fc"), d.ReviewOpinionIssued(body="fc", result="redo")).case
    assert (redo.grade("organisation"), redo.grade_now("organisation")) == ("satisfied", None)


def test_re_review_is_requested_in_time_and_concludes_case() -> None:
    given(*UPHELD).later(days=29).when("request_re_review", CITIZEN).then(i.ReReviewRequested(**OWN_HAND))
    given(*UPHELD, d.OpinionDelivered(body="fc")).later(days=60).when("request_re_review", CITIZEN).refused(
        "review_window_lapsed"
    )
    given(*UPHELD, i.ReReviewRequested()).when("request_re_review", CITIZEN).then_nothing()
    given(*REPLIED).when("request_re_review", CITIZEN).refused("not_in_this_state")
    last = d.ReReviewOpinionIssued(body="sfc", result="upheld", text="维持")
    given(*AGAIN).when("issue_re_review_opinion", ABOVE, result="upheld", text="维持").then(
        last, d.Concluded(by="re_review")
    )
    concluded = (*AGAIN, last, d.Concluded(by="re_review"))
    assert given(*concluded).case.state == "concluded"
    for name in ("request_review", "request_re_review"):
        given(*concluded).when(name, CITIZEN).refused("not_in_this_state")
    given(*concluded).when("close", SUPERVISOR, kind="not_supported").then(s.CaseClosed(kind="not_supported"))
    given(*concluded).when("close", SUPERVISOR, kind="explained").refused("kind_does_not_fit")


def test_re_review_period_runs_from_receipt_of_opinion() -> None:
    """Art. 36 ¶1. The period starts with the recorded receipt, and the thirtieth day after it is the last."""
    received = d.OpinionDelivered(body="fc", mode="in_person", proof="signature", states_review_right=True)
    given(*UPHELD).when("deliver_opinion", BODY).then(received)
    given(*UPHELD, received).when("deliver_opinion", BODY).then_nothing()
    given(*UPHELD).when("deliver_opinion", REGISTRAR).then(received)
    given(*UPHELD).when("deliver_opinion", CLERK).refused("not_your_review")
    given(*UPHELD).when("deliver_opinion", BODY, mode="post").refused("proof_date_needed")
    given(*UPHELD).when("deliver_opinion", BODY, mode="electronic").refused("no_electronic_address")
    given(*UPHELD).when("deliver_opinion", BODY, at=date(2026, 3, 1)).refused("before_opinion")
    given(*UPHELD, s.RedoOrdered(ground="other")).when("deliver_opinion", BODY).refused("no_opinion_to_deliver")
    given(*NAMED, d.ReviewOpinionIssued(body="fc", result="redo")).when("deliver_opinion", BODY).refused(
        "no_opinion_to_deliver"
    )
    assert given(*UPHELD).later(days=60).when("request_re_review", CITIZEN).refusal is None
    late = Story((*UPHELD, received))
    window = next(one for one in reversed(deadlines(late.case, BOOK)) if one.clock == "C8")
    assert (window.episode, window.start.name, window.due_day) == (2, "OpinionDelivered", date(2026, 4, 1))
    late.later(days=31).when("request_re_review", CITIZEN).refused("review_window_lapsed")


def test_hearing_is_held_by_responsible_body() -> None:
    story = given(*AGAIN).later(days=5)
    days = {"from": "2026-03-04", "to": "2026-03-05"}
    held = d.HearingHeld(org="sfc", from_=date(2026, 3, 4), to=date(2026, 3, 5))
    story.when("record_hearing", ABOVE, **days).then(held)
    story.when("record_hearing", CLERK, **days).refused("not_your_review")
    story.when("record_hearing", ABOVE, **{"from": "2026-03-05", "to": "2026-03-04"}).refused("hearing_ends_first")
    story.when("record_hearing", ABOVE, **{"from": "2026-03-05", "to": "2026-03-30"}).refused("hearing_not_over")
    given(*AGAIN, held).later(days=5).when("record_hearing", ABOVE, **days).then_nothing()
    handling = given(*SENT, d.Accepted(org="zj", path=6)).later(days=5)
    handling.when("record_hearing", CLERK, **days).then(held.model_copy(update={"org": "zj"}))
    handling.when("record_hearing", CLERK._replace(org="jt"), **days).refused("not_your_case")


def test_re_review_hearing_moves_due_date() -> None:
    held = d.HearingHeld(org="sfc", from_=date(2026, 3, 4), to=date(2026, 3, 6))
    before, after = (
        next(one for one in deadlines(given(*events).case, BOOK) if one.clock == "C9")
        for events in (AGAIN, (*AGAIN, held))
    )
    # three days more end on Saturday 4 April, and that weekend is Qingming's: the end moves on to Tuesday
    assert (before.due_day, after.due_day) == (date(2026, 4, 1), date(2026, 4, 7))
    assert (before.org, after.excluded_days) == ("sfc", 3)


def test_concluded_matter_is_not_handled_again() -> None:
    """Art. 36 ¶3; the decision must still be executed."""
    last = d.ReReviewOpinionIssued(body="sfc", result="upheld")
    closed = (*AGAIN, last, d.Concluded(by="re_review"), s.CaseClosed(kind="not_supported"))
    given(*closed).when("order_redo", SUPERVISOR, ground="other").refused("concluded")
    given(*closed).when("order_redo", SUPERVISOR, ground="not_executed").then(s.RedoOrdered(ground="not_executed"))
    again = (
        *closed,
        s.RedoOrdered(ground="not_executed"),
        d.DecisionIssued(org="zj", result="explained"),
        d.ReplyDelivered(),
    )
    given(*again).when("request_review", CITIZEN).refused("concluded")
    offered = allowed(given(*closed).case, CITIZEN._replace(case="k1"))
    assert not {"request_review", "request_re_review"} & set(offered)


def test_repeated_delivery_with_different_receipt_date_is_not_ignored() -> None:
    received = d.OpinionDelivered(body="fc")
    story = given(*UPHELD, received).later(days=9)
    story.when("deliver_opinion", BODY).then_nothing()
    story.when("deliver_opinion", BODY, at=date(2026, 3, 2)).then_nothing()
    story.when("deliver_opinion", BODY, at=date(2026, 3, 5)).refused("recorded_otherwise")


# -------------------------------------------------------------------- after the period


LATE = (*REPLIED, i.ReviewRequested(late=True, late_reason="住院"), r.ReviewBodyNamed(body="fc"))


@pytest.mark.parametrize("closed", [(), (s.CaseClosed(kind="not_supported"),)])
def test_late_request_with_a_reason_is_registered(closed: tuple[Event, ...]) -> None:
    story = given(*REPLIED, *closed).later(days=60)
    story.when("request_review", CITIZEN).refused("review_window_lapsed")
    story.when("request_review", CITIZEN, late_reason="住院").then(
        i.ReviewRequested(late=True, late_reason="住院", **OWN_HAND)
    )
    given(*REPLIED).when("request_review", CITIZEN, late_reason="住院").then(i.ReviewRequested(**OWN_HAND))


def test_review_body_decides_on_a_late_request() -> None:
    given(*LATE).when("accept_review", BODY).then(d.ReviewAccepted(body="fc"))
    refused = d.ReviewRefused(body="fc", reason_code="late_without_reason", reason="无正当理由")
    given(*LATE).when("refuse_review", BODY, reason="无正当理由").then(refused)
    given(*NAMED).when("refuse_review", BODY, reason="x").refused("review_in_time")
    given(*LATE, d.ReviewAccepted(body="fc")).when("refuse_review", BODY, reason="x").refused("review_in_time")
    given(*LATE).when("refuse_review", CLERK, reason="x").refused("not_your_review")


@pytest.mark.parametrize("closed", [(), (s.CaseClosed(kind="not_supported"),)])
def test_refused_late_request_leaves_the_case_where_it_stood(closed: tuple[Event, ...]) -> None:
    before = given(*REPLIED, *closed).case
    refused = d.ReviewRefused(body="fc", reason_code="late_without_reason")
    after = given(*REPLIED, *closed, i.ReviewRequested(late=True), r.ReviewBodyNamed(body="fc"), refused).case
    assert (after.state, after.closure, after.concluded) == (before.state, before.closure, False)
    assert [one.clock for one in deadlines(after, BOOK) if one.clock == "C7" and one.running] == []
    given(*REPLIED, *closed, i.ReviewRequested(late=True), refused).later(days=90).when(
        "request_review", CITIZEN, late_reason="又一次"
    ).refused("reviewed_already")


def test_lapse_is_recorded_once_and_concludes_nothing() -> None:
    for closed in ((), (s.CaseClosed(kind="not_supported"),)):
        story = given(*REPLIED, *closed).later(days=45)
        lapses = [one for one in story.when("tick", SERVICE).events if isinstance(one.body, s.ReviewWindowLapsed)]
        assert [(one.body, one.at) for one in lapses] == [
            (
                s.ReviewWindowLapsed(clock="C6", episode=1),
                next(one.due for one in deadlines(story.case, BOOK) if one.clock == "C6"),
            )
        ]
        after = given(*REPLIED, *closed, s.ReviewWindowLapsed(clock="C6", episode=1)).later(days=45)
        assert not any(isinstance(one.body, s.ReviewWindowLapsed) for one in after.when("tick", SERVICE).events)
        assert (after.case.state, after.case.concluded) == (story.case.state, False)
        after.when("request_review", CITIZEN, late_reason="住院").then(
            i.ReviewRequested(late=True, late_reason="住院", **OWN_HAND)
        )


@pytest.mark.parametrize("answer", [d.MediationAgreed(org="zj"), d.ConsultationAnswered(org="zj")])
def test_window_of_reply_without_opinion_does_not_lapse(answer: Event) -> None:
    """There is nothing to ask a review of, so nothing was missed (Art. 31(6), 35)."""
    story = given(*SENT, d.Accepted(org="zj", path=6), answer, d.ReplyDelivered(org="zj")).later(days=45)
    assert not any(isinstance(one.body, s.ReviewWindowLapsed) for one in story.when("tick", SERVICE).events)


def test_lapsed_matter_bars_no_new_filing() -> None:
    lapsed = Story(
        (*REPLIED, s.CaseClosed(kind="not_supported"), s.ReviewWindowLapsed(clock="C6", episode=1)), name="k0"
    )
    concluded = Story(
        (*AGAIN, d.ReReviewOpinionIssued(body="sfc", result="upheld"), d.Concluded(by="re_review")), name="k9"
    )
    filed = given(SENT[0]).beside(lapsed.case, concluded.case)
    filed.when("no_longer_accept", REGISTRAR, concluded="k0", reason="同一事实").refused("not_concluded")
    filed.when("no_longer_accept", REGISTRAR, concluded="k1", reason="同一事实").refused("unknown_concluded_case")
    filed.when("no_longer_accept", REGISTRAR, concluded="k9", reason="同一事实").then(
        r.ReRegistrationBarred(concluding_case="k9", reason="同一事实")
    )


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A policy by which the petitioner chooses between two bodies, as where the law gives the choice."""
    offered = ("fc", "sfc")
    monkeypatch.setattr(type(BOOK), "reviewers_of", lambda _book, _code: offered)
    return offered


@pytest.mark.parametrize("body", [None, "fc", "sfc"])
def test_petitioner_chooses_the_review_body(chosen: tuple[str, ...], body: str | None) -> None:
    asked = i.ReviewRequested(body=body, **OWN_HAND)
    given(*REPLIED).when("request_review", CITIZEN, body=body).then(asked)
    named = r.ReviewBodyNamed(body=body or BOOK.reviewer_of("zj") or "", by="rule")
    given(*REPLIED, asked).when("direct_review", SERVICE).then(named)


def test_body_that_the_law_does_not_offer_is_refused(chosen: tuple[str, ...]) -> None:
    for other in ("zj", "xfj", "nobody"):
        given(*REPLIED).when("request_review", CITIZEN, body=other).refused("review_body_not_offered")


def test_without_a_choice_only_the_named_body_can_be_given() -> None:
    first = BOOK.reviewer_of("zj")
    given(*REPLIED).when("request_review", CITIZEN, body=first).then(i.ReviewRequested(body=first, **OWN_HAND))
    given(*REPLIED).when("request_review", CITIZEN, body="sfc").refused("review_body_not_offered")


def test_chosen_body_that_must_not_review_waits_for_a_person(chosen: tuple[str, ...]) -> None:
    """Whoever handled it does not review it, whatever the petitioner chose (Art. 28)."""
    asked = i.ReviewRequested(body="sfc", **OWN_HAND)
    story = given(*REPLIED, r.ForwardedDown(org="zj", to="sfc"), asked)
    story.when("direct_review", SERVICE).then_nothing()


def test_decision_states_all_bodies(chosen: tuple[str, ...]) -> None:
    outcome = given(*REPLIED[:4]).when("decide", CLERK, result="explained", basis=["x"], text="y")
    body = outcome.events[0].body
    assert isinstance(body, d.DecisionIssued)
    assert (body.review_body, body.review_choice) == (BOOK.reviewer_of("zj"), chosen[1:])
