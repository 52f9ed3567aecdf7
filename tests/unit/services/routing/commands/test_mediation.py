"""Mediation (Art. 33) and the promise to carry out a supported request (Art. 32)."""

from __future__ import annotations

from datetime import date

from shared.deadlines.derivation import deadlines
from shared.events import department as d
from tests.support.deciding import BOOK, CLERK, REGISTRAR, SENT, given

ACCEPTED = (*SENT, d.Accepted(org="zj", path=6))
OFFERED = (*ACCEPTED, d.MediationOffered(org="zj"))


def test_agreement_follows_an_offer_and_is_in_writing() -> None:
    given(*ACCEPTED).when("record_mediation", CLERK, outcome="offered").then(d.MediationOffered(org="zj"))
    given(*OFFERED).when("record_mediation", CLERK, outcome="offered").then_nothing()
    given(*OFFERED).when("record_mediation", CLERK, outcome="agreed").refused("agreement_needed")
    agreed = d.MediationAgreed(org="zj", text="协议")
    given(*OFFERED).when("record_mediation", CLERK, outcome="agreed", text="协议").then(agreed)
    given(*ACCEPTED).when("record_mediation", CLERK, outcome="agreed", text="协议").refused("no_mediation")
    failed = (*OFFERED, d.MediationFailed(org="zj"))
    given(*failed).when("record_mediation", CLERK, outcome="agreed", text="协议").refused("no_mediation")
    given(*failed).when("record_mediation", CLERK, outcome="offered").then(d.MediationOffered(org="zj"))


def test_promise_to_carry_out_is_a_clock() -> None:
    at = date(2026, 3, 3)
    story = given(*ACCEPTED).later(days=1)
    for wrong, result in ((date(2026, 3, 2), "supported"), (date(2026, 4, 1), "explained")):
        story.when("decide", CLERK, at=at, result=result, basis=["x"], text="y", execute_by=wrong).refused(
            "wrong_execution_date"
        )
    decided = d.DecisionIssued(org="zj", result="supported", execute_by=date(2026, 4, 1), basis=("x",), text="y")
    story.when("decide", CLERK, at=at, result="supported", basis=["x"], text="y", execute_by=date(2026, 4, 1)).then(
        decided
    )
    promised = {one.clock: one for one in deadlines(given(*ACCEPTED, decided).case, BOOK)}["C13"]
    assert (promised.due_day, promised.org, promised.running) == (date(2026, 4, 1), "zj", True)
    plain = decided.model_copy(update={"execute_by": None})
    assert {one.clock: one.due_day for one in deadlines(given(*ACCEPTED, plain).case, BOOK)}["C13"] == date(2026, 4, 1)
    done = given(*ACCEPTED, decided, d.ReplyDelivered(), d.ExecutionConfirmed(org="zj")).case
    assert {one.clock: one.in_time for one in deadlines(done, BOOK)}["C13"]
    explained = given(*ACCEPTED, d.DecisionIssued(org="zj", result="explained")).case
    assert "C13" not in {one.clock for one in deadlines(explained, BOOK)}
    given(*SENT).when("record_mediation", REGISTRAR, outcome="offered").refused("not_your_case")
