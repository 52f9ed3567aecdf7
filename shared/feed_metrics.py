"""How events travel: what is published, what arrives, who holds which part of the work. Labels are groups, kinds of topics
and codes: there is no label with an organisation, since a province has thousands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.log import LogAway

if TYPE_CHECKING:
    from shared.runtime import Runtime

LOOKED_AT = 500
"""Unpublished commits of which the oldest is looked for."""
NOT_ACCEPTING = frozenset({"disk_full", "log_away", "log_broken", "stopping", "unable", "unpublished_full"})
"""Codes of /readyz with which no filing is accepted."""
BROKER_AWAY = "broker_away"
"""What a feed says while no broker answers."""
LAST = datetime(9999, 1, 1, tzinfo=UTC)


class Rising:
    """A counter that follows a number which somebody else counts."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._known: dict[tuple[str, ...], float] = {}

    def follow(self, number: float, *labels: str) -> None:
        child = self._counter.labels(*labels) if labels else self._counter
        child.inc(max(0.0, number - self._known.get(labels, 0.0)))
        self._known[labels] = number


class FeedMetrics:
    """Of one process; made anew each time somebody asks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(name, what, labels, registry=registry)

        def rising(name: str, what: str, *labels: str) -> Rising:
            return Rising(Counter(name, what, labels, registry=registry))

        self._publish_lag = gauge(
            "huiyin_publish_lag_seconds",
            "Age of the oldest commit that the broker has not acknowledged; 0: there is none",
        )
        self._unpublished = gauge(
            "huiyin_unpublished_commits", "Commits in the log that the broker has not acknowledged"
        )
        self._published = rising(
            "huiyin_published_commits_total", "Commits of which the broker has acknowledged everything to this process"
        )
        self._swept = rising(
            "huiyin_swept_commits_total", "Commits that the sweeper took on because nobody had published them in time"
        )
        self._producers = rising(
            "huiyin_producers_lost_total", "Producers of Kafka that were given up, fenced ones too"
        )
        self._lag = gauge("petition_projection_lag_records", "Commits that a consumer group has not handled", "view")
        self._stalled = gauge(
            "huiyin_consumer_stalled_seconds",
            "Since a group that has work has handled something; 0: it has none, or no broker answers",
            "view",
        )
        self._handled = rising("huiyin_consumer_handled_total", "Commits handled, repeats too", "view")
        self._parked = gauge("huiyin_parked_streams", "Streams that a consumer has stopped at", "view")
        self._records = rising("huiyin_feed_records_total", "Records of a topic that were handled", "view", "topic")
        self._skipped = rising(
            "huiyin_feed_skipped_total",
            "Events that came although they, or later ones of their stream, had been handled by this process",
            "view",
            "topic",
        )
        self._failures = rising("huiyin_feed_failures_total", "Batches that failed and came again", "view", "topic")
        self._rebalances = rising(
            "huiyin_feed_rebalances_total", "Times that the broker dealt partitions out", "view", "topic"
        )
        self._fenced = rising(
            "huiyin_feed_fenced_total", "Times that the group threw this process out", "view", "topic"
        )
        self._partitions = gauge("huiyin_feed_partitions", "Partitions that this process handles", "view", "topic")
        self._waiting = gauge(
            "huiyin_letters_waiting", "Records of organisations' and platforms' topics not answered yet", "topic"
        )
        self._answered = rising(
            "huiyin_letters_answered_total", "Records of such topics that were answered, refusals too", "topic"
        )
        self._carried = rising(
            "huiyin_relay_entries_total", "Entries that organisations' and platforms' topics have taken"
        )
        self._late = gauge("huiyin_relay_streams_behind", "Streams that their topics do not hold to the end")
        self._wanting = gauge(
            "huiyin_relay_topics_missing", "Topics that the policy asks for and the brokers do not have"
        )
        self._leases = gauge(
            "huiyin_slot_leases", "Slots of the due index that this process looks after, of 16", "service"
        )
        self._fired = rising("huiyin_ticks_total", "Cases of which something due was recorded", "service")
        self._ready = gauge("huiyin_ready", "1 while /readyz says ready")
        self._not_ready = gauge("huiyin_not_ready", "1 for each reason of /readyz, without its details", "reason")
        self._accepting = gauge("huiyin_accepting", "1 while filings are accepted", "service")

    async def render(self, runtime: Runtime, health: Mapping[str, Any]) -> None:
        """Set everything; `health` is what /readyz says."""
        self._standing(runtime, health)
        await self._consuming(runtime, health)
        await self._publishing(runtime)
        for part in runtime.parts:
            if part.ticker is not None:
                self._leases.labels(part.name).set(part.ticker.leases())
                self._fired.follow(part.ticker.fired, part.name)

    def _standing(self, runtime: Runtime, health: Mapping[str, Any]) -> None:
        self._ready.set(health["ready"])
        codes = {str(reason).partition(":")[0] for reason in health["reasons"]}
        self._not_ready.clear()
        for code in codes:
            self._not_ready.labels(code).set(1)
        if any(part.name == "intake" for part in runtime.parts):
            self._accepting.labels("intake").set(not codes & NOT_ACCEPTING)

    async def _consuming(self, runtime: Runtime, health: Mapping[str, Any]) -> None:
        feed = runtime.ports.feed
        lag: Mapping[str, int] = health["groups"]
        away = BROKER_AWAY in (*health["reasons"], *health["notes"])  # then it is not the consumers that stand still
        now = runtime.ports.clock.monotonic()
        parked = await runtime.ports.views.parked()
        for consumer in runtime.consumers:
            group, behind = consumer.group, lag.get(consumer.group, 0)
            self._lag.labels(group).set(behind)
            self._stalled.labels(group).set(max(0.0, now - feed.last_progress(group)) if behind and not away else 0)
            self._handled.follow(consumer.handled, group)
            self._parked.labels(group).set(sum(mark.group == group for mark in parked))
        figures = getattr(feed, "figures", None)
        for group, one in (figures() if figures is not None else {}).items():
            labels = (group, one.topic)
            self._records.follow(one.records, *labels)
            self._skipped.follow(one.skipped, *labels)
            self._failures.follow(one.failures, *labels)
            self._rebalances.follow(one.rebalances, *labels)
            self._fenced.follow(one.fenced, *labels)
            self._partitions.labels(*labels).set(one.partitions)

        for letters in runtime.letters:
            figures_of = letters.figures()
            self._waiting.labels(figures_of.kind).set(figures_of.waiting)
            self._answered.follow(figures_of.answered, figures_of.kind)
        if runtime.relay is not None:
            self._carried.follow(runtime.relay.sent)
            self._late.set(runtime.relay.behind)
            self._wanting.set(len(runtime.relay.missing))

    async def _publishing(self, runtime: Runtime) -> None:
        ports = runtime.ports
        try:
            waiting = await ports.log.backlog()
            oldest = await ports.log.unpublished(LAST, LOOKED_AT) if waiting else []
        except LogAway:
            return
        self._unpublished.set(waiting)
        age = ports.clock.now() - min(commit.recorded_at for commit in oldest) if oldest else None
        self._publish_lag.set(max(0.0, age.total_seconds()) if age else 0)
        sending = getattr(ports.feed, "sending", None)
        if sending is not None:
            published, swept, lost = sending()
            self._published.follow(published)
            self._swept.follow(swept)
            self._producers.follow(lost)
