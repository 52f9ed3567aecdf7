"""The episodes of a clock: which fact starts, ends, extends or interrupts which of them, whatever order it was recorded in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.case import Case, Fact
from shared.case.state import Service
from shared.deadlines.episodes import Episode, episodes_of
from shared.kernel.legal_time import LegalTime
from shared.policy.deadline_rules import Clocks

ZONE = "Asia/Shanghai"
RECORDED = datetime(2026, 3, 2, 1, tzinfo=UTC)


def clock(**more: Any) -> Clocks:
    """One clock that `Accepted` starts, and `DecisionIssued` ends."""
    rule = {
        "id": "C", "title": {"zh": "甲", "en": "A"}, "article": "第一条",
        "start": [{"event": "Accepted"}], "end": [{"event": "DecisionIssued"}], "cancel": [{"event": "CaseWithdrawn"}],
        "period": {"days": 30}, "responsible": "organisation", **more,
    }  # fmt: skip
    return Clocks.model_validate({"id": "test", "rules": [rule]})


def episodes(clocks: Clocks, *facts: tuple[str, str], undone: tuple[int, ...] = (), **more: Any) -> list[Episode]:
    """`facts`: (event, day), in the order in which they were recorded, an hour apart. `more`: fields of all of them."""
    made = tuple(
        Fact(name, None, version, day_of(day), RECORDED + timedelta(hours=version), "zj")._replace(**more)
        for version, (name, day) in enumerate(facts, 1)
    )
    return episodes_of(Case(facts=made, service=Service(undone=undone)), clocks, ZONE).get(0, [])


def day_of(text: str) -> LegalTime:
    return date.fromisoformat(text)


def shown(found: list[Episode]) -> list[tuple[int, int | None, int | None]]:
    """Versions of the facts that started, ended and stopped each episode."""
    return [(one.start.version, one.end and one.end.version, one.stopped and one.stopped.version) for one in found]


STARTED = ("Accepted", "2026-03-02")
AGAIN = ("Accepted", "2026-04-02")


def test_end_before_the_first_start_belongs_to_no_episode() -> None:
    assert episodes(clock(), ("DecisionIssued", "2026-03-01")) == []


def test_next_start_stops_what_was_running_and_leaves_what_has_ended() -> None:
    assert shown(episodes(clock(), STARTED, AGAIN)) == [(1, None, 2), (2, None, None)]
    assert shown(episodes(clock(), STARTED, ("DecisionIssued", "2026-03-10"), AGAIN)) == [(1, 2, None), (3, None, None)]


def test_end_that_is_recorded_late_goes_to_the_episode_of_its_day() -> None:
    late = ("DecisionIssued", "2026-03-10")
    assert shown(episodes(clock(), STARTED, AGAIN, late)) == [(1, 3, None), (2, None, None)]
    assert shown(episodes(clock(), STARTED, AGAIN, ("DecisionIssued", "2026-04-02"))) == [(1, None, 2), (2, 3, None)]


@pytest.mark.parametrize("day", ["2026-02-01", "2026-03-10", "2026-04-02", "2026-04-20"])
def test_request_uses_the_window_that_is_open_when_it_is_recorded(day: str) -> None:
    """A re-review may be dated before the delivery of the opinion, which opens a new window: it uses that one."""
    assert shown(episodes(clock(window=True), STARTED, AGAIN, ("DecisionIssued", day))) == [(1, None, 2), (2, 3, None)]


def test_earlier_dated_end_replaces_a_later_one_and_keeps_it_on_record() -> None:
    first, earlier, later = (("DecisionIssued", f"2026-03-{day}") for day in ("20", "10", "25"))
    (found,) = episodes(clock(), STARTED, first, earlier)
    assert (found.end and found.end.version, [(fact.version, ends) for fact, ends in found.replaced]) == (
        3,
        [(2, True)],
    )
    (found,) = episodes(clock(), STARTED, first, later)
    assert (found.end and found.end.version, found.replaced) == (2, ())
    (found,) = episodes(clock(), STARTED, ("CaseWithdrawn", "2026-03-20"), earlier)
    assert shown([found]) == [(1, 3, None)] and [ends for _fact, ends in found.replaced] == [False]


def test_what_has_ended_is_not_stopped_extended_or_interrupted() -> None:
    clocks = clock(exclude=[{"event": "HearingHeld"}], extension={"event": "ExtensionGranted", "cap_days": 30})
    more = [(name, "2026-03-10") for name in ("CaseWithdrawn", "ExtensionGranted", "HearingHeld")]
    (found,) = episodes(clocks, STARTED, ("DecisionIssued", "2026-03-05"), *more)
    assert (found.stopped, found.extensions, found.excluded) == (None, (), ())
    (found,) = episodes(clocks, STARTED, *more[1:])
    assert [len(facts) for facts in (found.extensions, found.excluded)] == [1, 1]


def test_fact_of_another_than_the_responsible_unit_is_left_out_where_the_rule_says_so() -> None:
    clocks = clock(end=[{"event": "DecisionIssued", "responsible": True}])
    sent, decided = ("CaseTransferred", "2026-03-01"), ("DecisionIssued", "2026-03-10")
    assert shown(episodes(clocks, sent, STARTED, decided)) == [(2, 3, None)]
    facts = [Fact(name, None, place, day_of(day), RECORDED, org) for place, (name, day, org) in enumerate(
        [(*sent, "zj"), (*STARTED, "zj"), (*decided, "jt")], 1)]  # fmt: skip
    assert shown(episodes_of(Case(facts=tuple(facts)), clocks, ZONE)[0]) == [(2, None, None)]


def test_void_guidance_and_the_closing_that_rested_on_it_end_nothing() -> None:
    clocks = clock(end=[{"event": "StatutoryPathGuided"}, {"event": "CaseClosed"}])
    gone = [STARTED, ("StatutoryPathGuided", "2026-03-05"), ("CaseClosed", "2026-03-06")]
    assert shown(episodes(clocks, *gone)) == [(1, 2, None)]
    void = ("NotCompetentDeclared", "2026-03-20")
    assert shown(episodes(clocks, *gone, void)) == [(1, None, None)]
    assert shown(episodes(clocks, *gone, void, ("CaseClosed", "2026-03-25"))) == [(1, 5, None)]


def test_service_that_did_not_arrive_ends_nothing() -> None:
    ended = ("DecisionIssued", "2026-03-10")
    assert shown(episodes(clock(), STARTED, ended, undone=(2,))) == [(1, None, None)]


def test_nudges_start_a_clock_only_where_a_rule_names_them() -> None:
    clocks = clock(start=[{"event": "Nudged"}])
    assert shown(episodes(clocks, ("Nudged", "2026-03-02"), ("Nudged", "2026-03-03"))) == [
        (1, None, 2),
        (2, None, None),
    ]
