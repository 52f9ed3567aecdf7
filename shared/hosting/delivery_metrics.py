"""Metrics that other objects count or that are read at each scrape: delivery, readiness, deadlines, cases.

Labels are groups, kinds of topics and codes. No label names an organisation, since a province has thousands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreUnavailable
from shared.kernel.clock_trust import CLOCK_WRONG

if TYPE_CHECKING:
    from shared.hosting.process import Process

LOOKED_AT = 500
"""Number of unpublished commits among which the oldest is searched."""
NOT_ACCEPTING = frozenset(
    {CLOCK_WRONG, "disk_full", "log_away", "log_broken", "stopping", "unable", "unpublished_full"}
)
"""Codes of /readyz with which no filing is accepted."""
BROKER_AWAY = "broker_away"
"""The problem that `Subscriptions` report while no broker answers."""
LAST = datetime(9999, 1, 1, tzinfo=UTC)
Values = Mapping[tuple[str, ...], float]
"""Label values -> number."""


class Figure(NamedTuple):
    """An exported number. A name that ends with `_total` is a counter, any other a gauge."""

    name: str
    what: str
    labels: tuple[str, ...] = ()

    def family(self) -> Metric:
        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        return kind(self.name, self.what, labels=self.labels)


_VIEW, _TOPIC, _SERVICE = ("view",), ("topic",), ("service",)
_FEED = ("view", "topic")
FIGURES = (
    Figure("petition_open_cases", "Open cases by state", ("state",)),
    Figure("petition_overdue_cases", "Cases whose earliest deadline has passed"),
    Figure("petition_calendar_horizon_days", "Days until the published working-day calendar ends", ("jurisdiction",)),
    Figure(
        "petition_ack_overdue",
        "Dispatched cases without sign-off after the first rung of their clock (C3: 75 % of 15 days), by kind of"
        " organisation",
        ("org_class",),
    ),
    Figure("huiyin_clock_jumps_total", "Number of times that the clock of this process was found wrong"),
    Figure("huiyin_clock_wrong", "1 while nothing is recorded and no deadline fires because the clock is not trusted"),
    Figure(
        "huiyin_clock_ahead_seconds",
        "Seconds by which the clock of this process is ahead of a witness of the time; negative: behind",
        ("witness",),
    ),
    Figure(
        "huiyin_publish_lag_seconds",
        "Age of the oldest commit that the broker has not acknowledged, or how long this process has seen one wait, if that is"
        " longer; 0 if there is none",
    ),
    Figure("huiyin_unpublished_commits", "Commits in the log that the broker has not acknowledged"),
    Figure("huiyin_published_commits_total", "Commits of this process that the broker has acknowledged"),
    Figure("huiyin_swept_commits_total", "Commits that the sweeper claimed because they were not published in time"),
    Figure("huiyin_producers_lost_total", "Kafka producers that failed and were replaced, including fenced ones"),
    Figure("petition_projection_lag_records", "Commits that a consumer group has not handled", _VIEW),
    Figure(
        "huiyin_consumer_stalled_seconds",
        "Seconds since a group with waiting work last handled a batch; 0 if it has no work or no broker answers",
        _VIEW,
    ),
    Figure("huiyin_consumer_handled_total", "Commits handled, including repeated ones", _VIEW),
    Figure("huiyin_parked_streams", "Streams that a consumer has stopped at", _VIEW),
    Figure("huiyin_feed_records_total", "Records of a topic that were handled", _FEED),
    Figure(
        "huiyin_feed_skipped_total",
        "Repeated events: this process had handled them or later events of their stream",
        _FEED,
    ),
    Figure("huiyin_feed_failures_total", "Batches that failed and were delivered again", _FEED),
    Figure("huiyin_feed_rebalances_total", "Partition assignments by the broker", _FEED),
    Figure("huiyin_feed_fenced_total", "Times that the group removed this process", _FEED),
    Figure("huiyin_feed_partitions", "Partitions that this process handles", _FEED),
    Figure("huiyin_letters_waiting", "Unanswered records in the topics of organisations and platforms", _TOPIC),
    Figure(
        "huiyin_letters_answered_total",
        "Answered records in the topics of organisations and platforms, including refusals",
        _TOPIC,
    ),
    Figure("huiyin_relay_entries_total", "Entries published to the topics of organisations and platforms"),
    Figure("huiyin_relay_streams_behind", "Streams whose topics lag behind"),
    Figure("huiyin_relay_topics_missing", "Topics that the policy requires and the brokers do not have"),
    Figure("huiyin_webhook_attempts_total", "Attempts to deliver entries to webhooks", ("result",)),
    Figure("huiyin_webhooks_failing", "Webhooks whose last attempt failed"),
    Figure(
        "huiyin_webhooks_disabled", "Webhooks that were disabled because their server failed for three days or is gone"
    ),
    Figure("huiyin_messages_due", "Messages to petitioners whose time has come and that are not sent", ("channel",)),
    Figure("huiyin_gateway_closed", "1 while the gateway of a channel does not answer", ("channel",)),
    Figure("huiyin_gateway_attempts_total", "Attempts to send messages to petitioners", ("channel", "result")),
    Figure("huiyin_messages_by_hand", "Messages that could not be sent and wait for a letter or a call"),
    Figure("huiyin_keys_expiring", "Access keys that expire within 30 days"),
    Figure("huiyin_personal_reads_total", "Reads of the personal data of a case with an access key"),
    Figure(
        "huiyin_bulk_reads_total",
        "Reads above the limit of a key: stated (with a reason) or refused",
        ("result",),
    ),
    Figure("huiyin_slot_leases", "Slots of the due index that this process holds, of 16", _SERVICE),
    Figure("huiyin_ticks_total", "Cases for which a due deadline was recorded", _SERVICE),
    Figure("huiyin_service_runs", "1 for each service that this process runs", _SERVICE),
    Figure("huiyin_ready", "1 while /readyz reports ready"),
    Figure("huiyin_not_ready", "1 for each reason of /readyz, without its details", ("reason",)),
    Figure("huiyin_accepting", "1 while filings are accepted", _SERVICE),
)


class Exported(Collector):
    """Exports `values` as they were last set; a number without labels is 0 until then."""

    def __init__(self) -> None:
        self.values: dict[str, Values] = {one.name: {} if one.labels else {(): 0.0} for one in FIGURES}
        self._seen: dict[tuple[str, int], float] = {}
        """Unpublished commit -> monotonic seconds at which it was first seen: its own time may be wrong."""

    def describe(self) -> Iterator[Metric]:
        return (one.family() for one in FIGURES)

    def collect(self) -> Iterator[Metric]:
        for one in FIGURES:
            family: Any = one.family()
            for labels, value in self.values[one.name].items():
                family.add_metric(labels, float(value))
            yield family

    async def look(self, runtime: Process, health: Mapping[str, Any]) -> None:
        """Read the numbers of this process; `health` is the answer of /readyz."""
        values = self.values
        codes = {str(reason).partition(":")[0] for reason in health["reasons"]}
        values["huiyin_service_runs"] = {(part.name,): 1 for part in runtime.parts}
        values["huiyin_ready"] = {(): health["ready"]}
        values["huiyin_not_ready"] = {(code,): 1 for code in codes}
        if any(part.name == "intake" for part in runtime.parts):
            values["huiyin_accepting"] = {("intake",): not codes & NOT_ACCEPTING}
        tickers = {(part.name,): part.ticker for part in runtime.parts if part.ticker is not None}
        trust = runtime.ports.clock.trust
        values["huiyin_clock_wrong"] = {(): trust.doubt is not None}
        values["huiyin_clock_jumps_total"] = {(): trust.jumps}
        values["huiyin_clock_ahead_seconds"] = {(name,): ahead for name, ahead in trust.offsets.items()}
        values["huiyin_slot_leases"] = {name: one.leases() for name, one in tickers.items()}
        values["huiyin_ticks_total"] = {name: one.fired for name, one in tickers.items()}
        values["huiyin_keys_expiring"] = {(): len(runtime.principals.expiring())}
        reads = runtime.handling("routing").readings.counts
        values["huiyin_personal_reads_total"] = {(): reads["within"] + reads["stated"]}
        values["huiyin_bulk_reads_total"] = {(result,): reads[result] for result in ("stated", "refused")}
        await self._sending(runtime)
        await self._consuming(runtime, health)
        await self._publishing(runtime)

    async def _consuming(self, runtime: Process, health: Mapping[str, Any]) -> None:
        values, feed = self.values, runtime.ports.feed
        lag: Mapping[str, int] = health["groups"]
        away = BROKER_AWAY in (*health["reasons"], *health["notes"])  # then the consumers are not the cause
        now = runtime.ports.clock.monotonic()
        parked = Counter(mark.group for mark in await runtime.ports.views.parked())
        handled = {one.group: one.handled for one in runtime.consumers}
        values["petition_projection_lag_records"] = {(group,): lag.get(group, 0) for group in handled}
        values["huiyin_consumer_stalled_seconds"] = {
            (group,): max(0.0, now - feed.last_progress(group)) if lag.get(group) and not away else 0
            for group in handled
        }
        values["huiyin_consumer_handled_total"] = {(group,): number for group, number in handled.items()}
        values["huiyin_parked_streams"] = {(group,): parked[group] for group in handled}
        groups = {(group, one.topic): one for group, one in feed.figures().items()}
        for name in (
            "records_total",
            "skipped_total",
            "failures_total",
            "rebalances_total",
            "fenced_total",
            "partitions",
        ):
            field = name.removesuffix("_total")
            values[f"huiyin_feed_{name}"] = {labels: one._asdict()[field] for labels, one in groups.items()}
        letters = [one.figures() for one in runtime.letters]
        values["huiyin_letters_waiting"] = {(one.kind,): one.waiting for one in letters}
        values["huiyin_letters_answered_total"] = {(one.kind,): one.answered for one in letters}
        if (relay := runtime.relay) is not None:
            values["huiyin_relay_entries_total"] = {(): relay.sent}
            values["huiyin_relay_streams_behind"] = {(): relay.behind}
            values["huiyin_relay_topics_missing"] = {(): len(relay.missing)}

    async def _sending(self, runtime: Process) -> None:
        values = self.values
        attempts: Counter[str] = Counter()
        failing = disabled = 0
        for part in runtime.parts:
            if part.webhooks is not None:
                found = await part.webhooks.figures()
                failing, disabled = failing + found.failing, disabled + found.disabled
                attempts += found.attempts
            for sender in part.senders:
                lines = await sender.figures()
                values["huiyin_messages_due"] = {(name,): one.waiting for name, one in lines.items()}
                values["huiyin_gateway_closed"] = {(name,): one.closed for name, one in lines.items()}
                values["huiyin_gateway_attempts_total"] = {
                    (name, result): number for name, one in lines.items() for result, number in one.attempts.items()
                }
                values["huiyin_messages_by_hand"] = {(): await sender.by_hand()}
        values["huiyin_webhook_attempts_total"] = {(result,): number for result, number in attempts.items()}
        values["huiyin_webhooks_failing"] = {(): failing}
        values["huiyin_webhooks_disabled"] = {(): disabled}

    async def _publishing(self, runtime: Process) -> None:
        values, ports = self.values, runtime.ports
        try:
            waiting = await ports.log.backlog()
            oldest = await ports.log.unpublished(LAST, LOOKED_AT) if waiting else []
        except StoreUnavailable:
            return
        values["huiyin_unpublished_commits"] = {(): waiting}
        values["huiyin_publish_lag_seconds"] = {(): self._waited(runtime, oldest)}
        sending = ports.feed.sending()
        values["huiyin_published_commits_total"] = {(): sending.published}
        values["huiyin_swept_commits_total"] = {(): sending.swept}
        values["huiyin_producers_lost_total"] = {(): sending.producers_lost}

    def _waited(self, runtime: Process, commits: Sequence[Commit]) -> float:
        """Seconds that the oldest of these has waited: by its own time, or for as long as it has been seen here."""
        clock = runtime.ports.clock
        steady = clock.monotonic()
        self._seen = {place: self._seen.get(place, steady) for place in ((one.stream, one.first) for one in commits)}
        seen = max((steady - since for since in self._seen.values()), default=0.0)
        if clock.trust.doubt is not None:
            return seen
        return max([seen, *((clock.now() - one.recorded_at).total_seconds() for one in commits)])
