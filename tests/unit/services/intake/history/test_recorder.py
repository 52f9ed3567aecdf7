"""The events that an export adds to a case, and the contradictions it is refused for. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from services.intake.history.case_of_row import check_case, digest, go_live, organisation_code, register
from services.intake.history.items import HistoryItem
from services.intake.history.step_types import STEPS
from services.intake.history.steps import impossible, in_order, new_events, pending, runs, steps_cause
from shared.case import EMPTY, Case, fold
from shared.commands.authorization import Principal
from shared.commands.command import DecisionContext, NewEvent
from shared.events import REGISTRY
from shared.eventstore.recorded_event import Actor, RecordedEvent
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
GIVEN = DecisionContext(Principal("service", None, "k"), NOW, NOW, PolicyBook("X"))
ID = "0" * 32


def item(*steps: tuple[str, str] | tuple[str, str, dict[str, Any]], **more: Any) -> HistoryItem:
    told = [{"type": one[0], "effective_at": one[1], "body": one[2] if len(one) > 2 else {}} for one in steps]
    filing = {"received_at": "2026-01-01", "text": "路灯不亮", "name": "甲"}
    whole = {
        "line": 1,
        "channel": "x",
        "channel_class": "web",
        "item": "1",
        "org": "A",
        "filing": filing,
        "steps": told,
    }
    return HistoryItem.model_validate({**whole, **more})


def after(case: Case, fresh: list[NewEvent], origin: Any = "history", cause: str = "c") -> Case:
    events = [
        RecordedEvent(
            "e", f"case/{ID}", case.version + number, type(one.body).__name__, 1, "X", one.at or NOW, NOW, origin,
            Actor(None, "service", "k"), cause, None, None, None, one.body, (),
        )
        for number, one in enumerate(fresh, 1)
    ]  # fmt: skip
    return fold(events, case)


def imported(one: HistoryItem, case: Case = EMPTY) -> Case:
    case = after(case, register(one, case, GIVEN, ID))
    while missing := runs(one, case, ZONE):
        case = after(case, new_events(missing[0].steps, one.org), cause=steps_cause(missing[0]))
    return case


def refused(one: HistoryItem, case: Case) -> tuple[str, str | None]:
    with pytest.raises(Refused) as caught:
        runs(one, case, ZONE)
    return caught.value.code, caught.value.field


REPLY = ("ReplyDelivered", "2026-01-05")
CLOSED = ("CaseClosed", "2026-01-05", {"kind": "resolved_unconfirmed"})


def test_history_is_registered_once() -> None:
    case = imported(item())
    assert (case.state, case.origin, case.assignment.org, case.live) == ("registered", "history", "A", False)
    assert case.filing.parties == (("p1", "petitioner"),)
    assert register(item(), case, GIVEN, ID) == []


def test_unknown_channel_requires_channel_class() -> None:
    with pytest.raises(Refused) as caught:
        register(item(channel_class=None), EMPTY, GIVEN, ID)
    assert caught.value.code == "unknown_channel"


def test_steps_are_recorded_by_owner_in_time_order() -> None:
    one = item(
        CLOSED, REPLY, ("SignedFor", "2026-01-02"), ("EvaluationInvited", "2026-01-04", {"object": "organisation"})
    )
    found = runs(one, imported(item()), ZONE)
    assert [(owner, [step.type for step in steps]) for owner, steps, _late in found] == [
        ("routing", ["SignedFor"]),
        ("intake", ["EvaluationInvited"]),
        ("routing", ["ReplyDelivered"]),
        ("supervision", ["CaseClosed"]),
    ]
    assert imported(one).state == "closed"


def test_date_only_steps_are_ordered_by_usual_sequence() -> None:
    steps = (("CaseClosed", "2026-01-05T02:00:00Z", {"kind": "explained"}), REPLY, ("Accepted", "2026-01-05"))
    assert [step.type for step in in_order(item(*steps).steps, ZONE)] == [
        "Accepted",
        "ReplyDelivered",
        "CaseClosed",
    ]


def test_additional_cells_add_only_their_steps() -> None:
    case = imported(item(("SignedFor", "2026-01-02")))
    whole = item(("SignedFor", "2026-01-02"), REPLY)
    assert [step.type for run in runs(whole, case, ZONE) for step in run.steps] == ["ReplyDelivered"]
    case = imported(whole, case)
    assert runs(whole, case, ZONE) == []
    assert runs(item(("SignedFor", "2026-01-02")), case, ZONE) == []  # less information removes nothing


def test_contradictory_step_is_refused_and_named_where_the_mapping_says_so() -> None:
    case = imported(item(REPLY, CLOSED))
    assert refused(item(("ReplyDelivered", "2026-01-06"), CLOSED, on_change="refuse"), case) == (
        "history_differs",
        "steps.ReplyDelivered.effective_at",
    )
    other = ("CaseClosed", "2026-01-05", {"kind": "explained"})
    assert refused(item(REPLY, other, on_change="refuse"), case) == ("history_differs", "steps.CaseClosed.kind")


def test_changed_date_is_a_correction_and_a_changed_kind_is_left_out() -> None:
    case = imported(item(REPLY, CLOSED))
    other = ("CaseClosed", "2026-01-05", {"kind": "explained"})
    found = pending(item(("ReplyDelivered", "2026-01-04"), other), case, ZONE)
    assert [(one.fact.name, one.step.effective_at) for one in found.redated] == [("ReplyDelivered", date(2026, 1, 4))]
    assert [(one.field, one.code) for one in found.left_out] == [("steps.CaseClosed.kind", "history_differs")]
    assert found.steps == []
    kept = pending(item(("ReplyDelivered", "2026-01-04"), CLOSED, on_change="keep"), case, ZONE)
    assert [one.field for one in kept.left_out] == ["steps.ReplyDelivered.effective_at"]


def test_parallel_steps_do_not_contradict() -> None:
    office = ("EvaluationSubmitted", "2026-01-05", {"object": "petition_office", "grade": "satisfied"})
    org = ("EvaluationSubmitted", "2026-01-07", {"object": "organisation", "grade": "dissatisfied"})
    case = imported(item(office, org), imported(item(office)))
    assert len(case.evaluation.grades) == 2
    assert imported(item(("Nudged", "2026-01-02"), ("Nudged", "2026-01-03"))).supervision.nudges == 2


def test_step_that_is_reported_after_a_later_one_moves_nothing() -> None:
    case = imported(item(REPLY, CLOSED))
    later = imported(
        item(("Accepted", "2026-01-03"), ("DecisionIssued", "2026-01-05", {"result": "supported"}), REPLY, CLOSED), case
    )
    assert (later.state, later.moved_at) == ("closed", case.moved_at)
    assert {fact.name for fact in later.facts} == {
        "ReplyDelivered",
        "CaseClosed",
        "Accepted",
        "DecisionIssued",
        "CaseRegistered",
    }
    assert later.handling.result == "supported"
    whole = imported(
        item(("Accepted", "2026-01-03"), ("DecisionIssued", "2026-01-05", {"result": "supported"}), REPLY, CLOSED)
    )
    assert (later.handling, later.closure, later.assignment) == (whole.handling, whole.closure, whole.assignment)
    notice = ("NoticeServed", "2026-01-03", {"kind": "acceptance"})
    assert imported(item(REPLY, CLOSED, notice), case).state == "closed"  # does not change the state


def test_impossible_steps_are_left_out_with_the_reason() -> None:
    now = datetime(2026, 2, 1, tzinfo=UTC)
    one = item(("SignedFor", "2025-12-31"), REPLY, ("CaseClosed", "2099-01-01", {"kind": "explained"}))
    possible, left = impossible(one.steps, one.filing.received_at, now, ZONE)
    assert [step.type for step in possible] == ["ReplyDelivered"]
    assert [(each.field, each.code) for each in left] == [
        ("steps.SignedFor.effective_at", "before_filing"),
        ("steps.CaseClosed.effective_at", "step_in_future"),
    ]


def test_live_case_accepts_no_more_history() -> None:
    case = imported(item(("SignedFor", "2026-01-02")))
    fresh = go_live(case)
    assert len(fresh) == 1
    case = after(case, fresh)
    assert go_live(case) == []
    assert runs(item(("SignedFor", "2026-01-02")), case, ZONE) == []
    assert refused(item(("SignedFor", "2026-01-02"), REPLY), case)[0] == "already_live"
    assert go_live(imported(item(CLOSED))) == []


def test_case_filed_here_accepts_no_history() -> None:
    case = after(EMPTY, register(item(), EMPTY, GIVEN, ID), origin="live")
    with pytest.raises(Refused, match="filed_live"):
        check_case(item(), case)


@pytest.mark.parametrize(
    "name", ["DeadlineBreached", "Reminded", "OutboxEntry", "PolicyActivated", "KeyIssued", "WentLive", "Nonsense"]
)
def test_system_events_are_refused_in_history(name: str) -> None:
    assert refused(item((name, "2026-01-02")), EMPTY)[0] == "step_not_importable"


def test_event_bodies_are_validated_and_never_quoted() -> None:
    for body, code in (
        ({"kind": "geheim-xyz"}, "invalid_step"),
        ({}, "invalid_step"),
        ({"kindd": "x"}, "unknown_field"),
    ):
        with pytest.raises(Refused) as caught:
            runs(item(("CaseClosed", "2026-01-05", body)), EMPTY, ZONE)
        assert caught.value.code == code
        assert "geheim" not in str(caught.value)


def test_every_importable_type_is_fact_of_case_service() -> None:
    for name in STEPS:
        assert REGISTRY[name].owner in ("intake", "routing", "supervision")
    assert len(set(STEPS)) == len(STEPS)


def test_digest_distinguishes_different_content() -> None:
    key = b"k" * 32
    assert digest(key, ID, item()) == digest(key, ID, item(REPLY, line=9, org="B"))
    changed = item(filing={"received_at": "2026-01-01", "text": "路灯不亮了", "name": "甲"})
    assert digest(key, ID, item()) != digest(key, ID, changed)


def test_organisation_codes_are_derived_from_names() -> None:
    assert organisation_code("Solid Waste") == "SOLID-WASTE"
    assert organisation_code("城管局") == organisation_code("城管局 ".strip())
    assert organisation_code("城管局") != organisation_code("水务局")
    assert organisation_code("???").startswith("ORG-")


MOMENTS = st.dates(date(2026, 1, 1), date(2026, 1, 6)).map(date.isoformat) | st.integers(0, 140).map(
    lambda hours: (datetime(2026, 1, 1, 1, tzinfo=UTC) + timedelta(hours=hours)).isoformat()
)
PLAIN = [
    ("SignedFor", {}),
    ("Accepted", {}),
    ("ReplyDelivered", {}),
    ("CaseClosed", {"kind": "explained"}),
    ("Nudged", {}),
    ("NoticeServed", {"kind": "acceptance"}),
]
ITEMS = st.dictionaries(st.integers(0, 5), MOMENTS, max_size=6).map(
    lambda chosen: item(*((PLAIN[at][0], when, PLAIN[at][1]) for at, when in chosen.items()))
)


@forall(ITEMS)
def test_recording_is_idempotent_and_resumable(one: HistoryItem) -> None:
    case = imported(one)
    assert runs(one, case, ZONE) == []
    cut = after(EMPTY, register(one, EMPTY, GIVEN, ID))
    missing = runs(one, cut, ZONE)
    for run in missing[:1]:
        cut = after(cut, new_events(run.steps, one.org), cause=steps_cause(run))
    again = imported(one, cut)
    assert [fact[:2] + fact[3:4] for fact in again.facts] == [fact[:2] + fact[3:4] for fact in case.facts]
    assert again.state == case.state
