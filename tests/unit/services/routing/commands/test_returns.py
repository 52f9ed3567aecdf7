"""Returns, disputes and rulings (Art. 23, 24)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.events import department as d
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from tests.support.deciding import BOOK, CLERK, HEAD, REGISTRAR, SENT, START, SUPERVISOR, given

OBJECTED = d.ReturnRequested(org="zj", reason_code="not_our_mandate")
REFUSED = r.ReturnVerified(agreed=False)
ROUND: tuple[Event, ...] = (OBJECTED, REFUSED)
RULING = {"org": "dhq", "assist": ["zj"]}


def test_sender_agrees_to_or_refuses_return() -> None:
    given(*SENT, OBJECTED).when("verify_return", REGISTRAR, agreed=True).then(r.ReturnVerified(agreed=True))
    given(*SENT, OBJECTED).when("verify_return", REGISTRAR, agreed=False).then(REFUSED)
    given(*SENT, OBJECTED, REFUSED).when("verify_return", REGISTRAR, agreed=False).then_nothing()
    given(*SENT, OBJECTED, REFUSED).when("verify_return", REGISTRAR, agreed=True).refused("not_in_this_state")
    given(*SENT).when("verify_return", REGISTRAR, agreed=True).refused("not_in_this_state")


def test_refused_return_restores_previous_state() -> None:
    assert given(*SENT, OBJECTED, REFUSED).case.state == "dispatched"
    assert given(*SENT, d.SignedFor(org="zj"), OBJECTED, REFUSED).case.state == "signed"
    assert given(*SENT, OBJECTED, REFUSED).case.assignment.org == "zj"


def test_agreed_return_removes_case_from_organisation() -> None:
    case = given(*SENT, OBJECTED, r.ReturnVerified(agreed=True)).case
    assert (case.state, case.assignment.org, case.assignment.past_orgs) == ("returned", None, ("zj",))


def test_objection_beyond_policy_limit_opens_dispute() -> None:
    often = ROUND * (BOOK.most_objections - 1)
    given(*SENT, *often, OBJECTED).when("verify_return", REGISTRAR, agreed=False).then(
        REFUSED, r.JurisdictionDisputed(hops=1)
    )
    disputed = given(*SENT, *often, OBJECTED, REFUSED, r.JurisdictionDisputed(hops=1)).case
    assert (disputed.state, disputed.assignment.org) == ("disputed", None)


def test_petition_office_refers_dispute() -> None:
    given(*SENT, OBJECTED).when("refer_dispute", REGISTRAR, reason="两家均称不属职责").then(
        r.JurisdictionDisputed(hops=1, reason="两家均称不属职责")
    )
    given(*SENT).when("refer_dispute", REGISTRAR, reason="x").refused("not_in_this_state")


def test_ruling_names_organisation_and_cannot_be_returned() -> None:
    disputed = (*SENT, OBJECTED, r.JurisdictionDisputed(hops=1))
    given(*disputed).when("rule_jurisdiction", SUPERVISOR, **RULING).then(
        r.JurisdictionRuled(org="dhq", assist=("zj",))
    )
    given(*SENT).when("rule_jurisdiction", SUPERVISOR, **RULING).refused("not_in_this_state")
    given(*disputed).when("rule_jurisdiction", SUPERVISOR, org="nobody").refused("unknown_organisation")
    given(*disputed).when("rule_jurisdiction", SUPERVISOR, org="dhq", assist=["dhq"]).refused("assists_itself")
    ruled = (*disputed, r.JurisdictionRuled(org="zj"), r.AssignmentDelivered(org="zj", seq=2))
    given(*ruled).when("request_return", CLERK, reason_code="other", reason="x").refused("ruled")
    given(*ruled).when("rule_jurisdiction", SUPERVISOR, org="zj").then_nothing()


def test_extension_is_refused_by_another_person() -> None:
    asked = (*SENT, d.Accepted(org="zj", path=6), d.ExtensionRequested(org="zj", days=20))
    story = given(*asked)
    other = HEAD
    story.when("refuse_extension", other, reason="理由不足").then(d.ExtensionRefused(reason="理由不足"))
    asker = HEAD._replace(ref=story.case.handling.extension_asker or "")
    story.when("refuse_extension", asker, reason="x").refused("own_request")
    given(*asked, d.ExtensionRefused()).when("refuse_extension", other, reason="x").then_nothing()
    given(*asked[:-1]).when("refuse_extension", other, reason="x").refused("no_extension_asked")


def test_suggestion_is_answered_and_closed_as_explained() -> None:
    suggestion = SENT[0].model_copy(update={"class_": "suggestion"})
    accepted = (suggestion, *SENT[1:], d.Accepted(org="zj"))
    answer = d.SuggestionAnswered(org="zj", result="adopted", text="已采纳")
    given(*accepted).when("answer_suggestion", CLERK, result="adopted", text="已采纳").then(answer)
    again = (*accepted, answer, d.ReplyDelivered(org="zj"), s.RedoOrdered(ground="incomplete"))
    given(*again).when("answer_suggestion", CLERK, result="adopted", text="已采纳").then(answer)
    given(*SENT, d.Accepted(org="zj", path=6)).when("answer_suggestion", CLERK, result="adopted", text="x").refused(
        "not_a_suggestion"
    )
    replied = given(*accepted, answer, d.ReplyDelivered(org="zj"))
    assert replied.when("close", SUPERVISOR, kind="explained").refusal is None
    replied.when("close", SUPERVISOR, kind="not_supported").refused("kind_does_not_fit")


def test_reply_is_corrected_and_first_reply_kept() -> None:
    replied = (*SENT, d.Accepted(org="zj", path=6), d.DecisionIssued(org="zj", result="explained"), d.ReplyDelivered())
    given(*replied).when("correct_reply", CLERK, text="更正").then(d.ReplyCorrected(org="zj", text="更正"))
    assert given(*replied, d.ReplyCorrected(org="zj")).case.handling.replies == 1


def test_backdating_does_not_bypass_window() -> None:
    story = given(*SENT).later(days=30)
    story.when("request_return", CLERK, reason_code="other", reason="x", at=START.date()).refused(
        "objection_window_lapsed"
    )


def test_blank_reason_is_refused() -> None:
    with pytest.raises(ValidationError, match="predicate_failed"):
        given(*SENT).when("request_return", CLERK, reason_code="other", reason="  \u3000")


def test_backdating_does_not_extend_expired_period() -> None:
    asked = (*SENT, d.Accepted(org="zj", path=6), d.ExtensionRequested(org="zj", days=10))
    story = given(*asked).later(days=70)
    on = (START + timedelta(days=20)).date()
    story.when("grant_extension", HEAD, at=on, days=10, approver="office").refused("no_clock_to_extend")
    story.when("grant_extension", SUPERVISOR, at=on, days=10, approver="office").refused("not_your_case")
