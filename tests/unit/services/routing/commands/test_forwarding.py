"""Forwarding down (下转): the subordinate works, the forwarder stays accountable, clocks do not restart."""

from __future__ import annotations

from shared.commands.authorization import Principal, visible
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from tests.support.deciding import BOOK, REGISTERED, REGISTRAR, SUPERVISOR, given

DISTRICT = Principal("clerk", "dhq", "k-dhq")
STREET = Principal("clerk", "dhyl", "k-dhyl")
SENT = (REGISTERED, r.CaseTransferred(org="dhq"), r.AssignmentDelivered(org="dhq", seq=1))
DOWN = (*SENT, r.ForwardedDown(org="dhq", to="dhyl"))


def test_it_goes_to_a_subordinate_only() -> None:
    given(*SENT).when("forward_down", DISTRICT, to="dhyl").then(r.ForwardedDown(org="dhq", to="dhyl"))
    given(*DOWN).when("forward_down", DISTRICT, to="dhyl").then_nothing()
    given(*SENT).when("forward_down", DISTRICT, to="zj").refused("not_a_subordinate")
    given(*SENT).when("forward_down", DISTRICT, to="xfj").refused("not_a_subordinate")
    given(*SENT).when("forward_down", DISTRICT, to="dhq").then_nothing()
    given(*SENT).when("forward_down", DISTRICT, to="nobody").refused("unknown_organisation")
    given(*SENT).when("forward_down", STREET, to="dhyl").refused("not_your_case")
    given(*DOWN).when("forward_down", STREET, to="dhq").refused("not_a_subordinate")
    given(*DOWN).when("forward_down", DISTRICT, to="zj").refused("forwarded_already")


def test_never_to_who_is_complained_of_and_an_accusation_to_no_ordinary_office() -> None:
    accused = i.PartyRecorded(party="r1", role="respondent", respondent_org="dhyl")
    given(REGISTERED, accused, *SENT[1:]).when("forward_down", DISTRICT, to="dhyl").refused("is_the_respondent")
    accusation = REGISTERED.model_copy(update={"class_": "accusation"})
    sealed = (accusation, r.CaseRoutedToSealedChannel(org="dhq"))
    given(*sealed).when("forward_down", DISTRICT, to="dhyl").refused("accusation_needs_sealed_organ")


def test_no_clock_restarts_and_what_is_late_stays_the_forwarders() -> None:
    before = {(one.clock, one.episode): (one.due, one.org) for one in deadlines(given(*SENT).case, BOOK)}
    forwarded = given(*DOWN).case
    assert {(one.clock, one.episode): (one.due, one.org) for one in deadlines(forwarded, BOOK)} == before
    assert (forwarded.assignment.org, forwarded.handlers, forwarded.state) == ("dhq", ("dhq", "dhyl"), "dispatched")
    for who in (DISTRICT, STREET):
        assert visible(who, forwarded)
    given(*DOWN).when("accept", STREET, path=6).then(d.Accepted(org="dhq", path=6))
    handled = given(*DOWN, d.Accepted(org="dhq", path=6)).case
    assert {one.org for one in deadlines(handled, BOOK) if one.clock in ("C3", "C5")} == {"dhq"}


def test_a_return_comes_back_to_the_forwarder() -> None:
    given(*DOWN).when("request_return", STREET, reason_code="not_our_place", reason="x").refused("hand_back_instead")
    given(*DOWN).when("hand_back", STREET, reason_code="not_our_place").then(
        d.HandedBack(org="dhyl", to="dhq", reason_code="not_our_place")
    )
    given(*DOWN).when("hand_back", DISTRICT, reason_code="other").refused("not_forwarded_to_you")
    given(*SENT).when("hand_back", STREET, reason_code="other").refused("not_your_case")
    back = given(*DOWN, d.HandedBack(org="dhyl", to="dhq", reason_code="other"))
    assert (back.case.handlers, back.case.state) == (("dhq",), "dispatched")
    assert not visible(STREET, back.case)
    back.when("request_return", DISTRICT, reason_code="not_our_place", reason="x").then(
        d.ReturnRequested(org="dhq", reason_code="not_our_place", reason="x")
    )


def test_who_loses_the_case_loses_it_with_all_below() -> None:
    for taken in (
        r.AssignmentWithdrawn(org="dhq"),
        r.ReturnVerified(agreed=True),
        r.JurisdictionDisputed(hops=1),
        i.CaseVoided(),
        r.CaseTransferred(org="zj"),
    ):
        case = given(*DOWN, taken).case
        assert case.assignment.forwarded == ()
        assert not visible(STREET, case)


def test_a_subordinate_does_not_close_what_it_handled() -> None:
    replied = (
        *DOWN,
        d.Accepted(org="dhq", path=6),
        d.DecisionIssued(org="dhq", result="explained"),
        d.ReplyDelivered(),
    )
    for org in ("dhq", "dhyl"):
        given(*replied).when("close", SUPERVISOR._replace(org=org), kind="explained").refused("handling_unit")
    assert given(*replied).when("close", REGISTRAR, kind="explained").refusal is None
