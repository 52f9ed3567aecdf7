"""Delivery metrics when events wait, are redelivered, or stop."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry

from shared.adapters.kafka.duplicates import STREAMS, DuplicateFilter
from shared.adapters.memory import MemoryEventStore, MemoryReadModels, SetClock
from shared.commands.reading_meter import ReadingMeter
from shared.eventstore.read_models import Parked
from shared.eventstore.subscription import GroupFigures, ProducerFigures
from shared.hosting.delivery_metrics import Exported
from shared.hosting.process import Process
from shared.messaging import partner_topics as topics
from tests.support.commits import START, commit, history

WELL = {"ready": True, "reasons": [], "groups": {}, "notes": []}


class Feed:
    """A feed with prepared figures."""

    def __init__(self) -> None:
        self.one = GroupFigures("case-events", 8, 100, 3, 1, 2, 0)
        self.sent = ProducerFigures(50, 4, 0)
        self.progress = 0.0

    def figures(self) -> dict[str, GroupFigures]:
        return {"routing": self.one}

    def sending(self) -> ProducerFigures:
        return self.sent

    def last_progress(self, group: str) -> float:
        assert group == "routing"
        return self.progress


class WatchedProcess:
    """One process with a group, its registry and its exposed metrics."""

    def __init__(self, *parts: str) -> None:
        self.clock = SetClock(START)
        self.log = MemoryEventStore(outbox=True)
        self.feed = Feed()
        self.views = MemoryReadModels()
        self.registry = CollectorRegistry()
        self.metrics = Exported()
        self.registry.register(self.metrics)
        self.readings = ReadingMeter()
        ports = SimpleNamespace(log=self.log, feed=self.feed, views=self.views, clock=self.clock)
        self.runtime = SimpleNamespace(
            ports=ports,
            consumers=[SimpleNamespace(group="routing", handled=70)],
            parts=[SimpleNamespace(name=name, ticker=None, webhooks=None, senders=()) for name in parts],
            letters=[],
            relay=None,
            principals=SimpleNamespace(expiring=lambda: ()),
            handling=lambda _service: SimpleNamespace(readings=self.readings),
        )

    async def shows(self, name: str, health: dict[str, Any] | None = None, **labels: str) -> float | None:
        await self.metrics.look(cast(Process, self.runtime), {**WELL, **(health or {})})
        return self.registry.get_sample_value(name, labels)


async def test_backlog_age_is_age_of_oldest_commit_despite_sweeper() -> None:
    process = WatchedProcess()
    assert await process.shows("huiyin_publish_lag_seconds") == 0
    first = commit("case/a", at=START)
    await process.log.append(first)
    process.clock.advance(timedelta(seconds=40))
    await process.log.append(commit("case/a", after=first, at=process.clock.now()))
    now, expected = process.clock.now(), 40
    assert await process.shows("huiyin_publish_lag_seconds") == expected
    assert await process.log.claim(now + timedelta(days=1), now + timedelta(days=2), 1)
    assert await process.shows("huiyin_publish_lag_seconds") == expected
    assert await process.shows("huiyin_unpublished_commits") == 2
    await process.log.mark_published(await process.log.load("case/a"))
    assert await process.shows("huiyin_publish_lag_seconds") == 0
    assert await process.shows("huiyin_unpublished_commits") == 0


async def test_group_with_backlog_and_no_progress_is_stalled() -> None:
    process = WatchedProcess()
    process.feed.progress = process.clock.monotonic()
    process.clock.advance(timedelta(seconds=90))
    assert await process.shows("huiyin_consumer_stalled_seconds", view="routing") == 0
    behind = {"groups": {"routing": 7}}
    assert await process.shows("huiyin_consumer_stalled_seconds", behind, view="routing") == 90
    assert await process.shows("petition_projection_lag_records", behind, view="routing") == 7
    for where in ("notes", "reasons"):
        away = {**behind, where: ["broker_away"]}
        assert await process.shows("huiyin_consumer_stalled_seconds", away, view="routing") == 0, "one alarm is enough"


async def test_feed_counts_are_exported_as_counters() -> None:
    process = WatchedProcess()
    labels = {"view": "routing", "topic": "case-events"}
    assert await process.shows("huiyin_feed_records_total", **labels) == 100
    process.feed.one = process.feed.one._replace(records=130, fenced=1)
    process.feed.sent = ProducerFigures(60, 9, 1)
    assert await process.shows("huiyin_feed_records_total", **labels) == 130
    for name, value in (("skipped", 3), ("failures", 1), ("rebalances", 2), ("fenced", 1)):
        assert await process.shows(f"huiyin_feed_{name}_total", **labels) == value
    assert await process.shows("huiyin_feed_partitions", **labels) == 8
    assert await process.shows("huiyin_published_commits_total") == 60
    assert await process.shows("huiyin_swept_commits_total") == 9
    assert await process.shows("huiyin_producers_lost_total") == 1
    assert await process.shows("huiyin_consumer_handled_total", view="routing") == 70


async def test_parked_cases_are_counted_per_group() -> None:
    process = WatchedProcess()
    await process.views.park(Parked("routing", "case/a", 1, "ValueError", "2026-01-01T00:00:00Z", b""))
    await process.views.park(Parked("another", "case/b", 1, "ValueError", "2026-01-01T00:00:00Z", b""))
    assert await process.shows("huiyin_parked_streams", view="routing") == 1


async def test_readiness_reasons_are_codes_and_are_cleared() -> None:
    process = WatchedProcess("intake")
    wrong = {"ready": False, "reasons": ["topic_missing:prod-case-events", "disk_full"]}
    assert await process.shows("huiyin_not_ready", wrong, reason="topic_missing") == 1
    assert await process.shows("huiyin_not_ready", wrong, reason="topic_missing:prod-case-events") is None
    assert await process.shows("huiyin_accepting", wrong, service="intake") == 0
    assert await process.shows("huiyin_ready", wrong) == 0
    assert await process.shows("huiyin_not_ready", reason="topic_missing") is None
    assert await process.shows("huiyin_accepting", service="intake") == 1


async def test_intake_accepts_filings_even_without_topic() -> None:
    reasons = {"ready": False, "reasons": ["topic_missing:case-events", "no_progress:intake"]}
    assert await WatchedProcess("intake").shows("huiyin_accepting", reasons, service="intake") == 1
    assert await WatchedProcess("routing").shows("huiyin_accepting", service="intake") is None


def test_redelivered_events_are_counted_and_new_events_are_not() -> None:
    repeats = DuplicateFilter()
    first, second, third = history("case/a", 3)
    repeats.handled([first, second])
    repeats.handled([commit("case/b")])
    assert repeats.skipped == 0
    repeats.handled([second, third])
    assert repeats.skipped == len(second.events)
    repeats.handled([first])
    assert repeats.skipped == len(second.events) + len(first.events)


def test_number_of_remembered_streams_is_bounded() -> None:
    repeats = DuplicateFilter()
    repeats.handled([commit("case/first")])
    repeats.handled(commit(f"case/{number}") for number in range(STREAMS))
    assert len(repeats._handled) == STREAMS
    repeats.handled([commit("case/first")])
    assert repeats.skipped == 0, "it was forgotten: a figure, not a promise"


async def test_records_are_counted_by_topic_kind() -> None:
    process = WatchedProcess("routing")
    letters = SimpleNamespace(figures=lambda: topics.TopicFigures("actions", 3, 40, 1))
    process.runtime.letters = [letters]
    process.runtime.relay = SimpleNamespace(sent=12, behind=2, missing=frozenset({"assignments.cn-demo.zj"}))
    assert await process.shows("huiyin_letters_waiting", topic="actions") == 3
    assert await process.shows("huiyin_letters_answered_total", topic="actions") == 40
    assert await process.shows("huiyin_relay_entries_total") == 12
    assert await process.shows("huiyin_relay_streams_behind") == 2
    assert await process.shows("huiyin_relay_topics_missing") == 1
