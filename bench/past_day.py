"""Figures of a past day beside those of today, over many cases."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median

from bench.figures import Figure, at_most
from services.analytics.case_history import PolicyHistory, history
from services.analytics.fact_store.arrow_batches import pack
from services.analytics.fact_store.store import Facts
from services.analytics.statistics.models import StatsQuery
from services.analytics.statistics.query import query
from shared.events import Event
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.policy import PolicyActivated
from shared.eventstore.recorded_event import Actor, RecordedEvent
from shared.policy.book import PolicyBook
from shared.policy.loading.loader import bundled

NAME = "past_day"
AIM = 2.0
START = datetime(2025, 1, 1, 2, tzinfo=UTC)
DAYS = 360
TEMPLATES = 1000
JURISDICTION = "demo"


def measure(*, quick: bool) -> list[Figure]:
    return asyncio.run(_measured(2_000 if quick else 200_000, 2 if quick else 7))


def _event(stream: str, version: int, body: Event, at: datetime) -> RecordedEvent:
    who = Actor(None, "clerk", "k1")
    names = (f"{stream}:{version}", stream, version, type(body).__name__, 1, JURISDICTION)
    return RecordedEvent(*names, at, at, "live", who, f"c{version}", None, None, None, body, ())


def _life(number: int) -> list[RecordedEvent]:
    """A case of six days in which something happened."""
    at, org, stream = START + timedelta(days=number * DAYS / TEMPLATES), f"o{number % 20}", f"case/{number:08x}"
    steps: tuple[tuple[Event, int], ...] = (
        (i.CaseRegistered(number="n", channel="web", channel_class="web", place=f"p{number % 9}", class_="claim"), 0),
        (r.CaseTransferred(org=org, rule="r"), 1),
        (d.Accepted(org=org), 4),
        (d.ReplyDelivered(org=org, mode="post"), 20 + number % 60),
        (i.EvaluationInvited(object="organisation"), 85),
        (s.CaseClosed(kind="settled"), 100),
    )
    return [_event(stream, version, body, at + timedelta(days=days)) for version, (body, days) in enumerate(steps, 1)]


def _policy() -> PolicyHistory:
    sections = [PolicyActivated(section=one.section, hash=one.hash, document=one.document) for one in bundled("demo")]
    early = START - timedelta(days=900)
    events = [_event(f"policy/{JURISDICTION}", number, body, early) for number, body in enumerate(sections, 1)]
    return PolicyHistory.of(PolicyBook.of(events), events)


async def _measured(cases: int, rounds: int) -> list[Figure]:
    policy, facts = _policy(), Facts()
    await facts.absorb(pack([one for number in range(TEMPLATES) for one in history(_life(number), policy)]))
    for copy in range(1, cases // TEMPLATES):
        renamed = f'SELECT * REPLACE ("case" || \'-{copy}\' AS "case") FROM'
        original = "WHERE \"case\" NOT LIKE '%-%'"
        await facts.select(
            [(f"INSERT INTO {name} {renamed} {name} {original}; COMMIT; BEGIN", {}) for name in ("past", "cases")]
        )
    day = (START + timedelta(days=DAYS // 2)).date()
    taken: dict[date | None, list[float]] = {None: [], day: []}
    for _ in range(rounds):
        for when, times in taken.items():
            began = time.perf_counter()
            now = START + timedelta(days=DAYS * 2 if when is None else DAYS // 2)
            result = await query(facts, StatsQuery(by=("organisation",)), now, current=when is None, day=when)
            times.append((time.perf_counter() - began) * 1000)
            assert result.cases > 0
    [[(held,)]] = await facts.select([("SELECT count(*) FROM cases", {})])
    await facts.close()
    past, today = median(taken[day]), median(taken[None])
    note = f"all figures by organisation, {held:,} cases"
    return [
        Figure("figures of a past day", past, "ms", "of today", today, past / today, *at_most(past / today, AIM), note)
    ]
