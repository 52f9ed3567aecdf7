"""The figures of a past day, from facts with validity, equal a fold of the log at that day."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics.case_history import PolicyHistory, history, known_day
from services.analytics.fact_projection import fact_projection
from services.analytics.fact_rows import Snapshot
from services.analytics.fact_store.arrow_batches import pack
from services.analytics.fact_store.store import FactLimits, Facts
from services.analytics.statistics.as_of import facts_as_of
from services.analytics.statistics.models import StatsQuery, StatsResult
from services.analytics.statistics.query import query
from shared.case import fold
from shared.events import Event
from shared.events import intake as i
from shared.events.policy import PolicyActivated
from shared.eventstore.recorded_event import RecordedEvent
from shared.policy.book import PolicyBook
from tests.unit.services.analytics.test_fact_store import (
    RULES,
    ZONE,
    J,
    LogOf,
    _clock,
    life,
    policy_events,
    recorded,
    stream_of,
)

FIRST, LAST = date(2025, 1, 1), date(2026, 3, 1)


def amended(seed: int) -> list[RecordedEvent]:
    """A random life with corrections among its events, and sometimes voided at last."""
    dice, events = random.Random(seed), stream_of(seed)
    for _ in range(dice.choice((0, 0, 1, 2))):
        before = events[-1]
        field, new = dice.choice((("place", "p9"), ("class_", "suggestion"), ("subject", "s9")))
        when = before.recorded_at + timedelta(hours=dice.choice((0, 30, 900)))
        body: Event = i.CaseCorrected(field=field, old=None, new=new)
        events.append(recorded(before.stream, before.version + 1, body, when, when, before.origin))
    if dice.random() < 0.1:
        when = events[-1].recorded_at + timedelta(days=3)
        events.append(recorded(events[0].stream, len(events) + 1, i.CaseVoided(reason_code="test"), when, when))
    return events


def policy_change(at: datetime, days: int, version: int) -> RecordedEvent:
    clocks = {"id": "TEST", "rules": [_clock({**rule, "days": days}) for rule in RULES]}
    body = PolicyActivated(section="clocks", hash=f"h{version}", document=clocks)
    return recorded(f"policy/{J}", version, body, at.date(), at)


class Policies:
    """The policy of a log, made again when it changes."""

    def __init__(self, log: LogOf) -> None:
        self._log, self._made = log, (0, PolicyBook.of([]))

    async def book(self, _jurisdiction: str) -> PolicyBook:
        events = self._log.streams[f"policy/{J}"]
        if self._made[0] != len(events):
            self._made = len(events), PolicyBook.of(events)
        return self._made[1]


def alike(one: StatsResult, other: StatsResult) -> None:
    figures = [{(f.measure, f.of, *f.group.values()): f for f in found.figures} for found in (one, other)]
    assert figures[0].keys() == figures[1].keys()
    assert figures[0] == figures[1]
    assert (one.cases, one.events) == (other.cases, other.events)


async def compare(facts: Facts, log: LogOf, days: Sequence[date]) -> None:
    for day in days:
        then = datetime.combine(day, time.max, ZoneInfo(ZONE))
        folded = await facts_as_of(log, Policies(log), day)  # type: ignore[arg-type]
        try:
            for by in ((), ("organisation", "place")):
                asked = StatsQuery(by=by)
                alike(
                    await query(facts, asked, then, current=False, day=day),
                    await query(folded, asked, then, current=False),
                )
        finally:
            await folded.close()


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_figures_of_a_past_day_equal_a_fold_of_the_log(seed: int) -> None:
    dice = random.Random(seed)
    lives = [amended(seed * 1000 + number) for number in range(25)]
    changes = [
        policy_change(
            datetime(2025, 1, 1, dice.randrange(24), tzinfo=UTC) + timedelta(days=day), 10 + day % 50, version
        )
        for version, day in enumerate(sorted(dice.sample(range(300), 2)), len(policy_events()) + 1)
    ]
    steps = sorted([*changes, *(event for one in lives for event in one)], key=lambda event: event.recorded_at)

    async def check() -> None:
        log = LogOf({f"policy/{J}": policy_events()})
        streams: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
        facts = Facts()
        project = fact_projection(facts, log, Policies(log))  # type: ignore[arg-type]
        place = 0
        try:
            while place < len(steps):
                batch = steps[place : (place := place + dice.randint(1, 30))]
                changed = False
                for event in batch:
                    log.streams.setdefault(event.stream, []).append(event)
                    changed = changed or event.stream.startswith("policy/")
                    if event.stream.startswith("case/"):
                        streams[event.stream].append(event)
                if changed:
                    await project([fold(found) for found in streams.values()], [])
                moved = [event for event in batch if event.stream.startswith("case/")]
                if dice.random() < 0.1:
                    moved = moved[::2]  # the rest comes late
                await project([fold(streams[name]) for name in {event.stream for event in moved}], moved)
                if dice.random() < 0.2:
                    await project([fold(streams[name]) for name in {event.stream for event in moved}], moved)
            await project([fold(found) for found in streams.values()], [e for found in streams.values() for e in found])
            days = [FIRST + timedelta(days=dice.randrange((LAST - FIRST).days)) for _ in range(6)]
            await compare(facts, log, [*days, LAST])
        finally:
            await facts.close()

    asyncio.run(check())


async def test_rebuilt_history_equals_a_fold_of_the_log() -> None:
    """The history that worker processes compute from whole streams."""
    lives = [amended(number) for number in range(60)]
    changed = policy_change(datetime(2025, 5, 1, 3, tzinfo=UTC), 11, len(policy_events()) + 1)
    events = [*policy_events(), changed]
    log = LogOf({one[0].stream: one for one in lives} | {f"policy/{J}": events})
    policy = PolicyHistory.of(PolicyBook.of(events), events)
    facts = Facts(limits=FactLimits(memory_mb=256, threads=1))
    try:
        for _ in range(2):  # a frame that comes again replaces its cases
            await facts.absorb(pack([one for each in lives for one in history(each, policy)]))
        await compare(facts, log, [FIRST, date(2025, 4, 30), date(2025, 5, 1), date(2025, 8, 9), LAST])
    finally:
        await facts.close()


def test_snapshots_of_a_case_follow_each_other() -> None:
    policy = PolicyHistory.of(PolicyBook.of(policy_events()), policy_events())
    for seed in range(80):
        events = amended(seed)
        found = history(events, policy)
        assert [one.until for one in found] == [*(one.since for one in found[1:]), None]
        assert all(one.since < other.since for one, other in itertools.pairwise(found))
        assert found[-1].case == fold(events)
        assert found[0].since == min(known_day(event, ZONE) for event in events)


async def test_case_that_is_sealed_now_counts_on_no_past_day() -> None:
    start = datetime(2025, 3, 3, 2, tzinfo=UTC)
    events = life(
        (i.CaseRegistered(number="n", channel="c", channel_class="web", class_="claim"), start),
        (i.CaseCorrected(field="class_", old="claim", new="accusation"), start + timedelta(days=9)),
    )
    policy = PolicyHistory.of(PolicyBook.of(policy_events()), policy_events())
    *before, now = history(events, policy)
    facts = Facts()
    try:
        await facts.write([now], past={now.case.id: before})
        result = await query(facts, StatsQuery(), start, current=False, day=date(2025, 3, 5))
        assert (result.cases, result.events) == (0, 0) and all(one.denominator == 0 for one in result.figures)
    finally:
        await facts.close()


@pytest.mark.parametrize(("memory", "threads"), [(0, 0), (300, 1)])
async def test_limits_reach_the_database(memory: int, threads: int) -> None:
    facts = Facts(limits=FactLimits(memory, threads))
    try:
        [[(limit, used)]] = await facts.select(
            [("SELECT current_setting('memory_limit'), current_setting('threads')", {})]
        )
        if memory:
            assert (str(limit), used) == ("286.1 MiB", 1)
        else:
            assert limit and used
    finally:
        await facts.close()


def one_snapshot(events: Sequence[RecordedEvent], **more: Any) -> Snapshot:
    policy = PolicyHistory.of(PolicyBook.of(policy_events()), policy_events())
    return history(events, policy)[-1]._replace(**more)


async def test_present_row_becomes_a_past_one_when_the_next_begins_later() -> None:
    events = stream_of(3)
    facts = Facts()
    try:
        first = one_snapshot(events[:1])
        await facts.write([first])
        second = one_snapshot(events, since=first.since + timedelta(days=5))
        for _ in range(2):
            await facts.write([second])
        rows = [("SELECT since, until FROM cases", {}), ("SELECT since, until FROM past", {})]
        assert await facts.select(rows) == [[(second.since, None)], [(first.since, second.since)]]
    finally:
        await facts.close()
