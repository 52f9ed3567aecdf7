"""One matter, one responsible organisation: allowed links, refusals of a follower, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from shared.case import Case, head_of, line_of, older
from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal, visible
from shared.commands.command import RULES
from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import rungs_due
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from shared.kernel.refusals import Refused
from shared.queries.case_content import purposes
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
    Story,
    given,
)

ACCUSATION = REGISTERED.model_copy(update={"class_": "accusation"})
ACCEPTED = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6))
CLOSED = (
    *ACCEPTED,
    d.DecisionIssued(org="zj", result="explained"),
    d.ReplyDelivered(org="zj"),
    s.CaseClosed(kind="explained"),
)
LINKED = (REGISTERED, i.CaseLinked(lead="k0", kind="same_matter"))
REASON = {"reason": "同一楼道"}


def case(name: str, *events: Event, days: float = -1) -> Case:
    """Another case, filed `days` after the case under test."""
    return Story(events or SENT, START + timedelta(days=days), name).case


OLDER = case("k0")


def test_filing_is_linked_to_older_filing_of_same_matter() -> None:
    for kind in ("same_matter", "duplicate"):
        given(REGISTERED).beside(OLDER).when("link", REGISTRAR, lead="k0", kind=kind, **REASON).then(
            i.CaseLinked(lead="k0", kind=kind, reason="同一楼道")
        )
    given(*LINKED).beside(OLDER).when("link", REGISTRAR, lead="k0", **REASON).then_nothing()


def test_linking_releases_organisation_in_same_commit() -> None:
    given(*ACCEPTED).beside(OLDER).when("link", SUPERVISOR, lead="k0", **REASON).then(
        r.AssignmentWithdrawn(org="zj", reason_code="follows_lead"),
        i.CaseLinked(lead="k0", kind="same_matter", reason="同一楼道"),
    )
    after = given(*ACCEPTED, r.AssignmentWithdrawn(org="zj", reason_code="follows_lead"), LINKED[1]).case
    assert (after.assignment.org, after.state, after.matter.lead, after.assignment.past_orgs) == (
        None,
        "registered",
        "k0",
        ("zj",),
    )


def test_link_to_follower_resolves_to_its_lead() -> None:
    follower = case("k0", *LINKED[:1], i.CaseLinked(lead="oldest", kind="same_matter"))
    oldest = case("oldest", days=-2)
    given(REGISTERED).beside(follower, oldest).when("link", REGISTRAR, lead="k0", **REASON).then(
        i.CaseLinked(lead="oldest", kind="same_matter", reason="同一楼道")
    )


def test_related_case_is_reference_only() -> None:
    younger = case("k2", days=3)
    related = i.CaseLinked(lead="k2", kind="related", reason="同一楼道")
    given(*ACCEPTED).beside(younger).when("link", REGISTRAR, lead="k2", kind="related", **REASON).then(related)
    story = given(*ACCEPTED, related)
    assert (story.case.matter.lead, story.case.assignment.org, story.case.matter.related) == (None, "zj", ("k2",))
    story.beside(younger).when("link", REGISTRAR, lead="k2", kind="related", **REASON).then_nothing()
    story.when("unlink", REGISTRAR, lead="k2", **REASON).then(
        i.CaseUnlinked(lead="k2", kind="related", reason="同一楼道")
    )
    assert given(*ACCEPTED, related, i.CaseUnlinked(lead="k2", kind="related")).case.matter.related == ()


FOREIGN = Story(SENT, START - timedelta(days=1), "k0")
WRONG: dict[str, tuple[tuple[Event, ...], tuple[Case, ...], str]] = {
    "link_to_itself": (SENT, (), "k1"),
    "unknown_lead": (SENT, (), "k0"),
    "lead_is_younger": (SENT, (case("k2", days=2),), "k2"),
    "lead_voided": (SENT, (case("k0", REGISTERED, i.CaseVoided()),), "k0"),
    "lead_withdrawn": (SENT, (case("k0", REGISTERED, i.CaseWithdrawn()),), "k0"),
    "accusation_apart": (SENT, (case("k0", ACCUSATION),), "k0"),
    "follows_another": (LINKED, (OLDER, case("k9", days=-3)), "k9"),
    "is_the_respondent": (
        (REGISTERED, i.PartyRecorded(party="r1", role="respondent", respondent_org="zj")),
        (OLDER,),
        "k0",
    ),
    "not_in_this_state": (CLOSED, (OLDER,), "k0"),
}


@pytest.mark.parametrize("code", WRONG)
def test_impossible_link_is_refused_with_specific_code(code: str) -> None:
    events, others, lead = WRONG[code]
    given(*events).beside(*others).when("link", REGISTRAR, lead=lead, **REASON).refused(code)


def test_accusation_is_not_linked_to_open_track_cases() -> None:
    for kind in ("same_matter", "related"):
        given(ACCUSATION).beside(OLDER).when("link", REGISTRAR, lead="k0", kind=kind, **REASON).refused(
            "accusation_apart"
        )
    given(ACCUSATION).beside(case("k0", ACCUSATION)).when("link", REGISTRAR, lead="k0", **REASON).then(
        i.CaseLinked(lead="k0", kind="same_matter", reason="同一楼道")
    )


def test_circular_link_is_refused_after_date_correction() -> None:
    """The younger one follows; then its date is corrected to before the lead's."""
    earlier = i.CaseCorrected(field="effective_at", of=1, old="2026-03-02", new="2026-01-05")
    follower = case("k2", REGISTERED, i.CaseLinked(lead="k1", kind="same_matter"), earlier, days=2)
    lead = given(*SENT)
    assert follower.filing.filed_at == date(2026, 1, 5)
    assert older(lead.case, follower, BOOK.zone), "a correction does not change which case is the older one"
    lead.beside(follower).when("link", REGISTRAR, lead="k2", **REASON).refused("link_in_a_circle")


def test_imported_history_may_lead_after_closing_only() -> None:
    given(REGISTERED).beside(replace(OLDER, origin="history")).when("link", REGISTRAR, lead="k0", **REASON).refused(
        "lead_not_live"
    )
    closed = replace(case("k0", *CLOSED), origin="history")
    given(REGISTERED).beside(closed).when("link", REGISTRAR, lead="k0", **REASON).then(
        i.CaseLinked(lead="k0", kind="same_matter", reason="同一楼道")
    )


def test_matters_do_not_span_jurisdictions() -> None:
    given(REGISTERED).beside(replace(OLDER, jurisdiction="cn-other")).when(
        "link", REGISTRAR, lead="k0", **REASON
    ).refused("other_jurisdiction")


HANDLING: dict[str, tuple[Principal, dict[str, Any]]] = {
    "dispatch": (REGISTRAR, {"org": "zj"}),
    "guide": (REGISTRAR, {"path": 4, **GUIDANCE}),
    "answer_at_once": (REGISTRAR, {"text": "x"}),
    "rule_jurisdiction": (SUPERVISOR, {"org": "zj"}),
    "sign_off": (CLERK, {}),
    "accept": (CLERK, {"path": 6}),
    "not_accept": (CLERK, {"reason_code": "other", "reason": "x", "remedy": "x"}),
    "decide": (CLERK, {"result": "explained", "basis": ["x"], "text": "x"}),
    "deliver_reply": (CLERK, {}),
    "grant_extension": (HEAD, {"days": 3, "approver": "局长"}),
    "close": (SUPERVISOR, {"kind": "explained"}),
    "order_redo": (SUPERVISOR, {"ground": "other"}),
    "urge": (SUPERVISOR, {}),
    "open_supervision": (SUPERVISOR, {"ground": "delay", "text": "x"}),
}


@pytest.mark.parametrize("name", HANDLING)
def test_follower_is_not_handled(name: str) -> None:
    by, fields = HANDLING[name]
    outcome = given(*LINKED).beside(OLDER).when(name, by, **fields)
    outcome.refused("follow_the_lead")
    assert outcome.refusal is not None and OLDER.number in outcome.refusal.detail
    unseen = given(*LINKED).when(name, by, **fields)
    unseen.refused("follow_the_lead")
    assert unseen.refusal is not None
    assert OLDER.number not in unseen.refusal.detail and unseen.refusal.more["lead"] is None
    assert name not in allowed(given(*LINKED).case, by)


def test_rule_routing_skips_follower_until_unlinked() -> None:
    given(*LINKED).when("route", SERVICE).then_nothing()
    given(*LINKED, i.CaseUnlinked(lead="k0")).when("route", SERVICE).then(r.CaseTransferred(org="zj", rule="r01"))
    released = r.AssignmentWithdrawn(org="zj", reason_code="follows_lead")
    by_rule = (REGISTERED, r.CaseTransferred(org="zj", rule="r01"), released, LINKED[1], i.CaseUnlinked(lead="k0"))
    given(*by_rule).when("route", SERVICE).then(r.CaseTransferred(org="zj", rule="r01"))
    by_hand = (REGISTERED, r.CaseTransferred(org="jy"), released, LINKED[1], i.CaseUnlinked(lead="k0"))
    given(*by_hand).when("route", SERVICE).then_nothing()
    assert given(*by_hand).case.assignment.queue_reason == "returned"


def test_unlink_command_separates_follower() -> None:
    given(*LINKED).beside(OLDER).when("unlink", REGISTRAR, **REASON).then(
        i.CaseUnlinked(lead="k0", kind="same_matter", reason="同一楼道")
    )
    given(REGISTERED).when("unlink", REGISTRAR, **REASON).then_nothing()
    given(*LINKED).beside(OLDER).when("unlink", REGISTRAR, lead="k7", **REASON).refused("follows_another")
    given(*LINKED).when("unlink", CLERK, **REASON)  # roles are checked by the data layer
    assert "clerk" not in RULES["unlink"].roles + RULES["link"].roles


def test_follower_is_released_when_lead_is_gone() -> None:
    gone = i.CaseUnlinked(lead="k0", kind="same_matter", reason_code="lead_gone")
    for ending in (i.CaseVoided(), i.CaseWithdrawn()):
        given(*LINKED).beside(case("k0", REGISTERED, ending)).when("part", SERVICE).then(gone)
    became = case("k0", REGISTERED, i.CaseCorrected(field="class_", old="claim", new="accusation"))
    given(*LINKED).beside(became).when("part", SERVICE).then(gone)
    given(*LINKED).beside(OLDER).when("part", SERVICE).then_nothing()
    given(*SENT).when("part", SERVICE).then_nothing()


def test_follower_closes_with_lead_after_petitioner_notice() -> None:
    ended = case("k0", *CLOSED)
    told = (*LINKED, d.NoticeServed(kind="joined"))
    given(*told).beside(ended).when("merge", SERVICE).then(s.CaseClosed(kind="merged"))
    given(*LINKED).beside(ended).when("merge", SERVICE).then_nothing()
    given(*told).beside(OLDER).when("merge", SERVICE).then_nothing()
    given(*told, s.CaseClosed(kind="merged")).beside(ended).when("merge", SERVICE).then_nothing()
    given(*SENT).beside(ended).when("merge", SERVICE).then_nothing()


def test_notice_mentions_link_for_linked_cases_only() -> None:
    given(*LINKED).when("serve_notice", REGISTRAR, kind="joined").then(
        d.NoticeServed(org="xfj", kind="joined", **SIGNATURE)
    )
    given(REGISTERED).when("serve_notice", REGISTRAR, kind="joined").refused("not_joined")


def test_follower_keeps_petitioner_notice_clock_only() -> None:
    story = given(*ACCEPTED, r.AssignmentWithdrawn(org="zj", reason_code="follows_lead"), LINKED[1])
    (running,) = [one for one in deadlines(story.case, BOOK) if one.running]
    assert (running.clock, running.org) == ("C12", BOOK.petition_office)
    late = [rung for rung in rungs_due(story.case, BOOK, START + timedelta(days=30)) if rung.kind == "breach"]
    assert [rung.clock for rung in late] == ["C12"]
    direct = REGISTERED.model_copy(update={"received_by": "zj"})
    (running,) = [one for one in deadlines(given(direct, LINKED[1]).case, BOOK) if one.running]
    assert (running.clock, running.org) == ("C2", "zj")
    apart = given(*LINKED, i.CaseUnlinked(lead="k0", kind="same_matter"))
    assert [one.clock for one in deadlines(apart.case, BOOK) if one.running] == ["C1"]


# ------------------------------------------------------------- visibility of a follower


def test_handling_organisation_reads_filing_texts_without_petitioner_identity() -> None:
    follower = given(*LINKED).case
    assert not visible(CLERK, follower)
    assert visible(CLERK, follower, OLDER)
    assert purposes(CLERK, follower, OLDER) == frozenset({"text"})
    assert purposes(CLERK, follower) == frozenset()
    assert not visible(CLERK._replace(org="jy"), follower, OLDER)
    assert not visible(CLERK, given(REGISTERED).case, OLDER), "it follows nothing"


def test_followers_are_hidden_from_accused_and_across_sealed_track() -> None:
    about = i.PartyRecorded(party="r1", role="respondent", respondent_org="zj")
    assert not visible(CLERK, given(REGISTERED, about, LINKED[1]).case, OLDER)
    assert not visible(CLERK, given(ACCUSATION, LINKED[1]).case, OLDER)
    assert not visible(CLERK, given(*LINKED).case, case("k0", ACCUSATION, SENT[1]))


# ------------------------------------------------------------- properties

STEPS = ("link", "unlink", "dispatch", "verify_return", "request_return", "recall", "void", "part", "rule_jurisdiction")


@forall(
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 3), st.integers(0, 3)), max_size=40),
)
def test_any_links_lead_to_older_case_and_followers_have_no_organisation(
    days: list[int], steps: list[tuple[str, int, int]]
) -> None:
    names = [f"k{number}" for number in range(4)]
    logs: dict[str, list[Event]] = {name: [REGISTERED] for name in names}

    def now(name: str) -> Story:
        return Story(tuple(logs[name]), START + timedelta(days=days[names.index(name)]), name)

    for step, at, to in steps:
        name, other = names[at], names[to]
        fields: dict[str, dict[str, Any]] = {
            "link": {"lead": other, **REASON},
            "unlink": REASON,
            "void": {"reason_code": "other"},
            "dispatch": {"org": "zj"},
            "verify_return": {"agreed": True},
            "request_return": {"reason_code": "other", "reason": "x"},
            "rule_jurisdiction": {"org": "jy"},
        }
        by = CLERK if step == "request_return" else SERVICE if step == "part" else REGISTRAR
        story = now(name).later(days=4).beside(*(now(one).case for one in names))
        outcome = story.when(step, by, **fields.get(step, {}))
        logs[name] += [fresh.body for fresh in outcome.events]
        cases = {one: now(one).case for one in names}
        for case_ in cases.values():
            line = list(line_of(case_.id, cases))
            assert line[-1].matter.lead is None and head_of(case_.id, cases) is line[-1]
            assert all(older(second, first, BOOK.zone) for first, second in pairwise(line))
            assert case_.matter.lead is None or case_.assignment.org is None
            assert case_.matter.lead is None or case_.assignment.assist == ()


def test_every_link_refusal_lists_possible_commands() -> None:
    with pytest.raises(Refused, match="follow_the_lead") as refused:
        RULES["dispatch"](given(*LINKED).case, RULES["dispatch"].model.model_validate({"org": "zj"}), _given())
    assert "unlink" in refused.value.detail and refused.value.detail_zh is not None


def _given() -> Any:
    from shared.commands.command import DecisionContext

    return DecisionContext(REGISTRAR, START, START, BOOK)
