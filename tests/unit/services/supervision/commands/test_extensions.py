"""The petition office looks at an extension that was granted, and may raise a finding (Art. 34)."""

from __future__ import annotations

from datetime import timedelta

from services.supervision.read_models import also_queue_of
from shared.case import fold
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import routing as r
from shared.events import supervision as s
from tests.support.deciding import BOOK, REGISTRAR, SENT, SUPERVISOR, Story, given
from tests.support.policies import recorded

FINDING = {"result": "finding", "ground": "no_reason", "text": "未说明情况复杂在何处"}


def extended() -> Story:
    story = given(
        *SENT,
        r.AssignmentDelivered(org="zj", seq=1),
        d.SignedFor(org="zj"),
        d.Accepted(org="zj", path=6),
        d.ExtensionRequested(org="zj", days=20),
        d.ExtensionGranted(days=20),
    )
    story.now += timedelta(days=1)
    return story


def test_finding_is_recorded_and_the_period_stays() -> None:
    story = extended()
    version = story.case.version
    before = [(one.clock, one.due) for one in deadlines(story.case, BOOK)]
    assert also_queue_of(story.case) == "to_check_extension"
    expected = s.ExtensionChecked(of=version, **FINDING)
    story.when("check_extension", REGISTRAR, **FINDING).then(expected)
    story.case = fold([recorded(expected, version + 1, story.now)], story.case)
    assert also_queue_of(story.case) is None
    assert [(one.clock, one.due) for one in deadlines(story.case, BOOK)] == before
    story.when("check_extension", SUPERVISOR, **FINDING).then_nothing()
    story.when("check_extension", SUPERVISOR, result="in_order").then_nothing()


def test_extension_in_order_may_be_questioned_later_and_a_new_one_is_checked_again() -> None:
    story = extended()
    version = story.case.version
    fine = s.ExtensionChecked(of=version, result="in_order")
    story.when("check_extension", REGISTRAR, result="in_order").then(fine)
    story.case = fold([recorded(fine, version + 1, story.now)], story.case)
    story.when("check_extension", SUPERVISOR, **FINDING).then(s.ExtensionChecked(of=version, **FINDING))
    story.case = fold([recorded(d.ExtensionGranted(days=5), version + 2, story.now)], story.case)
    assert also_queue_of(story.case) == "to_check_extension"


def test_what_is_refused() -> None:
    story = extended()
    story.when("check_extension", REGISTRAR._replace(org="zj"), **FINDING).refused("handling_unit")
    story.when("check_extension", REGISTRAR, result="finding", text="无理由").refused("finding_needs_reasons")
    story.when("check_extension", REGISTRAR, result="finding", ground="other").refused("finding_needs_reasons")
    story.when("check_extension", REGISTRAR, result="in_order", ground="other").refused("ground_of_a_finding")
    given(*SENT).when("check_extension", REGISTRAR, **FINDING).refused("not_extended")
