"""Deadlines derived from event histories."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.case import Case, Rung, fold
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import next_look, rungs_due
from shared.kernel.legal_time import LegalTime, day_of, end_of_day
from shared.policy.book import PolicyBook
from shared.policy.loading.loader import LoadedSection, bundled, hash_of
from tests.support.policies import LONG_AGO, Story, at, book_of, demo, recorded

BOOK = demo()
ZONE = "Asia/Shanghai"


def clock(case: Case, name: str, book: PolicyBook = BOOK) -> Deadline:
    """The last episode of that clock."""
    return [found for found in deadlines(case, book) if found.clock == name][-1]


def names(case: Case) -> list[str]:
    return [f"{found.clock}/{found.episode}" for found in deadlines(case, BOOK)]


def dispatched(start: str = "2026-03-02 10:00") -> Story:
    moment = at(start)
    story = Story().registered(moment).on(moment, "CaseClassified", class_="claim", path=6)
    return story.on(moment, "CaseTransferred", org="zj").on(moment, "AssignmentDelivered", org="zj", seq=1)


def accepted(start: str = "2026-03-02 10:00") -> Story:
    moment = at(start)
    return dispatched(start).on(moment, "Accepted", org="zj", path=6).on(moment, "NoticeServed", kind="acceptance")


# -------------------------------------------------------------------- golden


def test_objection_period_is_five_working_days() -> None:
    assert clock(dispatched("2025-09-26 10:00").case, "C4").due_day == date(2025, 10, 10)
    found = clock(dispatched("2026-02-12 10:00").case, "C4")
    assert found.due == end_of_day(date(2026, 2, 26), ZONE)
    assert found.org == "zj"


def test_fifteen_day_notice_rolls_to_working_day() -> None:
    assert clock(dispatched("2026-02-01 10:00").case, "C3").due_day == date(2026, 2, 24)


def test_sixty_day_period_runs_from_acceptance_on_path_six_only() -> None:
    assert clock(accepted("2025-08-02 10:00").case, "C5").due_day == date(2025, 10, 9)
    other = Story().registered(at("2025-08-02 10:00")).on(at("2025-08-02 10:00"), "Accepted", org="zj", path=5)
    assert "C5/1" not in names(other.case)


def test_direct_receipt_has_own_clock() -> None:
    story = Story().registered(at("2026-03-02 10:00"), received_by="zj")
    assert names(story.case) == ["C2/1"]
    found = clock(story.case, "C2")
    assert (found.org, found.due_day) == ("zj", date(2026, 3, 17))
    assert names(Story().registered(at("2026-03-02 10:00")).case) == ["C1/1"]
    assert clock(Story().registered(at("2026-03-02 10:00")).case, "C1").org == "xfj"


def test_assigned_dates_set_due_dates() -> None:
    moment = at("2026-03-02 10:00")
    story = Story().registered(moment).on(moment, "CaseAssigned", org="zj", due=date(2026, 3, 20))
    found = clock(story.case, "C10")
    assert (found.due, found.period) == (end_of_day(date(2026, 3, 20), ZONE), None)
    story.on(at("2026-03-20 23:00"), "ClosingReportFiled", org="zj")
    assert clock(story.case, "C10").status(at("2026-04-01 00:00")) == "met"
    exact = Story().registered(moment).on(moment, "CaseAssigned", org="zj", due=at("2026-03-20 12:00"))
    assert clock(exact.case, "C10").due == at("2026-03-20 12:00")


# -------------------------------------------------------------------- the oracle


def _works(day: date) -> bool:
    """The library leaves out 2005-12-31, which the notice on the holidays of 2006 makes a working day."""
    return day == date(2005, 12, 31) or bool(chinese_calendar.is_workday(day))


def _workdays(start: date, days: int) -> date:
    day = start
    while days:
        day += timedelta(days=1)
        days -= _works(day)
    return day


def _rolled(start: date, days: int) -> date:
    day = start + timedelta(days=days)
    while not _works(day):
        day += timedelta(days=1)
    return day


@settings(max_examples=500, deadline=None)
@given(st.datetimes(datetime(2004, 1, 1), datetime(2026, 6, 30)), st.integers(1, 30))  # noqa: DTZ001 - made UTC below
def test_two_thousand_deadlines_agree_with_oracle(naive: datetime, granted: int) -> None:
    start = naive.replace(tzinfo=UTC)
    story = Story().registered(start).on(start, "CaseTransferred", org="zj")
    story.on(start, "AssignmentDelivered", org="zj").on(start, "Accepted", org="zj", path=6)
    story.on(start + timedelta(days=1), "ExtensionGranted", days=granted, approver="head")
    day = (naive + timedelta(hours=8)).date()
    due = {found.clock: found.due_day for found in deadlines(story.case, BOOK)}
    assert due == {
        "C1": _rolled(day, 15),
        "C3": _rolled(day, 15),
        "C4": _workdays(day, 5),
        "C5": _rolled(day, 60 + granted),
        "C14": _workdays(day + timedelta(days=1), 5),
    }
    assert not any(found.provisional for found in deadlines(story.case, BOOK))


# -------------------------------------------------------------------- how a clock ends


@pytest.mark.parametrize(
    ("when", "status"),
    [(at("2026-03-17 23:59"), "met"), (at("2026-03-18 00:00"), "late"), (date(2026, 3, 17), "met")],
)
def test_deadline_is_met_or_late_by_effective_time(when: datetime | date, status: str) -> None:
    story = dispatched().on(when, "NoticeServed", kind="acceptance", known=at("2026-03-19 09:00"))
    assert clock(story.case, "C3").status(at("2026-03-19 09:00")) == status


def test_deadline_is_running_then_overdue() -> None:
    found = clock(dispatched().case, "C3")
    assert found.status(found.due) == "running"
    assert found.status(found.due + timedelta(microseconds=1)) == "overdue"
    assert found.running and not found.missed


def test_expired_window_is_not_breach() -> None:
    found = clock(dispatched().case, "C4")
    assert found.status(found.due) == "window_open"
    assert found.status(at("2026-03-10 00:00")) == "window_lapsed"
    assert not [rung for rung in rungs_due(dispatched().case, BOOK, at("2026-03-10 00:00")) if rung.clock == "C4"]
    used = dispatched().on(at("2026-03-05 10:00"), "ReturnRequested", org="zj", reason_code="other")
    assert clock(used.case, "C4").status(at("2027-01-01 00:00")) == "met"


def test_return_ends_notice_clock_and_new_delivery_restarts_it() -> None:
    story = dispatched().on(at("2026-03-04 10:00"), "ReturnRequested", org="zj", reason_code="other")
    story.on(at("2026-03-05 10:00"), "ReturnVerified", agreed=False)
    assert clock(story.case, "C3").status(at("2026-03-06 00:00")) == "running"
    story.on(at("2026-03-06 10:00"), "ReturnVerified", agreed=True)
    story.on(at("2026-03-09 10:00"), "CaseTransferred", org="dhq")
    story.on(at("2026-03-09 10:00"), "AssignmentDelivered", org="dhq")
    first, second = (found for found in deadlines(story.case, BOOK) if found.clock == "C3")
    assert (first.episode, first.org, first.status(at("2026-05-01 00:00"))) == (1, "zj", "cancelled")
    assert (second.episode, second.org, second.status(at("2026-05-01 00:00"))) == (2, "dhq", "overdue")


def test_cancellation_after_due_date_keeps_breach() -> None:
    story = dispatched().on(at("2026-03-25 10:00"), "CaseWithdrawn")
    found = clock(story.case, "C3")
    assert (found.status(at("2026-04-01 00:00")), found.cancelled, found.missed) == ("late", False, True)


def test_delivery_to_assisting_organisation_starts_no_clock() -> None:
    story = dispatched().on(at("2026-03-04 10:00"), "ForwardedDown", org="zj", to="dhq")
    story.on(at("2026-03-04 10:00"), "AssignmentDelivered", org="dhq")
    assert [name for name in names(story.case) if name.startswith("C3")] == ["C3/1"]


def test_redo_starts_second_handling_episode() -> None:
    story = accepted().on(at("2026-03-20 10:00"), "ReplyDelivered", mode="post")
    story.on(at("2026-03-25 10:00"), "RedoOrdered", ground="dissatisfied")
    first, second = (found for found in deadlines(story.case, BOOK) if found.clock == "C5")
    assert first.status(at("2026-12-01 00:00")) == "met"
    assert (second.episode, second.due_day) == (2, date(2026, 5, 25))
    assert clock(story.case, "C6").status(at("2026-03-26 00:00")) == "cancelled"


def test_late_document_is_matched_to_its_episode() -> None:
    story = accepted().on(at("2026-06-10 10:00"), "RedoOrdered", ground="dissatisfied")
    story.on(at("2026-04-01 10:00"), "ReplyDelivered", mode="post", known=at("2026-06-11 10:00"))
    first, second = (found for found in deadlines(story.case, BOOK) if found.clock == "C5")
    assert (first.status(at("2026-06-12 00:00")), second.status(at("2026-06-12 00:00"))) == ("met", "running")


def test_earlier_of_two_notices_counts() -> None:
    story = dispatched().on(at("2026-03-20 10:00"), "NoticeServed", kind="acceptance")
    story.on(at("2026-03-10 10:00"), "NoticeServed", kind="acceptance", known=at("2026-03-21 10:00"))
    assert clock(story.case, "C3").status(at("2026-03-22 00:00")) == "met"


def test_extensions_are_capped_and_granted_in_time() -> None:
    story = accepted().on(at("2026-04-01 10:00"), "ExtensionGranted", days=20, approver="head")
    assert (clock(story.case, "C5").due_day, clock(story.case, "C5").extended_days) == (date(2026, 5, 21), 20)
    story.on(at("2026-05-06 10:00"), "ExtensionGranted", days=20, approver="head")
    assert (clock(story.case, "C5").due_day, clock(story.case, "C5").extended_days) == (date(2026, 6, 1), 30)
    late = accepted().on(at("2026-06-20 10:00"), "ExtensionGranted", days=20, approver="head")
    assert clock(late.case, "C5").extended_days == 0


def test_hearing_days_are_excluded_at_re_review_only() -> None:
    story = accepted().on(at("2026-03-20 10:00"), "ReReviewRequested")
    story.on(at("2026-03-20 10:00"), "ReviewBodyNamed", body="fc")
    story.on(at("2026-03-25 10:00"), "HearingHeld", org="fc", from_=at("2026-03-25 09:00"), to=at("2026-03-25 12:00"))
    assert (clock(story.case, "C9").excluded_days, clock(story.case, "C9").org) == (1, "fc")
    assert clock(story.case, "C9").due_day == date(2026, 4, 20)
    assert clock(story.case, "C5").excluded_days == 0
    review = accepted().on(at("2026-03-20 10:00"), "ReviewRequested")
    review.on(at("2026-03-25 10:00"), "HearingHeld", org="fc", from_=date(2026, 3, 24), to=date(2026, 3, 25))
    assert (clock(review.case, "C7").excluded_days, clock(review.case, "C7").due_day) == (0, date(2026, 4, 20))


def test_each_hearing_day_counts_once() -> None:
    def heard(*hearings: tuple[LegalTime, LegalTime]) -> tuple[int, date]:
        story = accepted().on(at("2026-03-20 10:00"), "ReReviewRequested")
        for first, last in hearings:
            story.on(at("2026-04-10 10:00"), "HearingHeld", org="fc", from_=first, to=last)
        found = clock(story.case, "C9")
        return found.excluded_days, found.due_day

    assert heard((date(2026, 3, 24), date(2026, 3, 26))) == (3, date(2026, 4, 22))
    # 23:30 to 00:30 in China is two days there, and one in UTC
    assert heard((at("2026-03-24 23:30"), at("2026-03-25 00:30"))) == (2, date(2026, 4, 21))
    # the same day twice, and days before the request, count once and not at all
    assert heard((date(2026, 3, 24), date(2026, 3, 26)), (date(2026, 3, 26), date(2026, 3, 27))) == (
        4,
        date(2026, 4, 23),
    )
    assert heard((date(2026, 3, 18), date(2026, 3, 21))) == (1, date(2026, 4, 20))
    # a hearing after the end of the period does not extend it
    assert heard((date(2026, 5, 4), date(2026, 5, 8))) == (0, date(2026, 4, 20))


def test_review_body_bears_clock_and_petition_office_until_named() -> None:
    story = accepted().on(at("2026-03-20 10:00"), "ReplyDelivered").on(at("2026-03-23 10:00"), "ReviewRequested")
    assert clock(story.case, "C7").org == "xfj"
    story.on(at("2026-03-24 10:00"), "ReviewBodyNamed", body="dhq")
    assert clock(story.case, "C7").org == "dhq"
    story.on(at("2026-04-01 10:00"), "ReviewOpinionIssued", body="dhq", result="upheld")
    story.on(at("2026-04-02 10:00"), "ReReviewRequested").on(at("2026-04-02 10:00"), "ReviewBodyNamed", body="sfc")
    assert (clock(story.case, "C7").org, clock(story.case, "C9").org) == ("dhq", "sfc")


def test_date_correction_moves_due_date() -> None:
    story = Story().registered(at("2026-03-02 10:00"))
    story.on(at("2026-03-03 10:00"), "CaseCorrected", field="effective_at", of=1, new="2026-03-01")
    assert clock(story.case, "C1").due_day == date(2026, 3, 16)


def test_only_acceptance_notice_ends_clock_of_handling_organisation() -> None:
    """Art. 23 ¶3."""
    story = dispatched().on(at("2026-03-05 10:00"), "NoticeServed", kind="transfer")
    assert clock(story.case, "C3").running
    story.on(at("2026-03-06 10:00"), "NoticeServed", kind="non_acceptance")
    assert not clock(story.case, "C3").running


def test_guidance_to_another_procedure_starts_no_sixty_day_clock() -> None:
    story = accepted()
    assert clock(story.case, "C5").running
    story.on(at("2026-03-20 10:00"), "StatutoryPathGuided", path=4)
    assert (clock(story.case, "C5").running, clock(story.case, "C5").stopped) == (False, story.case.facts[-1])


def test_voided_case_has_no_clocks() -> None:
    story = dispatched().on(at("2026-03-03 10:00"), "CaseVoided")
    assert deadlines(story.case, BOOK) == ()
    assert next_look(story.case, BOOK) is None and rungs_due(story.case, BOOK, at("2027-01-01 00:00")) == []
    assert deadlines(Case(), BOOK) == () and next_look(Case(), BOOK) is None


# -------------------------------------------------------------------- history


def test_history_without_end_is_unknown_and_never_fires() -> None:
    story = Story(origin="history").registered(at("2019-03-02 10:00"))
    found = clock(story.case, "C1")
    assert found.status(at("2026-01-01 00:00")) == "unknown"
    assert next_look(story.case, BOOK) is None
    assert rungs_due(story.case, BOOK, at("2026-01-01 00:00")) == []
    story.on(at("2019-05-01 10:00"), "CaseTransferred", org="zj")
    assert clock(story.case, "C1").status(at("2026-01-01 00:00")) == "late"


def test_history_without_start_has_no_deadline() -> None:
    story = Story(origin="history").registered(at("2019-03-02 10:00"))
    story.on(at("2019-04-02 10:00"), "ReplyDelivered", mode="other")
    assert "C5/1" not in names(story.case)


def test_only_future_deadlines_fire_after_going_live() -> None:
    story = Story(origin="history").registered(at("2026-03-02 10:00"))
    live = fold([*story.events, recorded(_went_live(), 2, at("2026-03-16 12:00"), recorded_at=at("2026-03-16 12:00"))])
    found = clock(live, "C1")
    assert found.status(at("2026-03-16 13:00")) == "running"
    fired = [rung.rung for rung in rungs_due(live, BOOK, at("2026-03-18 00:00"))]
    assert fired == ["breach"]  # the reminders lay before the takeover
    gone = fold([*story.events, recorded(_went_live(), 2, at("2026-04-16 09:00"), recorded_at=at("2026-04-16 09:00"))])
    assert clock(gone, "C1").status(at("2026-04-17 00:00")) == "overdue"
    assert rungs_due(gone, BOOK, at("2026-05-01 00:00")) == []
    assert next_look(gone, BOOK) is None


def _went_live() -> Any:
    from shared.events.intake import WentLive

    return WentLive()


# -------------------------------------------------------------------- the ladder


def _record(case: Case, *rungs: tuple[str, int, str]) -> Case:
    from dataclasses import replace

    return replace(case, rungs=case.rungs | {Rung(*rung) for rung in rungs})


def test_rungs_fire_in_order() -> None:
    case = Story().registered(at("2026-03-02 00:00")).case
    look = next_look(case, BOOK)
    assert look == at("2026-03-16 09:00")  # three quarters of 16 days from 0:00 are Friday's midnight: on Monday
    assert rungs_due(case, BOOK, look - timedelta(seconds=1)) == []
    (rung,) = rungs_due(case, BOOK, look)
    assert (rung.rung, rung.kind, rung.passed, rung.org) == ("at_75", "remind", False, "xfj")
    case = _record(case, ("C1", 1, "at_75"))
    (second,) = rungs_due(case, BOOK, next_look(case, BOOK) or look)
    assert second.rung == "at_90"
    case = _record(case, ("C1", 1, "at_90"))
    last = next_look(case, BOOK)
    assert last == at("2026-03-18 00:00")
    (breach,) = rungs_due(case, BOOK, last)
    assert (breach.kind, breach.at) == ("breach", end_of_day(date(2026, 3, 17), ZONE))
    case = _record(case, ("C1", 1, "breach"))
    assert next_look(case, BOOK) is None and rungs_due(case, BOOK, at("2027-01-01 00:00")) == []


def test_only_highest_rung_fires_after_downtime() -> None:
    case = Story().registered(at("2026-03-02 00:00")).case
    found = rungs_due(case, BOOK, at("2026-04-01 00:00"))
    assert [(rung.rung, rung.passed) for rung in found] == [("at_75", True), ("at_90", True), ("breach", False)]


def test_met_duty_sends_no_reminder() -> None:
    story = Story().registered(at("2026-03-02 00:00")).on(at("2026-03-16 00:00"), "CaseTransferred", org="zj")
    assert rungs_due(story.case, BOOK, at("2026-04-01 00:00")) == []


def test_duty_met_late_is_still_breach() -> None:
    story = Story().registered(at("2026-03-02 00:00")).on(at("2026-03-20 00:00"), "CaseTransferred", org="zj")
    assert [rung.rung for rung in rungs_due(story.case, BOOK, at("2026-03-21 00:00"))] == ["breach"]


def test_breach_is_lifted_once_when_document_proves_timeliness() -> None:
    story = dispatched()
    case = _record(story.case, ("C3", 1, "breach"), ("C3", 1, "at_75"), ("C3", 1, "at_90"))
    served = recorded(_notice(), case.version + 1, at("2026-03-10 10:00"), recorded_at=at("2026-03-25 10:00"))
    case = fold([served], case)
    assert next_look(case, BOOK) == at("2026-03-25 10:00")
    (lift,) = rungs_due(case, BOOK, at("2026-03-25 10:00"))
    assert (lift.kind, lift.clock, lift.episode, lift.fact) == ("lift", "C3", 1, case.version)
    lifted = fold([recorded(_lifted(case.version), case.version + 1, at("2026-03-25 11:00"))], case)
    assert rungs_due(lifted, BOOK, at("2027-01-01 00:00")) == [] and next_look(lifted, BOOK) is None


def _notice() -> Any:
    from shared.events.department import NoticeServed

    return NoticeServed(kind="acceptance")


def _lifted(fact: int) -> Any:
    from shared.events.supervision import BreachLifted

    return BreachLifted(clock="C3", episode=1, fact=fact)


def test_extension_moves_unfired_rungs_only() -> None:
    story = accepted()
    case = _record(story.case, ("C5", 1, "at_50"), ("C5", 1, "at_75"))
    before = next_look(case, BOOK)
    story.on(at("2026-04-20 10:00"), "ExtensionGranted", days=30, approver="head")
    story.on(at("2026-04-20 11:00"), "ExtensionNoticeServed")
    after = next_look(_record(story.case, ("C5", 1, "at_50"), ("C5", 1, "at_75")), BOOK)
    assert before is not None and after is not None and after > before


@pytest.mark.parametrize(
    ("event", "fields"),
    [("CaseWithdrawn", {}), ("CaseVoided", {})],
)
def test_ended_cases_have_no_rungs(event: str, fields: dict[str, Any]) -> None:
    story = dispatched().on(at("2026-03-30 10:00"), event, **fields)
    assert rungs_due(story.case, BOOK, at("2026-05-01 00:00")) == []
    assert next_look(story.case, BOOK) is None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100))
def test_recording_due_rungs_leaves_none_due(first: int, second: int) -> None:
    case = accepted().case
    for days in (first, second):
        now = at("2026-03-02 10:00") + timedelta(days=days)
        due = rungs_due(case, BOOK, now)
        case = _record(case, *((rung.clock, rung.episode, rung.rung) for rung in due))
        assert rungs_due(case, BOOK, now) == []
        look = next_look(case, BOOK)
        assert look is None or look > now or not BOOK.office.is_open(now)
        if look is not None:
            assert rungs_due(case, BOOK, BOOK.office.opening(max(look, now)))


# -------------------------------------------------------------------- explanations


def test_explain_lists_each_skipped_day() -> None:
    found = clock(dispatched("2025-09-26 10:00").case, "C4")
    assert found.rule.article.startswith("《信访工作条例》第二十三条")
    assert (found.start.name, found.due_day) == ("AssignmentDelivered", date(2025, 10, 10))
    explained = {step.day for step in found.steps if step.day is not None}
    assert found.period is not None and {skipped.day for skipped in found.period.skipped} <= explained
    assert len(found.period.skipped) == 9
    assert "2025年10月1日（星期三）为法定节假日，不计入。" in [step.zh for step in found.steps]
    assert "Wednesday 2025-10-01 is a public holiday and is not counted." in [step.en for step in found.steps]
    assert "Sunday 2025-09-28 is a make-up workday and counts as a working day." in [step.en for step in found.steps]


def test_explain_describes_extension_roll_and_provisional_date() -> None:
    story = accepted("2026-11-03 10:00").on(at("2026-12-01 10:00"), "ExtensionGranted", days=40, approver="head")
    found = clock(story.case, "C5")
    assert found.provisional and found.extended_days == 30
    said = " ".join(step.en for step in found.steps)
    assert "Extended by 30 days (at most 30 in all)." in said and "provisional" in said
    rolled = clock(dispatched("2026-02-01 10:00").case, "C3")
    assert "The last day, Monday 2026-02-16, is a public holiday: the end moves on." in [s.en for s in rolled.steps]


def test_explain_describes_assigned_date() -> None:
    moment = at("2026-03-02 10:00")
    story = Story().registered(moment).on(moment, "CaseAssigned", org="zj", due=date(2026, 3, 20))
    assert clock(story.case, "C10").steps[-1].zh == "期限由交办机关指定：2026年3月20日（星期五）。"


# -------------------------------------------------------------------- changes of law


def _changed(days: int, since: str) -> PolicyBook:
    clocks = next(loaded for loaded in bundled("demo") if loaded.section == "clocks").document
    rules = [{**rule, "period": {"days": days}} if rule["id"] == "C1" else rule for rule in clocks["rules"]]
    document = {**clocks, "rules": rules}
    entry = LoadedSection("clocks", document, hash_of(document))
    return BOOK.with_event(recorded(entry.activation(), 99, at(since), stream="policy/cn-demo"))


def test_running_clock_keeps_rule_in_force_at_start() -> None:
    book = _changed(5, "2026-04-01 00:00")
    old = Story().registered(at("2026-03-30 10:00")).case
    new = Story().registered(at("2026-04-01 10:00")).case
    assert clock(old, "C1", book).due_day == date(2026, 4, 14)
    assert clock(new, "C1", book).due_day == date(2026, 4, 7)  # 6 April is a holiday


def test_episodes_are_counted_across_policy_change() -> None:
    book = _changed(5, "2026-04-01 00:00")
    story = Story().registered(at("2026-03-20 10:00")).on(at("2026-03-21 10:00"), "ReReviewRequested")
    story.on(at("2026-04-02 10:00"), "CaseReopened")
    found = [one for one in deadlines(story.case, book) if one.clock == "C1"]
    assert [(one.episode, one.rule.period.days) for one in found] == [(1, 15), (2, 5)]


@pytest.mark.parametrize("received", ["2022-05-01 00:00", "2022-04-30 23:00", "1949-10-01 09:00", "1900-01-01 00:00"])
def test_live_filing_has_its_clock_however_long_ago_it_was_received(received: str) -> None:
    (found,) = deadlines(Story().registered(at(received)).case, demo(date(2022, 5, 1)))
    assert (found.clock, found.running, found.start.effective_at, found.org) == ("C1", True, at(received), "xfj")
    assert 15 <= (found.due_day - day_of(at(received), ZONE)).days <= 25


def test_imported_history_has_no_deadline_before_the_first_policy() -> None:
    history = Story(origin="history").registered(at("2022-04-30 23:00"))
    assert deadlines(history.case, demo(date(2022, 5, 1))) == ()
    assert deadlines(Story().registered(at("2022-04-30 23:00")).case, PolicyBook()) == ()


def test_published_calendar_moves_provisional_date() -> None:
    story = Story().registered(at("2026-12-20 10:00"))
    assert (clock(story.case, "C1").due_day, clock(story.case, "C1").provisional) == (date(2027, 1, 4), True)
    document = next(loaded for loaded in bundled("demo") if loaded.section == "calendar").document
    years = {**document["years"], "2027": {"holidays": ["2027-01-01", "2027-01-04"], "workdays": []}}
    entry = LoadedSection("calendar", {**document, "years": years, "published_until": 2027}, "sha256:x")
    book = BOOK.with_event(recorded(entry.activation(), 99, LONG_AGO, stream="policy/cn-demo"))
    assert (clock(story.case, "C1", book).due_day, clock(story.case, "C1", book).provisional) == (
        date(2027, 1, 5),
        False,
    )


def test_period_may_depend_on_subject() -> None:
    document: dict[str, Any] = {
        "id": "S",
        "rules": [
            {
                "id": "D",
                "title": {"zh": "办结", "en": "Close"},
                "article": "local",
                "start": [{"event": "CaseRegistered"}],
                "end": [{"event": "CaseClosed"}],
                "period": {"by_subject": {"01": 3, "0102": 7}, "ends": "same_wall_time", "roll": "none"},
            }
        ],
    }
    others = [loaded for loaded in bundled("demo") if loaded.section != "clocks"]
    book = book_of([*others, LoadedSection("clocks", document, hash_of(document))])
    due = {
        subject: [one.due for one in deadlines(Story().registered(at("2026-03-02 10:00"), subject=subject).case, book)]
        for subject in ("0101", "0102", "02", None)
    }
    assert due == {"0101": [at("2026-03-05 10:00")], "0102": [at("2026-03-09 10:00")], "02": [], None: []}


# -------------------------------------------------------------------- total

ACTS: list[tuple[str, dict[str, Any]]] = [
    ("CaseTransferred", {"org": "zj"}),
    ("CaseAssigned", {"org": "rs", "due": date(2026, 5, 1)}),
    ("AssignmentDelivered", {"org": "zj"}),
    ("AssignmentDelivered", {"org": "rs"}),
    ("ReturnRequested", {"org": "zj", "reason_code": "other"}),
    ("ReturnVerified", {"agreed": True}),
    ("JurisdictionRuled", {"org": "rs"}),
    ("Accepted", {"org": "zj", "path": 6}),
    ("NoticeServed", {"kind": "acceptance"}),
    ("ExtensionGranted", {"days": 25, "approver": "head"}),
    ("ReplyDelivered", {"mode": "post"}),
    ("RedoOrdered", {"ground": "other"}),
    ("ReviewRequested", {}),
    ("ReviewOpinionIssued", {"body": "fc", "result": "redo"}),
    ("ReReviewRequested", {}),
    ("HearingHeld", {"org": "fc", "from_": date(2026, 3, 1), "to": date(2026, 3, 2)}),
    ("CaseClosed", {"kind": "explained"}),
    ("CaseReopened", {}),
    ("CaseWithdrawn", {}),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(-20, 120), st.booleans()), max_size=14), st.booleans())
def test_deadlines_are_consistent_for_any_log_order(acts: list[Any], history: bool) -> None:
    story = Story(origin="history" if history else "live").registered(at("2026-03-02 10:00"))
    for (event, fields), days, whole_day in acts:
        moment = at("2026-03-02 10:00") + timedelta(days=days)
        story.on(moment.date() if whole_day else moment, event, known=at("2026-08-01 00:00"), **fields)
    case, now = story.case, at("2026-06-01 00:00")
    found = deadlines(case, BOOK)
    assert found == deadlines(case, BOOK)
    for one in found:
        assert one.due_day == day_of(one.due, ZONE)
        assert (one.status(one.due) == "overdue") is False
        assert not (one.in_time and one.cancelled) and one.extended_days <= 30
        assert one.steps
    for clock_name in {one.clock for one in found}:
        assert [one.episode for one in found if one.clock == clock_name] == list(
            range(1, 1 + sum(one.clock == clock_name for one in found))
        )
    due = rungs_due(case, BOOK, now)
    assert not (history and due)
    assert all(rung.at <= now or rung.kind == "lift" for rung in due)
    look = next_look(case, BOOK)
    assert not due or (look is not None and look <= now)
    open_at = at("2026-06-01 10:00")  # at midnight a due reminder waits
    assert bool(rungs_due(case, BOOK, open_at)) == (look is not None and look <= open_at)
    for sent in {(rung.clock, rung.episode) for rung in due}:
        assert sum(not rung.passed for rung in due if (rung.clock, rung.episode) == sent) == 1


def test_receiving_organisation_owes_notice_after_transfer() -> None:
    moment = at("2026-03-02 10:00")
    story = Story().registered(moment, received_by="zj").on(moment, "CaseTransferred", org="rs")
    assert clock(story.case, "C2").org == "zj"


def test_suggestion_reply_has_no_due_date() -> None:
    moment = at("2026-03-02 10:00")
    story = Story().registered(moment, class_="suggestion").on(moment, "Accepted", org="zj")
    assert [one.clock for one in deadlines(story.case, BOOK)] == ["C1"]
