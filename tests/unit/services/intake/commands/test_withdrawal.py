"""Withdrawal: the request, its cooling-off period, its confirmation, joint filings, and the effect."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from shared.case import fold
from shared.case.withdrawals import withdrawal_due
from shared.commands.authorization import Principal
from shared.deadlines.derivation import deadlines
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.eventstore.recorded_event import Actor
from tests.support.deciding import (
    BOOK,
    CITIZEN,
    FOLLOW_UP,
    KEYED,
    OWN_HAND,
    PROOF,
    REGISTERED,
    REGISTRAR,
    SENT,
    SERVICE,
    START,
    SUPERIOR,
    SUPERVISOR,
    Story,
    given,
)
from tests.support.policies import recorded

DAY = date(2026, 3, 9)
"""Seven calendar days after Monday 2 March: a weekend lies between."""
ASKED = i.WithdrawalRequested(party="p1", effective_on=DAY, **OWN_HAND)
OF_OFFICE = i.WithdrawalRequested(party="p1", effective_on=DAY, present="本人、女儿", **KEYED)
PAIR = (i.PartyRecorded(party="p1", role="petitioner"), i.PartyRecorded(party="p2", role="co_petitioner"))
BOTH = (REGISTERED, *PAIR, *SENT[1:])
OFFICE = Actor("xfj", "registrar", "k-registrar")


def by_office() -> Story:
    """A case whose withdrawal the petition office recorded."""
    story = given(*SENT)
    story.case = fold([recorded(OF_OFFICE, 4, START + timedelta(hours=4), actor=OFFICE)], story.case)
    return story


def test_request_takes_effect_after_cooling_off_period() -> None:
    given(*SENT).when("withdraw", CITIZEN).then(ASKED)
    given(*SENT).when("withdraw", REGISTRAR, present="本人、女儿", **PROOF).then(OF_OFFICE)
    pending = given(*SENT, ASKED)
    assert (pending.case.open, pending.case.state) == (True, "dispatched")
    pending.when("withdraw", CITIZEN).then_nothing()
    pending.when("complete_withdrawal", SERVICE).then_nothing()
    pending.later(days=7, hours=14).when("complete_withdrawal", SERVICE).then(i.CaseWithdrawn())


def test_recorded_date_does_not_shorten_cooling_off_period() -> None:
    story = given(*SENT)
    done = story.when("withdraw", REGISTRAR, at=date(2026, 2, 20), present="x", **PROOF)
    (fresh,) = done.events
    assert isinstance(fresh.body, i.WithdrawalRequested) and fresh.body.effective_on == DAY


def test_request_is_taken_back_until_it_takes_effect() -> None:
    given(*SENT, ASKED).later(days=6).when("take_back_withdrawal", CITIZEN).then(
        i.WithdrawalTakenBack(party="p1", **OWN_HAND)
    )
    back = given(*SENT, ASKED, i.WithdrawalTakenBack(party="p1"))
    back.when("take_back_withdrawal", CITIZEN).then_nothing()
    back.when("withdraw", CITIZEN).then(ASKED)
    back.later(days=30).when("complete_withdrawal", SERVICE).then_nothing()
    given(*SENT).when("take_back_withdrawal", CITIZEN).refused("no_withdrawal_pending")
    given(*SENT, ASKED, i.CaseWithdrawn()).when("take_back_withdrawal", CITIZEN).refused("no_withdrawal_pending")


def test_request_recorded_by_office_waits_for_third_unit() -> None:
    story = by_office().later(days=20)
    story.when("complete_withdrawal", SERVICE).then_nothing()
    for who in (REGISTRAR, SUPERVISOR, SUPERIOR, Principal("registrar", "zj", "k")):
        story.when("confirm_withdrawal", who).refused("third_unit_needed")
    story.when("confirm_withdrawal", FOLLOW_UP).then(i.WithdrawalConfirmed(party="p1"))
    story.case = fold([recorded(i.WithdrawalConfirmed(party="p1"), 5, story.now)], story.case)
    story.when("confirm_withdrawal", FOLLOW_UP).then_nothing()
    due = withdrawal_due(story.case, BOOK.zone)
    assert due is not None and due.at == story.now, "not before the confirmation"
    story.when("complete_withdrawal", SERVICE).then(i.CaseWithdrawn())


def test_third_unit_does_not_confirm_what_it_recorded() -> None:
    story = given(*SENT)
    asked = recorded(OF_OFFICE, 4, START + timedelta(hours=4), actor=Actor("hfzx", "registrar", "k"))
    story.case = fold([asked], story.case)
    story.when("confirm_withdrawal", FOLLOW_UP).refused("third_unit_needed")


@pytest.mark.parametrize(
    "asked",
    [
        i.WithdrawalRequested(party="p1", effective_on=DAY, word="own_hand", code_with_staff=True),
        i.WithdrawalRequested(party="p1", effective_on=DAY),
    ],
)
def test_code_that_staff_had_withdraws_nothing_without_confirmation(asked: i.WithdrawalRequested) -> None:
    from shared.commands.petitioners_word import standing

    case = given(*SENT, asked).case
    assert standing({"word": "own_hand", "code_with_staff": True}) == "code_with_staff"
    assert withdrawal_due(case, BOOK.zone) is None


def test_sealed_case_waits_for_person() -> None:
    sealed = REGISTERED.model_copy(update={"class_": "accusation"})
    routed = (sealed, r.CaseRoutedToSealedChannel(org="jjw"), ASKED)
    given(*routed).later(days=20).when("complete_withdrawal", SERVICE).then_nothing()
    confirmed = given(*routed, i.WithdrawalConfirmed(party="p1")).later(days=20)
    confirmed.when("complete_withdrawal", SERVICE).then(i.CaseWithdrawn())


def test_each_petitioner_withdraws_own_name() -> None:
    given(*BOTH).when("withdraw", CITIZEN, party="p2").refused("own_name_only")
    given(*BOTH).when("withdraw", CITIZEN, party="p3").refused("own_name_only")
    given(*BOTH).when("withdraw", REGISTRAR, party="p3", present="x", **PROOF).refused("unknown_petitioner")
    first = given(*BOTH, ASKED).later(days=8)
    first.when("complete_withdrawal", SERVICE).then(i.NameWithdrawn(party="p1"))
    one_left = given(*BOTH, ASKED, i.NameWithdrawn(party="p1"))
    assert (one_left.case.open, one_left.case.petitioners) == (True, ("p2",))
    one_left.when("withdraw", CITIZEN).refused("unknown_petitioner")
    second = i.WithdrawalRequested(party="p2", effective_on=DAY, **KEYED)
    last = given(*BOTH, ASKED, i.NameWithdrawn(party="p1"), second, i.WithdrawalConfirmed(party="p2")).later(days=8)
    last.when("complete_withdrawal", SERVICE).then(i.CaseWithdrawn())


def test_representative_who_left_represents_nobody() -> None:
    named = (*BOTH, i.RepresentativesNamed(parties=("p1", "p2")), ASKED, i.NameWithdrawn(party="p1"))
    assert given(*named).case.filing.representatives == ("p2",)


def test_clocks_run_until_withdrawal_takes_effect() -> None:
    running = {one.clock for one in deadlines(given(*SENT, ASKED).case, BOOK) if one.running}
    assert "C3" in running
    ended = deadlines(given(*SENT, ASKED, i.CaseWithdrawn()).case, BOOK)
    assert not [one.clock for one in ended if one.running and not one.rule.window]


@pytest.mark.parametrize("end", [s.CaseClosed(kind="explained"), i.CaseVoided()])
def test_request_lapses_with_case(end: Any) -> None:
    again = given(*SENT, ASKED, end, s.CaseReopened())
    assert withdrawal_due(again.case, BOOK.zone) is None


def test_case_that_moved_while_scheduler_was_stopped_is_withdrawn_after_move() -> None:
    story = given(*SENT, ASKED)
    late = START + timedelta(days=9)
    story.case = fold([recorded(r.AssignmentWithdrawn(org="zj"), 5, late)], story.case)
    story.later(days=10)
    ((fresh),) = story.when("complete_withdrawal", SERVICE).events
    assert fresh.at == late


def test_breaches_before_effect_are_recorded_and_none_after_it() -> None:
    """The scheduler was stopped from the day before C3 fell due until long after the withdrawal."""
    early = i.WithdrawalRequested(party="p1", effective_on=date(2026, 3, 10), **OWN_HAND)
    story = given(*SENT, early).later(days=40)
    story.when("tick", SERVICE).then_nothing()
    after = i.WithdrawalRequested(party="p1", effective_on=date(2026, 3, 25), **OWN_HAND)
    names = [type(one.body).__name__ for one in given(*SENT, after).later(days=40).when("tick", SERVICE).events]
    assert names == ["DeadlineBreached"]
