"""One deadline: a period that began with a fact of a case, and its status."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, NamedTuple

from shared.case import Fact
from shared.kernel.legal_time import before, day_of, instant_of
from shared.policy.deadline_rules import ClockRule
from shared.policy.explanation import Step, sentences
from shared.policy.working_calendar import Period

Status = Literal["met", "late", "running", "overdue", "cancelled", "unknown", "window_open", "window_lapsed"]


class Deadline(NamedTuple):
    """One episode of one clock. `due` is an instant in UTC, `due_day` the day in the zone of the jurisdiction."""

    clock: str
    episode: int
    """Counted from 1; a new start fact begins the next one."""
    start: Fact
    due: datetime
    due_day: date
    end: Fact | None
    """The fact that met the duty or used the window."""
    stopped: Fact | None
    """The fact that ended the episode without a result: a withdrawal, a return, a new start."""
    org: str | None
    """The responsible organisation; None: the citizen, or unknown."""
    extended_days: int
    excluded_days: int
    provisional: bool
    unknown: bool
    """Imported history without an end fact, whose result is unknown."""
    rule: ClockRule
    period: Period | None
    """None if the date was assigned."""
    zone: str
    unconfirmed: tuple[Fact, ...] = ()
    """Acts that were recorded after the due instant with an earlier date, and do not count until an office outside the unit that
    had the duty confirms the date: the end, what stopped it, an extension, a hearing."""

    @property
    def in_time(self) -> bool:
        """True if the duty was met at or before the due instant. An unconfirmed date does not count."""
        return self.end is not None and self.end not in self.unconfirmed and self._dated_in_time(self.end)

    @property
    def cancelled(self) -> bool:
        """True if the episode ended without a result before it was due. An unconfirmed date does not count."""
        stopped = self.stopped
        if self.end is not None or stopped is None or stopped in self.unconfirmed:
            return False
        return self._dated_in_time(stopped)

    def _dated_in_time(self, fact: Fact) -> bool:
        return not before(self.due, fact.effective_at, self.zone)

    @property
    def recorded_late(self) -> bool:
        """True if what ended the episode was recorded after the due instant and dated before it, confirmed or not."""
        fact = self.end or self.stopped
        if fact is None or fact.history or self.rule.window:
            return False
        return (fact.dated or fact.recorded_at) > self.due and self._dated_in_time(fact)

    @property
    def running(self) -> bool:
        """True if the duty is neither met nor cancelled."""
        return self.end is None and self.stopped is None and not self.unknown

    @property
    def missed(self) -> bool:
        """True if the duty was met or the episode ended only after the due instant."""
        if self.end is not None:
            return not self.in_time
        return self.stopped is not None and not self.unknown and not self.cancelled

    @property
    def open_ended(self) -> bool:
        """True for a right whose period has not begun, because the receipt from which it runs is not on record yet."""
        start = self.start
        return self.rule.window and any(
            trigger.event == start.name and not trigger.lapses and (not trigger.kind or start.kind in trigger.kind)
            for trigger in self.rule.start
        )

    def status(self, now: datetime) -> Status:
        """The status at `now`. A window that was used is `met` (in time) or `late`."""
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
        """The explanation of the due date, sentence by sentence."""
        start, extended, excluded = self.start, self.extended_days, self.excluded_days
        first = day_of(start.effective_at, self.zone)
        found = sentences(self.rule, self.period, start.name, first, self.due_day, extended=extended, excluded=excluded)
        return tuple(found)

    def rung_at(self, percent: int) -> datetime:
        """The instant at `percent` of the time between start and due."""
        start = instant_of(self.start.effective_at, self.zone)
        return start + (self.due - start) * percent / 100
