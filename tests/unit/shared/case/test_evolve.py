"""evolve is total, and folding does not depend on how a log was divided."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from shared.case import EMPTY, STATES, cut, evolve, fold
from shared.case.evolve import changed
from shared.events import REGISTRY
from shared.events.base import Event
from shared.events.intake import CaseCorrected
from shared.eventstore.recorded_event import RecordedEvent
from tests.support.deciding import START
from tests.support.events import bodies
from tests.support.policies import recorded

CASE_EVENTS = sorted(
    name
    for name in REGISTRY
    if name not in ("OutboxEntry", "ReadRecorded", "KeyIssued", "KeyRevoked", "PolicyActivated", "OrganisationAdded")
)


@st.composite
def logs(draw: st.DrawFn) -> list[RecordedEvent]:
    """Any sequence of any case events, sensible or not, with legal times in any order."""
    names = draw(st.lists(st.sampled_from(CASE_EVENTS), max_size=14))
    events = []
    for version, name in enumerate(names, 1):
        body = draw(bodies(REGISTRY[name]))
        if isinstance(body, CaseCorrected) and body.field == "effective_at":
            body = body.model_copy(update={"new": "2026-02-20"})  # decide() produces no others
        when: Any = START + timedelta(hours=draw(st.integers(-400, 400)))
        if draw(st.booleans()):
            when = when.date()
        origin = "history" if draw(st.booleans()) else "live"
        events.append(recorded(body, version, when, recorded_at=START + timedelta(minutes=version), origin=origin))
    return events


@forall(logs())
def test_evolve_never_raises_and_states_have_names(log: list[RecordedEvent]) -> None:
    case = EMPTY
    for event in log:
        case = evolve(case, event)
        assert case.version == event.version
        assert case.state in ("", *STATES)


@forall(logs(), st.integers(0, 14))
def test_fold_does_not_depend_on_batches(log: list[RecordedEvent], at: int) -> None:
    assert fold(log[at:], fold(log[:at])) == fold(log)
    one_by_one = EMPTY
    for event in log:
        one_by_one = evolve(one_by_one, event)
    assert one_by_one == fold(log)


@forall(logs(), st.integers(0, 14))
def test_evolve_does_not_change_previous_case(log: list[RecordedEvent], at: int) -> None:
    before = fold(log[:at])
    copy = fold(log[:at])
    for event in log[at:]:
        evolve(before, event)
    assert before == copy


@forall(logs(), st.integers(-20, 20), st.integers(0, 15))
def test_log_cut_by_two_times_can_be_folded(log: list[RecordedEvent], days: int, minutes: int) -> None:
    as_of = (START + timedelta(days=days)).date()
    known_at = START + timedelta(minutes=minutes)
    part = cut(log, "Asia/Shanghai", as_of=as_of, known_at=known_at)
    assert all(event.recorded_at <= known_at for event in part)
    assert fold(part).version <= len(log)
    assert cut(log, "Asia/Shanghai") == log


def test_as_of_now_equals_current_case() -> None:
    story: list[Event] = [
        REGISTRY["CaseRegistered"].model_validate({"number": "n", "channel": "c", "channel_class": "web"})
    ]
    log = [recorded(body, version, START) for version, body in enumerate(story, 1)]
    assert fold(cut(log, "Asia/Shanghai", as_of=START + timedelta(days=1))).state == "registered"
    assert fold(cut(log, "Asia/Shanghai", as_of=START - timedelta(days=1))) == EMPTY


def test_ticker_events_do_not_make_version_stale() -> None:
    log = [
        recorded(
            REGISTRY["CaseRegistered"].model_validate({"number": "n", "channel": "c", "channel_class": "web"}), 1, START
        ),
        recorded(REGISTRY["DeadlineAtRisk"].model_validate({"clock": "C1", "episode": 1, "rung": "r75"}), 2, START),
    ]
    case = fold(log)
    assert (case.version, case.acted) == (2, 1)


def test_events_after_voiding_have_no_effect() -> None:
    filed = recorded(
        REGISTRY["CaseRegistered"].model_validate({"number": "n", "channel": "c", "channel_class": "web"}), 1, START
    )
    voided = recorded(REGISTRY["CaseVoided"].model_validate({}), 2, START)
    late = recorded(REGISTRY["CaseTransferred"].model_validate({"org": "zj"}), 3, START)
    case = fold([filed, voided, late])
    assert (case.state, case.assignment.org, case.version) == ("voided", None, 3)


def test_corrected_date_moves_its_own_event_only() -> None:
    day = date(2026, 3, 2)
    steps = [
        recorded(
            REGISTRY["CaseRegistered"].model_validate({"number": "n", "channel": "c", "channel_class": "c"}), 1, day
        ),
        recorded(REGISTRY["Accepted"].model_validate({"org": "zj", "path": 6}), 2, day),
        recorded(REGISTRY["ReplyDelivered"].model_validate({"org": "zj"}), 3, day),
        recorded(CaseCorrected(field="effective_at", of=2, old="2026-03-02", new="2026-02-27"), 4, day),
    ]
    case = fold(steps)
    assert (case.filing.filed_at, case.handling.accepted_at, case.handling.replied_at) == (day, date(2026, 2, 27), day)
    assert case.moved_at == day


@pytest.mark.parametrize("changes", [{"nothing": 1}, {"assignment": {"nothing": 1}}, {"assignment": None}])
def test_unknown_field_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        changed(EMPTY, changes)
