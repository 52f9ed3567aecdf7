"""The next step that a petitioner is told, for each state and each clock that can run in it: a golden sentence each.

Set HUIYIN_WRITE_GOLDEN=1 to write the file anew, and read the difference.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from shared.case import OPEN_STATES, Case
from shared.deadlines.derivation import deadlines
from shared.queries.citizen_status import sentence_of
from shared.queries.next_step import STEPS, next_step
from tests.support.policies import Story, at, demo

GOLDEN = Path(__file__).parents[3] / "golden" / "status-sentences.json"
BOOK = demo()
DAY = "2026-03-02 10:00"


def _filed(**fields: object) -> Story:
    return Story().registered(at(DAY), class_="claim", **fields)


def _sent(story: Story | None = None, *, assigned: bool = False) -> Story:
    story = story or _filed()
    if assigned:
        story.on(at(DAY), "CaseAssigned", org="zj", due=at("2026-04-20 18:00"), report_required=True)
    else:
        story.on(at(DAY), "CaseTransferred", org="zj")
    return story.on(at(DAY), "AssignmentDelivered", org="zj", seq=1)


def _accepted(path: int = 6, *, told: bool = False, assigned: bool = False) -> Story:
    story = _sent(assigned=assigned).on(at("2026-03-05 10:00"), "SignedFor", org="zj")
    story.on(at("2026-03-06 10:00"), "Accepted", org="zj", path=path)
    return story.on(at("2026-03-06 10:00"), "NoticeServed", kind="acceptance") if told else story


def _decided(path: int = 6) -> Story:
    return _accepted(path, told=True).on(
        at("2026-04-01 10:00"), "DecisionIssued", org="zj", result="explained", basis=[]
    )


def _replied() -> Story:
    return _decided().on(at("2026-04-02 10:00"), "ReplyDelivered")


def _in_review() -> Story:
    return _replied().on(at("2026-04-10 10:00"), "ReviewRequested")


def _reviewed() -> Story:
    return _in_review().on(at("2026-04-20 10:00"), "ReviewOpinionIssued", body="sz", result="upheld")


def _refused(*, told: bool) -> Story:
    story = _sent().on(at("2026-03-05 10:00"), "SignedFor", org="zj")
    story.on(at("2026-03-06 10:00"), "NotAccepted", org="zj", reason_code="outside_mandate")
    return story.on(at("2026-03-06 11:00"), "NoticeServed", kind="non_acceptance") if told else story


SCENARIOS: dict[str, Story] = {
    "registered: C1": _filed(),
    "registered, received directly: C2": _filed(received_by="jt"),
    "registered, received long ago: C1 overdue": Story().registered(at("1996-03-02 10:00"), class_="claim"),
    "dispatched: C3, C4": _sent(),
    "dispatched with a report: C3, C4, C10": _sent(assigned=True),
    "dispatched to who received it: C2, C3, C4": _sent(_filed(received_by="zj")),
    "dispatched by who received it: C2, C3, C4": _sent(_filed(received_by="jt")),
    "signed: C3, C4": _sent().on(at("2026-03-05 10:00"), "SignedFor", org="zj"),
    "return_requested: C3": _sent().on(at("2026-03-03 10:00"), "ReturnRequested", org="zj", reason_code="other"),
    "returned": _sent()
    .on(at("2026-03-03 10:00"), "ReturnRequested", org="zj", reason_code="other")
    .on(at("2026-03-04 10:00"), "ReturnVerified", agreed=True),
    "disputed": _sent()
    .on(at("2026-03-03 10:00"), "ReturnRequested", org="zj", reason_code="other")
    .on(at("2026-03-04 10:00"), "JurisdictionDisputed", hops=1),
    "accepted, not told: C3, C5": _accepted(),
    "accepted: C5": _accepted(told=True),
    "accepted with a report: C5, C10": _accepted(told=True, assigned=True),
    "accepted on another path, not told: C3": _accepted(2),
    "accepted and extended: C5, C14": _accepted(told=True)
    .on(at("2026-04-01 10:00"), "ExtensionRequested", org="zj", days=20)
    .on(at("2026-04-02 10:00"), "ExtensionGranted", days=20),
    "handling: C5": _accepted(told=True).on(at("2026-03-10 10:00"), "InvestigationStepRecorded", org="zj"),
    "decided: C5": _decided(),
    "replied: C6": _replied(),
    "replied with a report to come: C6, C10": _accepted(told=True, assigned=True)
    .on(at("2026-04-01 10:00"), "DecisionIssued", org="zj", result="explained", basis=[])
    .on(at("2026-04-02 10:00"), "ReplyDelivered"),
    "replied, to be carried out: C6, C13": _accepted(told=True)
    .on(at("2026-04-01 10:00"), "DecisionIssued", org="zj", result="supported", execute_by=at("2026-07-01 18:00"))
    .on(at("2026-04-02 10:00"), "ReplyDelivered"),
    "in_review: C7": _in_review(),
    "reviewed: C8": _reviewed(),
    "in_re_review: C9": _reviewed().on(at("2026-05-01 10:00"), "ReReviewRequested"),
    "redo_ordered: C5": _replied().on(at("2026-04-10 10:00"), "RedoOrdered", ground="dissatisfied"),
    "not_accepted, not told: C3": _refused(told=False),
    "not_accepted": _refused(told=True),
    "guided": _filed().on(at("2026-03-03 10:00"), "StatutoryPathGuided", path=2, organ="法院", how_to="起诉"),
    "closed": _replied().on(at("2026-06-10 10:00"), "CaseClosed", kind="explained"),
    "withdrawn": _filed().on(at("2026-03-03 10:00"), "CaseWithdrawn"),
}


def _told(case: Case) -> dict[str, str | None]:
    now = at("2026-06-30 10:00")
    step = next_step(case, BOOK)
    words = sentence_of(case, BOOK, step, now)
    days = [one.due_day.isoformat() if one is not None else None for one in (step.deadline, step.notice)]
    return {"zh": words.zh, "en": words.en, "due_day": days[0], "notice_due": days[1]}


def test_every_sentence_is_the_golden_one() -> None:
    found = {name: _told(story.case) for name, story in SCENARIOS.items()}
    if os.environ.get("HUIYIN_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_scenarios_cover_every_open_state_and_every_clock() -> None:
    states = {story.case.state for story in SCENARIOS.values()}
    assert states >= set(OPEN_STATES)
    begun = {one.clock for story in SCENARIOS.values() for one in deadlines(story.case, BOOK)}
    known = {rule.id for _since, _until, clocks in BOOK.clock_editions for rule in clocks.rules}
    assert known - begun <= {"C12"}, "the notice on a joined filing is tested with matters"


@pytest.mark.parametrize("name", SCENARIOS)
def test_told_day_is_of_a_running_clock_that_the_step_ends(name: str) -> None:
    case = SCENARIOS[name].case
    step = next_step(case, BOOK)
    named = STEPS.get(case.state)
    for deadline in filter(None, (step.deadline, step.notice)):
        assert deadline in deadlines(case, BOOK) and deadline.running and not deadline.rule.window
    if step.deadline is not None:
        assert step.deadline.rule.id != "C10", "a clock between offices"
        ends = {trigger.event for trigger in step.deadline.rule.end}
        assert ends & {"NoticeServed", "ExecutionConfirmed"} or (named is not None and named.event in ends)
    if step.notice is not None:
        assert any(trigger.event == "NoticeServed" for trigger in step.notice.rule.end)


def test_day_that_has_passed_is_said_to_have_passed() -> None:
    case = _accepted(told=True).case
    step = next_step(case, BOOK)
    assert step.deadline is not None
    for shift, late in ((-1, False), (1, True)):
        words = sentence_of(case, BOOK, step, step.deadline.due + timedelta(seconds=shift))
        assert ("已超期" in words.zh) is late and ("has passed" in words.en) is late
