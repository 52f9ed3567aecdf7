"""One deadline: a period that began with a fact of a case, and how it stands."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

from shared.case import Fact
from shared.policy.calendar import Period
from shared.policy.clocks import ClockRule
from shared.policy.explain import Reckoning, Step, sentences
from shared.times import before, day_of, instant_of

Status = Literal["met", "late", "running", "overdue", "cancelled", "unknown", "window_open", "window_lapsed"]


class Deadline(NamedTuple):
    """One episode of one clock. `due` is an instant in UTC, `due_day` the day in the zone of the jurisdiction."""

    clock: str
    episode: int
    """From 1; a new start fact begins the next."""
    start: Fact
    due: datetime
    due_day: date
    end: Fact | None
    """What met the duty, or used the window."""
    stopped: Fact | None
    """What ended the episode without judgement: withdrawn, returned, a new start."""
    org: str | None
    """Who bears the duty; None: the citizen, or not known."""
    extended_days: int
    excluded_days: int
    provisional: bool
    unknown: bool
    """History that was not taken over: without an end fact nobody knows."""
    rule: ClockRule
    period: Period | None
    """None where the assigner set the date."""
    zone: str

    @property
    def in_time(self) -> bool:
        """The duty was met, and not after the due instant."""
        return self.end is not None and not before(self.due, self.end.effective_at, self.zone)

    @property
    def cancelled(self) -> bool:
        """Ended without judgement before it was due."""
        stopped = self.stopped
        return self.end is None and stopped is not None and not before(self.due, stopped.effective_at, self.zone)

    @property
    def running(self) -> bool:
        """Neither met nor stopped: time still matters."""
        return self.end is None and self.stopped is None and not self.unknown

    @property
    def missed(self) -> bool:
        """Met or stopped, but only after the due instant."""
        if self.end is not None:
            return not self.in_time
        return self.stopped is not None and not self.unknown and not self.cancelled

    @property
    def open_ended(self) -> bool:
        """A right whose period has not begun: what it runs from, a receipt, is not on record yet."""
        start = self.start
        return self.rule.window and any(
            trigger.event == start.name and not trigger.lapses and (not trigger.kind or start.kind in trigger.kind)
            for trigger in self.rule.start
        )

    def status(self, now: datetime) -> Status:
        """How the clock stands at `now`. A window that was used is `met` (in time) or `late`."""
        if self.end is not None:
            return "met" if self.in_time else "late"
        if self.cancelled:
            return "cancelled"
        if self.unknown:
            return "unknown"
        if self.rule.window:
            return "window_open" if self.stopped is None and (now <= self.due or self.open_ended) else "window_lapsed"
        if self.stopped is not None:
            return "late"
        return "running" if now <= self.due else "overdue"

    @property
    def steps(self) -> tuple[Step, ...]:
        """How the due date came about, one sentence after the other; worked out when asked."""
        return sentences(
            self.rule,
            self.period,
            Reckoning(
                self.start.name,
                day_of(self.start.effective_at, self.zone),
                self.due_day,
                self.extended_days,
                self.excluded_days,
            ),
        )

    def rung_at(self, percent: int) -> datetime:
        """The instant at `percent` of the time between start and due."""
        start = instant_of(self.start.effective_at, self.zone)
        return start + (self.due - start) * percent / 100
