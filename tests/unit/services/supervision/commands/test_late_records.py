"""Acts that were recorded after the due date and dated before it: late until somebody outside confirms the date."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from shared.case import Case, fold
from shared.commands.authorization import Principal
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from shared.eventstore.recorded_event import Actor
from tests.support.deciding import (
    BOOK,
    CLERK,
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

LATE = START + timedelta(days=90)
"""When everything below is recorded: after each due date of the case."""
EARLY = date(2026, 3, 4)
NOTICE = d.NoticeServed(org="zj", kind="acceptance", mode="in_person")
ENDS: dict[str, tuple[tuple[Event, ...], Event, str]] = {
    "notice ends C3": (SENT, NOTICE, "C3"),
    "recall stops C3": (SENT, r.AssignmentWithdrawn(org="zj"), "C3"),
    "return stops C3": (SENT, r.ReturnVerified(agreed=True), "C3"),
    "joining stops C3": (SENT, i.CaseLinked(lead="k0", kind="same_matter"), "C3"),
    "transfer ends C1": ((REGISTERED,), r.CaseTransferred(org="zj"), "C1"),
    "guidance ends C1": ((REGISTERED,), r.StatutoryPathGuided(path=2), "C1"),
    "direct answer ends C1": ((REGISTERED,), i.AnsweredAtOnce(), "C1"),
    "notice ends C2": ((REGISTERED.model_copy(update={"received_by": "zj"}),), NOTICE, "C2"),
    "reply ends C5": ((*SENT, d.Accepted(org="zj", path=6)), d.ReplyDelivered(org="zj"), "C5"),
    "guidance stops C5": ((*SENT, d.Accepted(org="zj", path=6)), r.StatutoryPathGuided(path=2), "C5"),
    "opinion ends C7": (
        (*SENT, d.Accepted(org="zj", path=6), d.ReplyDelivered(org="zj"), i.ReviewRequested(), r.ReviewBodyNamed(body="fc")),
        d.ReviewOpinionIssued(body="fc", result="upheld"),
        "C7",
    ),
}  # fmt: skip
"""What ends a duty -> the case before, the act, and the clock."""


def clock(case: Case, name: str) -> Deadline:
    return next(one for one in reversed(deadlines(case, BOOK)) if one.clock == name)


def after(before: tuple[Event, ...], act: Event, by: str | None, *, known: datetime = LATE, when: Any = EARLY) -> Story:
    story = given(*before)
    event = recorded(act, story.case.version + 1, when, recorded_at=known, actor=Actor(by, "registrar", "k-1"))
    story.case = fold([event], story.case)
    return story.later(days=91)


@pytest.mark.parametrize("name", ENDS)
def test_late_record_of_bearer_counts_as_late_until_confirmed(name: str) -> None:
    before, act, which = ENDS[name]
    bearer = clock(given(*before).case, which).org
    assert bearer is not None
    story = after(before, act, bearer)
    deadline = clock(story.case, which)
    assert (deadline.in_time, deadline.cancelled, deadline.recorded_late) == (False, False, True)
    assert deadline.missed and not deadline.running
    version = story.case.version
    refusal = story.when("confirm_date", Principal("registrar", bearer, "k-2"), of=version, **PROOF).refusal
    assert refusal is not None and refusal.code in ("concerned_unit", "outside_unit_needed")
    confirming = SUPERIOR if bearer == "xfj" else REGISTRAR
    story.when("confirm_date", confirming, of=version, **PROOF).then(
        s.DateConfirmed(of=version, evidence="signed_form", reference="2026-017")
    )
    story.case = fold([recorded(s.DateConfirmed(of=version), version + 1, story.now)], story.case)
    deadline = clock(story.case, which)
    assert deadline.in_time or deadline.cancelled
    assert deadline.recorded_late and not deadline.missed
    story.when("confirm_date", confirming, of=version, **PROOF).then_nothing()


@pytest.mark.parametrize("name", ENDS)
def test_record_of_outside_office_counts_at_once(name: str) -> None:
    before, act, which = ENDS[name]
    bearer = clock(given(*before).case, which).org
    for by in ("sxfj", None) if bearer == "xfj" else ("sxfj", "xfj", None):
        deadline = clock(after(before, act, by).case, which)
        assert deadline.in_time or deadline.cancelled, by
    for by in ("jt", "dhyl"):
        assert clock(after(before, act, by).case, which).missed, by


@pytest.mark.parametrize("name", ENDS)
def test_act_recorded_in_time_counts(name: str) -> None:
    before, act, which = ENDS[name]
    known = given(*before).now + timedelta(days=1)
    deadline = clock(after(before, act, "zj", known=known, when=known.date()).case, which)
    assert (deadline.in_time or deadline.cancelled) and not deadline.recorded_late


def test_breach_is_lifted_only_after_confirmation() -> None:
    story = after((*SENT, s.DeadlineBreached(clock="C3", episode=1, org="zj")), NOTICE, "zj")
    assert "BreachLifted" not in [type(one.body).__name__ for one in story.when("tick", SERVICE).events]
    story.case = fold([recorded(s.DateConfirmed(of=5), 6, story.now)], story.case)
    story.when("tick", SERVICE).then(s.BreachLifted(clock="C3", episode=1, fact=5))


def test_only_late_records_are_confirmed() -> None:
    given(*SENT).when("confirm_date", REGISTRAR, of=2, **PROOF).refused("nothing_to_confirm")
    given(*SENT).when("confirm_date", REGISTRAR, of=9, **PROOF).refused("unknown_version")


def test_correction_by_bearer_does_not_undo_breach() -> None:
    """The notice was recorded as late; its own unit cannot redate it, and a redated one waits for a confirmation."""
    story = after(SENT, NOTICE, "zj", when=date(2026, 5, 30))
    redate = {"field": "effective_at", "of": 4, "new": "2026-03-04"}
    story.when("correct", Principal("registrar", "zj", "k"), **redate).refused("concerned_unit")
    story.when("correct", REGISTRAR, **redate).refused("supervisor_needed")
    assert story.when("correct", SUPERVISOR, **redate).refusal is None
    corrected = i.CaseCorrected(field="effective_at", of=4, old="2026-05-30", new="2026-03-04")
    for by, wanted in (("zj", False), ("xfj", True)):
        event = recorded(corrected, 5, story.now, actor=Actor(by, "supervisor", "k"))
        assert clock(fold([event], story.case), "C3").in_time is wanted


def test_in_time_end_is_not_replaced_by_late_record() -> None:
    met = given(*SENT, NOTICE)
    assert clock(met.case, "C3").in_time
    again = recorded(NOTICE.model_copy(update={"kind": "non_acceptance"}), 5, date(2026, 3, 2), recorded_at=LATE,
                     actor=Actor("zj", "clerk", "k"))  # fmt: skip
    assert clock(fold([again], met.case), "C3").in_time


def test_hearing_recorded_late_does_not_move_due_date() -> None:
    asked: tuple[Event, ...] = (
        *SENT, d.Accepted(org="zj", path=6), d.ReplyDelivered(org="zj"), i.ReviewRequested(), r.ReviewBodyNamed(body="fc"),
        d.ReviewOpinionIssued(body="fc", result="upheld"), i.ReReviewRequested(), r.ReviewBodyNamed(body="sfc"),
    )  # fmt: skip
    held = d.HearingHeld(org="sfc", from_=date(2026, 3, 10), to=date(2026, 3, 12))
    assert clock(after(asked, held, "sfc").case, "C9").excluded_days == 0
    assert clock(after(asked, held, "sfc", known=START + timedelta(days=12)).case, "C9").excluded_days == 3
    assert clock(after(asked, held, "xfj").case, "C9").excluded_days == 3


def test_source_of_history_does_not_shorten_delay_it_reported() -> None:
    """The first import says that the reply came after the due date; a later one states an earlier date."""
    base = [
        recorded(body, number, START, origin="history", recorded_at=LATE)
        for number, body in enumerate((REGISTERED, *SENT[1:], d.Accepted(org="zj", path=6)), 1)
    ]
    late = recorded(d.ReplyDelivered(org="zj"), 5, date(2026, 5, 20), origin="history", recorded_at=LATE)
    better = recorded(
        d.ReplyDelivered(org="zj"), 6, date(2026, 4, 20), origin="history", recorded_at=LATE + timedelta(days=9)
    )
    reported = clock(fold([*base, late, better]), "C5")
    assert reported.missed and reported.end is not None and reported.end.effective_at == date(2026, 5, 20)
    assert better.version in {fact.version for fact in reported.unconfirmed}, "kept, as reported later"
    assert clock(fold([*base, better]), "C5").in_time, "a first report counts"


def test_clerk_never_confirms() -> None:
    assert CLERK.role not in ("registrar", "supervisor")
