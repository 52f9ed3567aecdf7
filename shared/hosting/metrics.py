"""The Prometheus metrics. Labels are codes from short fixed lists: never a person, a case or free text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from shared.application.case_reference import WORKLIST
from shared.case import OPEN_STATES, STREAM
from shared.events.intake import CaseRegistered
from shared.events.routing import ReturnVerified
from shared.events.supervision import DeadlineAtRisk, DeadlineBreached, Reminded
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged
from shared.eventstore.read_models import Condition
from shared.hosting.delivery_metrics import Exported
from shared.kernel.legal_time import day_of, to_text

if TYPE_CHECKING:
    from shared.hosting.process import Process

disable_created_metrics()  # type: ignore[no-untyped-call]
"""Otherwise each counter would have a second series."""
COUNT_SECONDS = 15.0
"""Minimum number of seconds between two counts over all cases."""
COUNTING = "supervision"
"""The consumer group whose batches are counted, so that each event is counted once."""
_MOST_CODES = 200
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class Metrics:
    """The registry of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        self._rejected = counter(
            "petition_events_rejected_total", "Commands refused, by command and code", ["command", "rule"]
        )
        self._requests = counter("huiyin_http_requests_total", "Requests answered", ["route", "method", "status"])
        self._seconds = Histogram(
            "huiyin_http_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self._dropped = counter(
            "huiyin_connections_dropped_total",
            "Connections that were closed because their request did not arrive in time or too many were open",
            ["reason"],
        )
        self._registered = counter("petition_cases_registered_total", "Cases registered", ["channel_class"])
        self._breaches = counter("petition_deadline_breaches_total", "Deadlines missed", ["clock"])
        self._at_risk = counter("petition_deadline_at_risk_total", "Rungs before a due date", ["clock"])
        self._returns = counter("petition_returns_total", "Requests to return a case", ["result"])
        self._behind = gauge(
            "petition_event_lag_seconds", "Seconds from recording to handling, in the last batch", ["service"]
        )
        self._verify_failures = counter(
            "petition_chain_verify_failures_total",
            "Damaged places of the log that verify or rebuild found",
        )
        self._rebuild_match = gauge(
            "petition_rebuild_digest_match",
            "Last rebuild of a log that huiyin digest had digested before: 1 if all rows were the same afterwards, 0 if some"
            " differed, NaN if there is nothing to compare",
        )
        self._rebuild_match.set(math.nan)
        self._exported = Exported()
        self.registry.register(self._exported)
        self.known_digest: tuple[str, str] | None = None
        """(log, views): the digests that were last computed together. A rebuild is compared with them."""
        self._codes: set[tuple[str, str]] = set()
        self._counted: float | None = None

    def refused(self, command: str, code: str) -> None:
        """Count a refused command. The number of codes is limited, although all codes are ours."""
        if (command, code) not in self._codes and len(self._codes) >= _MOST_CODES:
            command, code = "other", "other"
        self._codes.add((command, code))
        self._rejected.labels(command, code).inc()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def dropped(self, reason: str) -> None:
        """Count a connection that was closed before its request was answered."""
        self._dropped.labels(reason).inc()

    def verified(self, findings: int) -> None:
        """Count the findings of a verification."""
        self._verify_failures.inc(findings)

    def rebuilt(self, same: bool) -> None:
        """Record whether a rebuild gave the same rows as before."""
        self._rebuild_match.set(1 if same else 0)

    def observe(self, group: str, commits: Sequence[Commit], now: datetime) -> None:
        """Count a batch that a consumer group has handled. Counters begin at zero with the process, as Prometheus expects."""
        self._behind.labels(group).set(max(0.0, (now - commits[-1].recorded_at).total_seconds()) if commits else 0)
        if group != COUNTING:
            return
        for commit in commits:
            if not commit.stream.startswith(STREAM):
                continue
            try:
                events = commit.recorded
            except Damaged:  # its case is parked; the others are counted
                continue
            for event in events:
                body = event.body
                if event.origin == "history":
                    continue
                if isinstance(body, CaseRegistered):
                    self._registered.labels(body.channel_class).inc()
                elif isinstance(body, DeadlineBreached):
                    self._breaches.labels(body.clock).inc()
                elif isinstance(body, DeadlineAtRisk | Reminded):
                    self._at_risk.labels(body.clock).inc()
                elif isinstance(body, ReturnVerified):
                    self._returns.labels("agreed" if body.agreed else "refused").inc()

    async def render(self, runtime: Process, health: Mapping[str, Any]) -> bytes:
        """All metrics in Prometheus' text format; `health` is the answer of /readyz."""
        await self._exported.look(runtime, health)
        now = runtime.ports.clock.monotonic()
        if self._counted is None or now - self._counted >= COUNT_SECONDS:
            self._counted = now
            if any(
                consumer.group == COUNTING for consumer in runtime.consumers
            ):  # each case once, not once per process
                await self._count(runtime)
        return generate_latest(self.registry)

    async def _count(self, runtime: Process) -> None:
        ports, values = runtime.ports, self._exported.values
        now = ports.clock.now()
        sealed = Condition("queue", "=", "to_confirm")  # not counted before a person has decided (Art. 30)
        held = (await ports.views.count(WORKLIST, [sealed]))[None]
        states = (await ports.views.count(WORKLIST, by="state")).items()
        values["petition_open_cases"] = {
            (str(state),): number - (held if state == "registered" else 0)
            for state, number in states
            if state in OPEN_STATES
        }
        past = Condition("due", "<", to_text(now))
        overdue = await ports.views.count(WORKLIST, [past])
        held_overdue = await ports.views.count(WORKLIST, [sealed, past])
        values["petition_overdue_cases"] = {(): sum(overdue.values()) - sum(held_overdue.values())}
        books = await ports.policies.all()
        late = [Condition("queue", "=", "to_sign"), Condition("risk_at", "<=", to_text(now))]
        kinds = {code: one.kind for book in books.values() for code, one in book.organisations.items()}
        classes: dict[tuple[str, ...], int] = {(kind,): 0 for kind in sorted(set(kinds.values()))}
        for org, number in (await ports.views.count(WORKLIST, late, by="org")).items():
            kind = kinds.get(str(org), "other")
            classes[kind,] = classes.get((kind,), 0) + number
        values["petition_ack_overdue"] = classes
        values["petition_calendar_horizon_days"] = {
            (code,): (day.replace(year=until, month=12, day=31) - day).days
            for code, book in books.items()
            for day in [day_of(now, book.zone)]
            if (edition := book.edition("calendar")) and (until := edition.document.published_until) is not None
        }
