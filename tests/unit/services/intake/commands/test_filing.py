"""Commands of the petitioner, and corrections of wrong registrations."""

from __future__ import annotations

from datetime import date, timedelta
from typing import cast

import pytest
from pydantic import ValidationError

from services.intake.commands.filing import FileCase, register
from shared.case import EMPTY, fold
from shared.commands.authorization import Principal, Role
from shared.commands.command import DecisionContext, NewEvent
from shared.events import department as d
from shared.events import intake as i
from shared.events import supervision as s
from shared.events.base import Event
from shared.eventstore.recorded_event import Actor
from shared.kernel.identifiers import case_id
from shared.kernel.refusals import Refused
from tests.support.deciding import (
    BOOK,
    CITIZEN,
    OWN_HAND,
    PROOF,
    REGISTERED,
    REGISTRAR,
    SENT,
    SERVICE,
    START,
    SUPERIOR,
    SUPERVISOR,
    given,
)
from tests.support.policies import recorded

CASE = case_id(b"k" * 32, "cn-demo", "web", "1")
REPLIED = (
    *SENT,
    d.Accepted(org="zj", path=6),
    d.DecisionIssued(org="zj", result="explained"),
    d.ReplyDelivered(org="zj"),
)


def filing(principal: Principal = REGISTRAR, **fields: object) -> list[NewEvent]:
    command = FileCase.model_validate({"channel": "web", "item": "1", "text": "路灯不亮", **fields})
    return register(EMPTY, command, DecisionContext(principal, START, START, BOOK), CASE)


def first(fresh: list[NewEvent]) -> i.CaseRegistered:
    body = fresh[0].body
    assert isinstance(body, i.CaseRegistered)
    return body


def test_filing_is_registered_with_number_and_parties() -> None:
    fresh = filing(place="dh", subject="01", petitioner={"name": "某"}, co_petitioners=[{"name": "甲"}, {"name": "乙"}])
    assert first(fresh).number.startswith("2026-")
    parties = [(item.body.party, item.body.role) for item in fresh if isinstance(item.body, i.PartyRecorded)]
    assert parties == [("p1", "petitioner"), ("p2", "co_petitioner"), ("p3", "co_petitioner")]


def test_letter_counts_from_postmark() -> None:
    fresh = filing(received_at="2026-02-20")
    assert {item.at for item in fresh} == {date(2026, 2, 20)}


def test_unknown_place_is_registered_with_sealed_text() -> None:
    body = first(filing(place="某条街", subject="01"))
    assert (body.place, body.place_text, body.unclear) == (None, "某条街", ("place",))
    assert body.subject == "01"


@pytest.mark.parametrize(("received", "asked"), [("2026-01-01", False), ("2025-12-31", True), ("1900-01-01", True)])
def test_filing_of_long_ago_is_registered_and_flagged(received: str, asked: bool) -> None:
    assert first(filing(place="dh", received_at=received)).unclear == (("received_at",) if asked else ())


OLD = i.CaseRegistered(
    number="2026-0000-0000-0000-0",
    channel="web",
    channel_class="web",
    place="dh",
    class_="claim",
    unclear=("received_at",),
)


def test_second_person_confirms_the_date_of_receipt() -> None:
    story = given(OLD)
    other = Principal("registrar", "xfj", "k-another")
    story.when("confirm_receipt_date", by=other, reason="收文章").then(i.ReceiptDateConfirmed(reason="收文章"))
    story.when(
        "confirm_receipt_date", by=Principal("registrar", "xfj", story.case.filing.filer.rpartition(":")[2])
    ).refused("second_person_needed")
    given(OLD, i.ReceiptDateConfirmed()).when("confirm_receipt_date", by=other).then_nothing()
    given(REGISTERED).when("confirm_receipt_date", by=other).then_nothing()


def test_second_key_of_one_person_is_no_second_person() -> None:
    """Whoever registered the filing, or recorded the withdrawal of a sealed one, decides on it with none of their keys."""
    person = Actor("xfj", "registrar", "k-1", "p-1")
    sealed = REGISTERED.model_copy(update={"class_": "accusation"})
    asked = i.WithdrawalRequested(party="p1", effective_on=date(2026, 3, 9), word="keyed")
    for events, command, code in (
        ((OLD,), "confirm_receipt_date", "second_person_needed"),
        ((sealed, asked), "confirm_sealed_withdrawal", "own_request"),
        ((sealed, asked), "decline_sealed_withdrawal", "own_request"),
    ):
        story = given(*events)
        story.case = fold(recorded(event, version, START, actor=person) for version, event in enumerate(events, 1))
        for role, key in (("registrar", "k-1"), ("registrar", "k-2"), ("supervisor", "k-3")):
            same = Principal(cast(Role, role), "xfj", key, person="p-1")
            story.when(command, by=same, reason="已核实").refused(code)
            another = same._replace(ref="k-4", person="p-2")
            assert story.when(command, by=another, reason="已核实").events


def test_corrected_date_needs_no_confirmation() -> None:
    corrected = i.CaseCorrected(field="effective_at", of=1, old="2019-01-01", new="2026-01-01", reason_code="typing")
    assert given(OLD, corrected).case.filing.unclear == ()
    assert given(OLD).case.filing.unclear == ("received_at",)


def test_unknown_qr_code_is_queued_whatever_it_contains() -> None:
    for scanned in ("dh", "nowhere", "https://example.org/x"):
        body = first(filing(channel="web", qr=scanned))
        assert (body.place, body.qr, body.qr_text, body.unclear) == (None, None, scanned, ("qr",))
        assert first(filing(channel="web", qr=scanned, place="dh")).unclear == ("qr",)


def test_unknown_channel_is_refused() -> None:
    with pytest.raises(Refused, match="unknown_channel"):
        filing(channel="pigeon")


def test_platform_files_on_its_own_channels_only() -> None:
    platform = next(channel for channel in BOOK.channels.values() if channel.platform)
    own = Principal("platform", platform.platform, "k")
    assert first(filing(own, channel=platform.code)).platform == platform.platform
    with pytest.raises(Refused, match="foreign_channel"):
        filing(own, channel="web")


def test_repeated_item_adds_nothing() -> None:
    case = fold([recorded(REGISTERED, 1, START)])
    command = FileCase(channel="web", item="1", text="x")
    assert register(case, command, DecisionContext(REGISTRAR, START, START, BOOK), CASE) == []


@pytest.mark.parametrize(
    "fields",
    [{"unknown": 1}, {"text": ""}, {"text": "x" * 50_001}, {"item": "a\nb"}, {"received_at": "2026-01-01T10:00:00"}],
)
def test_bad_fields_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        filing(**fields)


def test_an_evaluation_follows_a_reply() -> None:
    opinion = {"object": "organisation", "grade": "satisfied"}
    given(*SENT).when("evaluate", CITIZEN, **opinion).refused("not_invited")
    said = i.EvaluationSubmitted(object="organisation", grade="satisfied", **OWN_HAND)
    given(*REPLIED).when("evaluate", CITIZEN, **opinion).then(said)
    given(*REPLIED, said).when("evaluate", CITIZEN, **opinion).then_nothing()
    given(*REPLIED, said).when("evaluate", REGISTRAR, **opinion, **PROOF).then_nothing()


def test_evaluation_is_invited_for_organisation_and_petition_office() -> None:
    given(*REPLIED).when("invite_evaluation", SERVICE).then(
        i.EvaluationInvited(object="petition_office"), i.EvaluationInvited(object="organisation")
    )


def test_closed_case_can_still_be_evaluated() -> None:
    """Found by killing the process 150 times: the invitation came after the closing, and was lost."""
    closed = given(*REPLIED, s.CaseClosed(kind="explained"))
    closed.when("invite_evaluation", SERVICE).then(
        i.EvaluationInvited(object="petition_office"), i.EvaluationInvited(object="organisation")
    )


def test_consultation_is_answered_at_once() -> None:
    question = REGISTERED.model_copy(update={"class_": "consultation"})
    given(question).when("answer_at_once", REGISTRAR, text="答复").then(i.AnsweredAtOnce(text="答复"))
    given(REGISTERED).when("answer_at_once", REGISTRAR, text="答复").refused("not_a_consultation")


def test_wrong_place_is_corrected_and_original_kept() -> None:
    right = i.CaseCorrected(field="place", old="dh", new="xs")
    given(REGISTERED).when("correct", REGISTRAR, field="place", new="xs").then(right)
    given(REGISTERED).when("correct", REGISTRAR, field="place", new="dh").then_nothing()
    given(REGISTERED).when("correct", REGISTRAR, field="place", new="nowhere").refused("unknown_place")
    assert given(REGISTERED, right).case.filing.place == "xs"
    assert given(REGISTERED, right).case.corrections[0].old == "dh"


def test_corrected_date_moves_clocks() -> None:
    right = i.CaseCorrected(field="effective_at", of=1, new="2026-02-20")
    story = given(REGISTERED, right)
    assert story.case.filing.filed_at == date(2026, 2, 20)
    assert story.case.facts[0].effective_at == date(2026, 2, 20)
    given(REGISTERED).when("correct", REGISTRAR, field="effective_at", of=9, new="2026-02-20").refused(
        "unknown_version"
    )
    given(REGISTERED).when("correct", REGISTRAR, field="effective_at", of=1, new="soon").refused("not_a_time")
    given(REGISTERED).when("correct", REGISTRAR, field="effective_at", of=1, new="2027-01-01").refused(
        "effective_in_future"
    )


def test_mistaken_registration_is_voided_permanently() -> None:
    given(REGISTERED).when("void", REGISTRAR, reason_code="test").then(i.CaseVoided(reason_code="test"))
    voided = given(REGISTERED, i.CaseVoided(reason_code="test"))
    voided.when("void", REGISTRAR, reason_code="test").then_nothing()
    for name, fields in (("correct", {"field": "place", "new": "xs"}), ("serve_notice", {"kind": "acceptance"})):
        voided.when(name, REGISTRAR, **fields).refused("voided")
    given(*REPLIED).when("void", REGISTRAR, reason_code="test").refused("already_answered")


def test_voiding_case_with_missed_deadline_requires_supervisor() -> None:
    """Fifteen days to dispose of it have passed (Art. 22): a registrar alone does not make that unhappen."""
    late = given(REGISTERED).later(days=30)
    late.when("void", REGISTRAR, reason_code="test").refused("level_above_needed")
    late.when("void", SUPERVISOR, reason_code="test").refused("level_above_needed")
    late.when("void", SUPERIOR, reason_code="test").then(i.CaseVoided(reason_code="test"))
    handled = given(*SENT).later(days=30)
    handled.when("void", SUPERVISOR._replace(org="zj"), reason_code="test").refused("concerned_unit")
    handled.when("void", REGISTRAR, reason_code="test").refused("supervisor_needed")
    handled.when("void", SUPERVISOR, reason_code="test").then(i.CaseVoided(reason_code="test"))


def test_only_open_history_goes_live() -> None:
    given(REGISTERED).when("go_live", SUPERVISOR).then_nothing()
    events: list[Event] = [REGISTERED]
    case = fold(recorded(event, 1, START, origin="history") for event in events)
    assert not case.live
    live = fold([recorded(i.WentLive(), 2, START + timedelta(days=1))], case)
    assert live.live


def test_correction_to_unknown_class_is_refused() -> None:
    given(REGISTERED).when("correct", REGISTRAR, field="class", new="张三").refused("unknown_class")


def test_correction_removing_breach_requires_supervisor() -> None:
    sent = SENT[1]
    story = given(REGISTERED)
    story.case = fold([recorded(REGISTERED, 1, START), recorded(sent, 2, START + timedelta(days=23))])
    story.later(days=40)
    old = "2026-03-25T01:00:00.000000Z"
    harmless = {"field": "effective_at", "of": 2, "new": "2026-03-24"}
    story.when("correct", REGISTRAR, **harmless).refused("concerned_unit")
    superior = SUPERIOR._replace(role="registrar")
    story.when("correct", superior, **harmless).then(i.CaseCorrected(old=old, **harmless))
    within = {"field": "effective_at", "of": 2, "new": "2026-03-10"}
    story.when("correct", SUPERVISOR, **within).refused("level_above_needed")
    story.when("correct", superior, **within).refused("supervisor_needed")
    story.when("correct", SUPERIOR, **within).then(i.CaseCorrected(old=old, **within))


def test_corrected_date_must_lie_between_adjacent_steps() -> None:
    steps = (*SENT, d.SignedFor(org="zj"))
    given(*steps).later(days=9).when(
        "correct", SUPERVISOR, field="effective_at", of=2, new="2026-03-02T08:00:00Z"
    ).refused("effective_out_of_order")
    given(*steps).later(days=9).when("correct", SUPERVISOR, field="effective_at", of=2, new="2026-02-05").refused(
        "effective_out_of_order"
    )


def test_free_text_organisation_is_sealed() -> None:
    fresh = filing(respondent={"name": "某", "org": "张三 13800000000"})
    about = next(item.body for item in fresh if isinstance(item.body, i.PartyRecorded))
    assert (about.respondent_org, about.name) == (None, "某 张三 13800000000")
    known = filing(respondent={"org": "zj"})
    assert next(item.body for item in known if isinstance(item.body, i.PartyRecorded)).respondent_org == "zj"
    with pytest.raises(Refused, match="unknown_organisation"):
        filing(received_by="张三 13800000000")
