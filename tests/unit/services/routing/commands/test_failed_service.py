"""Service by proof (送达): what each way needs, what is never published, and a service that did not arrive."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from shared.case import Case
from shared.commands.attached_files import AttachableFile, FileDetails
from shared.commands.command import RULES, DecisionContext
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.deadlines.unread import paper_due
from shared.events import department as d
from shared.events import intake as i
from shared.events.files import FileAttached
from shared.kernel.refusals import Refused
from tests.support.deciding import BOOK, CLERK, REGISTRAR, SENT, SERVICE, Story, given

SIGNED = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6))
DECIDED = (*SIGNED, d.DecisionIssued(org="zj", result="explained", states_review_right=True))
CONFIRMED = i.DeliveryAddressConfirmed(electronic=True)
FAILED = d.ServiceFailed(org="zj", document="reply", mode="post", reason_code="unclaimed")
WITNESSES = ["张某", "王某"]


def clock(case: Case, name: str) -> Deadline:
    return next(one for one in reversed(deadlines(case, BOOK)) if one.clock == name)


def photo(media_type: str = "image/jpeg") -> AttachableFile:
    return AttachableFile(
        "up-1", "sha256:" + "0" * 64, "AES-256-GCM:x", 9, FileDetails(media_type, "proof", "门牌.jpg")
    )


@pytest.mark.parametrize("command", ["deliver_reply", "serve_notice", "serve_on_paper"])
def test_leaving_a_document_needs_two_witnesses_or_a_photograph(command: str) -> None:
    more: dict[str, Any] = {"serve_notice": {"kind": "acceptance"}, "serve_on_paper": {"document": "reply"}}.get(
        command, {}
    )
    story = given(*DECIDED, *([d.ReplyDelivered(org="zj", mode="electronic")] if command == "serve_on_paper" else []))
    for few in ([], ["张某"], ["张某", "张某"], ["张某", " 张　某 "], ["John Li", "john\u200b li"]):
        story.when(command, CLERK, mode="left", witnesses=few, **more).refused("witnesses_needed")
    done = story.when(command, CLERK, mode="left", witnesses=WITNESSES, **more).events
    assert (done[0].body.proof, done[0].body.witnesses) == ("witnessed", tuple(WITNESSES))  # type: ignore[attr-defined]


def test_a_photograph_replaces_the_witnesses_and_is_attached() -> None:
    story, rule = given(*DECIDED), RULES["deliver_reply"]
    context = DecisionContext(CLERK, story.now, story.now, BOOK)
    values = {"mode": "left", "text": None, "reference": None, "witnesses": (), "states_review_right": None}
    served, attached = rule(story.case, rule.model.model_construct(**values, files=(photo(),)), context)
    assert served.body.proof == "witnessed" and isinstance(attached.body, FileAttached)  # type: ignore[attr-defined]
    with pytest.raises(Refused) as refused:
        rule(story.case, rule.model.model_construct(**values, files=(photo("application/pdf"),)), context)
    assert refused.value.code == "witnesses_needed"


def test_post_is_proved_by_slip_and_its_date() -> None:
    story = given(*DECIDED).later(days=9)
    slip = date(2026, 3, 9)
    story.when("deliver_reply", CLERK, at=slip, mode="post").refused("proof_needed")
    (served,) = story.when("deliver_reply", CLERK, at=slip, mode="post", reference="EMS 1").events
    assert served.body.proof == "return_slip"  # type: ignore[attr-defined]


@pytest.mark.parametrize("blank", [" ", "\u3000", "\u200b\u2060", "\t\n"])
@pytest.mark.parametrize("command", ["deliver_reply", "serve_notice", "serve_on_paper", "record_failed_service"])
def test_a_blank_text_proves_nothing(command: str, blank: str) -> None:
    for field, value in (("reference", blank), ("witnesses", ["张某", blank])):
        if field in RULES[command].model.model_fields:
            with pytest.raises(ValidationError) as refused:
                RULES[command].model.model_validate({"document": "reply", "kind": "transfer", field: value})
            assert field in {error["loc"][0] for error in refused.value.errors()}


def test_publication_is_the_last_resort() -> None:
    given(*DECIDED).when("deliver_reply", CLERK, mode="public", reference="政府网站").refused("other_service_first")
    story = given(*DECIDED, FAILED)
    story.when("deliver_reply", CLERK, mode="public").refused("proof_needed")
    (served,) = story.when("deliver_reply", CLERK, mode="public", reference="政府网站").events
    assert served.body.proof == "publication"  # type: ignore[attr-defined]
    story.when("serve_notice", CLERK, kind="acceptance", mode="public", reference="x").refused("other_service_first")


@pytest.mark.parametrize("more", [{"confidential": True}, {"class_": "accusation"}])
def test_nothing_confidential_and_no_accusation_is_published(more: dict[str, Any]) -> None:
    registered = SENT[0].model_copy(update=more)
    answer = d.AccusationHandled(org="zj") if "class_" in more else DECIDED[-1]
    story = given(registered, *DECIDED[1:-1], answer, FAILED)
    story.when("deliver_reply", CLERK, mode="public", reference="政府网站").refused("never_published")


def test_a_failed_service_puts_the_document_into_the_queue_and_a_later_one_takes_it_out() -> None:
    story = given(*DECIDED, CONFIRMED)
    assert paper_due(story.case, BOOK) is None
    (failed,) = story.when("record_failed_service", CLERK, document="reply", mode="post", reason_code="refused").events
    after = given(*DECIDED, CONFIRMED, failed.body)
    assert paper_due(after.case, BOOK) is not None and after.case.state == "decided"
    assert clock(after.case, "C5").running, "the duty runs on"
    served = given(*DECIDED, CONFIRMED, failed.body, d.ReplyDelivered(org="zj", mode="in_person"))
    assert paper_due(served.case, BOOK) is None and served.case.service.failed == ()


def test_an_electronic_notice_that_bounces_never_happened() -> None:
    """The clock runs on as if it had not been served, and the registrar serves it on paper."""
    told = (*SIGNED, CONFIRMED, d.NoticeServed(org="zj", kind="acceptance", mode="electronic", proof="arrival"))
    assert not clock(given(*told).case, "C3").running
    for who in (CLERK, REGISTRAR, SERVICE):
        (failed,) = (
            given(*told)
            .when("record_failed_service", who, document="notice", mode="electronic", reason_code="bounced")
            .events
        )
        after = given(*told, failed.body)
        assert failed.body.of == 7  # type: ignore[attr-defined]
        assert clock(after.case, "C3").running and after.case.handling.notice is None
        assert paper_due(after.case, BOOK) is not None
    again = after.when("serve_notice", CLERK, kind="acceptance", mode="in_person").events
    assert clock(given(*told, failed.body, again[0].body).case, "C3").end is not None
    after.when("record_failed_service", CLERK, document="notice", mode="electronic", reason_code="bounced").refused(
        "nothing_bounced"
    )


def test_a_reply_that_bounces_is_owed_again_and_starts_no_period() -> None:
    replied = (*DECIDED, CONFIRMED, d.ReplyDelivered(org="zj", mode="electronic", states_review_right=True))
    assert given(*replied).case.state == "replied"
    (failed,) = (
        given(*replied)
        .when("record_failed_service", CLERK, document="reply", mode="electronic", reason_code="bounced")
        .events
    )
    after = given(*replied, failed.body)
    assert after.case.state == "decided" and clock(after.case, "C5").running
    assert all(one.clock != "C6" for one in deadlines(after.case, BOOK))
    served = after.when("deliver_reply", CLERK, mode="in_person").events[0].body
    final: Story = given(*replied, failed.body, served)
    assert (final.case.state, clock(final.case, "C6").open_ended) == ("replied", False)


def test_a_document_that_was_read_did_not_bounce() -> None:
    read = i.DocumentRead(document="reply", of=6, code_issued_by="own")
    replied = (*DECIDED, CONFIRMED, d.ReplyDelivered(org="zj", mode="electronic"), read)
    given(*replied).when(
        "record_failed_service", CLERK, document="reply", mode="electronic", reason_code="bounced"
    ).refused("nothing_bounced")


def test_only_who_serves_records_the_failure() -> None:
    other = CLERK._replace(org="jt", ref="k-other")
    given(*DECIDED).when("record_failed_service", other, document="reply", mode="post", reason_code="refused").refused(
        "not_your_case"
    )
