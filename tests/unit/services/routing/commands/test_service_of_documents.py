"""The two dates of a document: the duty ends on the day of the proof, the petitioner's period starts on receipt (Art. 34 to 36)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.intake.commands.document_access import read_documents, receipt_printed
from services.supervision.read_models import worklist_row
from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import DecisionContext
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import next_look, rungs_due
from shared.deadlines.unread import paper_due
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from shared.kernel.legal_time import end_of_day, to_text
from shared.queries.citizen_documents import Opened
from tests.support.deciding import (
    BOOK,
    CLERK,
    KEYED,
    PROOF,
    REGISTRAR,
    SENT,
    SIGNATURE,
    START,
    SUPERVISOR,
    Story,
    given,
)
from tests.support.policies import at

CITIZEN = Principal("citizen", None, "2026-0000-0000-0000-0", "k1")
BODY = Principal("clerk", "fc", "k-fc")
ACCEPTED = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6))
DECISION = d.DecisionIssued(
    org="zj", result="explained", basis=("x",), states_review_right=True, review_body="fc", review_days=30
)
DECIDED = (*ACCEPTED, DECISION)
CONFIRMED = i.DeliveryAddressConfirmed(electronic=True, kind="email", address="a@example.com")
ELECTRONIC = d.ReplyDelivered(org="zj", mode="electronic", proof="arrival", states_review_right=True)
SERVED = (*ACCEPTED, CONFIRMED, DECISION, ELECTRONIC)


def last(case: Case, clock: str) -> Deadline:
    return [one for one in deadlines(case, BOOK) if one.clock == clock][-1]


def staff_code(story: Story) -> Case:
    """The case, filed at the desk."""
    return replace(story.case, service=replace(story.case.service, code_issued_by="staff"))


def own_code(story: Story) -> Case:
    """The case, filed by the petitioner: no member of staff has had the code."""
    return replace(story.case, service=replace(story.case.service, code_issued_by="own"))


def reading(case: Case, *opened: Opened, now: Any = START + timedelta(days=2)) -> list[Event]:
    return [item.body for item in read_documents(case, opened, DecisionContext(CITIZEN, now, now, BOOK))]


# ---- the proof


@pytest.mark.parametrize("name", ["deliver_reply", "serve_notice", "deliver_opinion", "serve_on_paper"])
def test_no_document_is_served_electronically_without_confirmed_address(name: str) -> None:
    upheld = (*DECIDED, d.ReplyDelivered(org="zj"), i.ReviewRequested(), r.ReviewBodyNamed(body="fc"))
    state, who, fields = {
        "deliver_reply": (DECIDED, CLERK, {}),
        "serve_notice": (ACCEPTED, CLERK, {"kind": "acceptance"}),
        "deliver_opinion": ((*upheld, d.ReviewOpinionIssued(body="fc", result="upheld")), BODY, {}),
        "serve_on_paper": ((*DECIDED, d.ReplyDelivered(org="zj", mode="public")), CLERK, {"document": "reply"}),
    }[name]
    if name == "serve_on_paper":
        with pytest.raises(ValueError, match="mode"):
            given(*state).when(name, who, mode="electronic", **fields)
        return
    given(*state).when(name, who, mode="electronic", **fields).refused("no_electronic_address")
    taken_back = (*state, CONFIRMED, i.DeliveryAddressConfirmed(electronic=False))
    given(*taken_back).when(name, who, mode="electronic", **fields).refused("no_electronic_address")
    assert given(*state, CONFIRMED).when(name, who, mode="electronic", **fields).refusal is None


@pytest.mark.parametrize("mode", ["phone", "other"])
def test_telephone_call_serves_no_document(mode: str) -> None:
    for name, state, fields in (("deliver_reply", DECIDED, {}), ("serve_notice", ACCEPTED, {"kind": "acceptance"})):
        with pytest.raises(ValueError, match="mode"):
            given(*state).when(name, CLERK, mode=mode, **fields)


def test_post_is_proved_by_date_on_return_slip() -> None:
    """C5 ends, and C6 begins, on the day on the slip, not on the day of sending."""
    story = given(*DECIDED).later(days=9)
    story.when("deliver_reply", CLERK, mode="post").refused("proof_date_needed")
    slip = date(2026, 3, 9)
    (served,) = story.when("deliver_reply", CLERK, at=slip, mode="post", reference="EMS 1").events
    assert served.body == d.ReplyDelivered(
        org="zj", mode="post", proof="return_slip", reference="EMS 1", states_review_right=True, without_text=True
    )
    case = given(*DECIDED, served.body).case
    assert last(case, "C5").end is not None
    assert last(case, "C6").start.name == "ReplyDelivered"
    assert not last(case, "C6").open_ended


def test_decision_states_right_body_and_days_from_policy() -> None:
    fields: dict[str, Any] = {"result": "explained", "basis": ["x"], "text": "y"}
    decided = given(*ACCEPTED).when("decide", CLERK, **fields).events[0].body
    assert (decided.states_review_right, decided.review_body, decided.review_days) == (True, "fc", 30)  # type: ignore[attr-defined]
    silent = given(*ACCEPTED).when("decide", CLERK, states_review_right=False, **fields).events[0].body
    assert (silent.states_review_right, silent.review_body) == (False, None)  # type: ignore[attr-defined]


# ---- the petitioner's period


@pytest.mark.parametrize("mode", ["in_person", "left"])
def test_period_begins_with_document_in_hand(mode: str) -> None:
    reply = given(*DECIDED).when("deliver_reply", CLERK, mode=mode, witnesses=["甲", "乙"]).events[0].body
    story = given(*DECIDED, reply)
    assert not last(story.case, "C6").open_ended
    story.later(days=31).when("request_review", CITIZEN).refused("review_window_lapsed")


@pytest.mark.parametrize(
    "unheard",
    [
        (*ACCEPTED, CONFIRMED, DECISION, ELECTRONIC),
        (*DECIDED, d.ReplyDelivered(org="zj", mode="public", states_review_right=True)),
        (*DECIDED, d.ReplyDelivered(org="zj", mode="in_person", states_review_right=False)),
    ],
    ids=["unread", "by publication", "right not stated"],
)
def test_period_does_not_run_against_petitioner_who_received_nothing(unheard: tuple[Event, ...]) -> None:
    """The duty to reply has ended; the right to a review stays open until the petitioner has the document."""
    story = given(*unheard)
    assert last(story.case, "C5").end is not None
    assert last(story.case, "C6").open_ended
    assert story.later(days=400).when("request_review", CITIZEN).refusal is None
    paper = given(*unheard).when("serve_on_paper", CLERK, document="reply").events[0].body
    assert paper == d.PaperServed(org="zj", document="reply", **SIGNATURE, states_review_right=True, opens_window=True)
    served = given(*unheard, paper)
    assert (last(served.case, "C6").start.name, last(served.case, "C6").open_ended) == ("PaperServed", False)
    served.when("serve_on_paper", REGISTRAR, document="reply").then_nothing()
    served.later(days=40).when("request_review", CITIZEN).refused("review_window_lapsed")


def test_paper_without_statement_of_right_starts_nothing() -> None:
    paper = given(*SERVED).when("serve_on_paper", CLERK, document="reply", states_review_right=False).events[0].body
    assert not paper.opens_window  # type: ignore[attr-defined]
    assert last(given(*SERVED, paper).case, "C6").open_ended


def test_period_begins_when_petitioner_reads_with_own_code() -> None:
    case = own_code(given(*SERVED))
    opened = (Opened("reply", 6), Opened("reply", 8))
    first, second = reading(case, *opened)
    assert first == i.DocumentRead(document="reply", of=6, code_issued_by="own", opens_window=True)
    assert second == i.DocumentRead(document="reply", of=8, code_issued_by="own", opens_window=False)
    read = own_code(given(*SERVED, first, second))
    assert (last(read, "C6").start.name, last(read, "C6").open_ended) == ("DocumentRead", False)
    assert reading(read, *opened) == [], "read once"
    assert read.service.unread == ()
    assert read.service.reply_received


def test_reading_with_code_that_staff_printed_proves_nothing() -> None:
    case = staff_code(given(*SERVED))
    assert case.service.code_issued_by == "staff"
    (read,) = reading(case, Opened("reply", 6))
    assert read == i.DocumentRead(document="reply", of=6, code_issued_by="staff", opens_window=False)
    after = staff_code(given(*SERVED, read))
    assert last(after, "C6").open_ended
    assert after.service.unread, "still to be served on paper"
    assert reading(after, Opened("reply", 6)) == []
    assert reading(own_code(given(*SERVED, read)), Opened("reply", 6)), "with an own code later it is a receipt"


def test_receipt_printed_by_staff_ends_confidence_in_code() -> None:
    case = own_code(given(*SERVED))
    (printed,) = receipt_printed(case)
    assert given(*SERVED, printed.body).case.service.code_issued_by == "staff"
    assert receipt_printed(staff_code(given(*SERVED))) == []


def test_reading_after_receipt_does_not_prolong_period() -> None:
    replied = (*DECIDED, d.ReplyDelivered(org="zj", **SIGNATURE, states_review_right=True))
    (read,) = reading(own_code(given(*replied)), Opened("reply", 5))
    assert not read.opens_window  # type: ignore[attr-defined]


def test_reading_after_review_opens_no_second_one() -> None:
    asked = (
        *SERVED,
        i.ReviewRequested(),
        r.ReviewBodyNamed(body="fc"),
        d.ReviewOpinionIssued(body="fc", result="upheld"),
    )
    (read,) = reading(own_code(given(*asked)), Opened("reply", 6))
    assert not read.opens_window  # type: ignore[attr-defined]


def test_re_review_period_begins_with_receipt_of_opinion() -> None:
    upheld = (
        *ACCEPTED, CONFIRMED, DECISION, ELECTRONIC, i.ReviewRequested(), r.ReviewBodyNamed(body="fc"),
        d.ReviewOpinionIssued(body="fc", result="upheld"),
    )  # fmt: skip
    electronic = given(*upheld).when("deliver_opinion", BODY, mode="electronic").events[0].body
    assert last(given(*upheld, electronic).case, "C8").open_ended
    (read,) = reading(own_code(given(*upheld, electronic)), Opened("opinion", 11))
    assert last(given(*upheld, electronic, read).case, "C8").start.name == "DocumentRead"
    paper = given(*upheld, electronic).when("serve_on_paper", REGISTRAR, document="opinion").events[0].body
    assert last(given(*upheld, electronic, paper).case, "C8").start.name == "PaperServed"
    given(*upheld, electronic).when("serve_on_paper", CLERK, document="opinion").refused("not_your_review")


# ---- nobody has read it


def test_unread_reply_is_reminded_of_then_served_on_paper() -> None:
    """Own choices in the policy: reminded after three working days, on paper after five. Served on Monday 2 March."""
    case = given(*SERVED).case
    assert rungs_due(case, BOOK, at("2026-03-05 10:00")) == []
    (due,) = [one for one in rungs_due(case, BOOK, at("2026-03-06 10:00")) if one.kind == "unread"]
    assert (due.rung, due.fact) == ("reply", 8)
    look = next_look(case, BOOK)
    assert look is not None
    assert look <= at("2026-03-06 09:00")
    reminded = given(*SERVED, s.UnreadReminded(document="reply", of=8)).case
    assert [one for one in rungs_due(reminded, BOOK, at("2026-03-06 10:00")) if one.kind == "unread"] == []
    story = given(*SERVED)
    story.now = at("2026-03-06 10:00")
    story.when("tick", Principal("service", None, "supervision")).then(s.UnreadReminded(document="reply", of=8))
    evening = end_of_day(date(2026, 3, 9), BOOK.zone)
    assert paper_due(case, BOOK) == evening
    row = worklist_row(case, BOOK)
    assert row is not None
    assert (row["on_paper"], row["paper_at"]) == (True, to_text(evening))


def test_unread_reply_is_no_answer_on_which_case_is_closed() -> None:
    story = given(*SERVED)
    story.when("close", SUPERVISOR, kind="explained").refused("not_received")
    paper = story.when("serve_on_paper", REGISTRAR, document="reply").events[0].body
    assert given(*SERVED, paper).when("close", SUPERVISOR, kind="explained").refusal is None
    assert paper_due(given(*SERVED, paper).case, BOOK) is None


def test_decision_goes_on_paper_at_once_where_no_address_was_confirmed() -> None:
    decided = given(*DECIDED).case
    assert paper_due(decided, BOOK) == decided.moved_at
    assert paper_due(given(*ACCEPTED, CONFIRMED, DECISION).case, BOOK) is None
    assert paper_due(given(*DECIDED, d.ReplyDelivered(org="zj", **SIGNATURE)).case, BOOK) is None
    upheld = (
        *DECIDED, d.ReplyDelivered(org="zj", **SIGNATURE), i.ReviewRequested(), r.ReviewBodyNamed(body="fc"),
        d.ReviewOpinionIssued(body="fc", result="upheld"),
    )  # fmt: skip
    assert paper_due(given(*upheld).case, BOOK) is not None
    assert paper_due(given(*upheld, d.OpinionDelivered(body="fc", **SIGNATURE)).case, BOOK) is None


# ---- the address


def test_electronic_address_is_petitioners_own_decision() -> None:
    fields = {"electronic": True, "kind": "sms", "address": "13900000000"}
    given(*SENT).when("confirm_delivery_address", CITIZEN, **fields).then(
        i.DeliveryAddressConfirmed(**fields, word="own_hand")
    )
    given(*SENT).when("confirm_delivery_address", REGISTRAR, **fields, **PROOF).then(
        i.DeliveryAddressConfirmed(**fields, **KEYED)
    )
    given(*SENT).when("confirm_delivery_address", REGISTRAR, **fields).refused("evidence_needed")
    given(*SENT).when("confirm_delivery_address", REGISTRAR._replace(org="zj"), **fields).refused("concerned_unit")
    given(*SENT).when("confirm_delivery_address", CITIZEN, electronic=True).refused("address_needed")
    given(*SENT).when("confirm_delivery_address", CITIZEN, electronic=False).then_nothing()
    given(*SENT, CONFIRMED).when("confirm_delivery_address", CITIZEN, electronic=False).then(
        i.DeliveryAddressConfirmed(electronic=False, word="own_hand")
    )


def test_nothing_is_served_on_paper_that_was_not_issued() -> None:
    for document in ("reply", "opinion", "notice"):
        given(*ACCEPTED).when("serve_on_paper", REGISTRAR, document=document).refused("nothing_to_serve")
    given(*SERVED).when("serve_on_paper", REGISTRAR, at=date(2026, 3, 1), document="reply").refused("before_document")
    given(*SERVED).when("serve_on_paper", CLERK._replace(org="jy"), document="reply").refused("not_your_case")
