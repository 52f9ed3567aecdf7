"""What was known of a case at the end of each day: its snapshots with the days for which they hold. Pure.

At the end of a day, an event is known if it was recorded and true by then, and the policy is the one that was known then. So the
figures of a past day need no fold of the log; tests compare them with one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from services.analytics.fact_rows import Snapshot, case_row
from shared.case import cut, fold
from shared.deadlines.derivation import deadlines
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import day_of
from shared.policy.book import PolicyBook


class PolicyHistory(NamedTuple):
    """The policy of a jurisdiction as it was known at the end of each day."""

    present: PolicyBook
    days: Sequence[date]
    """Days on which it changed, in order."""
    books: Sequence[PolicyBook]
    """The policy at the end of each of these days."""

    @classmethod
    def of(cls, present: PolicyBook, events: Sequence[RecordedEvent]) -> PolicyHistory:
        """`events`: all events of its stream, in version order."""
        days = sorted({day_of(event.recorded_at, present.zone) for event in events})
        books = [PolicyBook.of(_known(events, day, present.zone)) for day in days[:-1]]
        return cls(present, days, [*books, present] if days else [])

    @property
    def changed(self) -> date:
        """The day of the last change."""
        return self.days[-1] if self.days else date.min

    def at(self, day: date) -> PolicyBook:
        """The policy at the end of that day; the present one if it was loaded later than the cases (a first import)."""
        place = bisect_right(self.days, day)
        book = self.books[place - 1] if place else self.present
        return book if book.settings is not None else self.present

    def always_known(self, day: date) -> bool:
        """True if there was a policy on that day, so that a later one changes nothing before."""
        place = bisect_right(self.days, day)
        return place > 0 and self.books[place - 1].settings is not None


def _known(events: Sequence[RecordedEvent], day: date, zone: str) -> list[RecordedEvent]:
    return [event for event in events if day_of(event.recorded_at, zone) <= day]


def known_day(event: RecordedEvent, zone: str) -> date:
    """The first day at whose end the event was recorded and true."""
    return max(day_of(event.recorded_at, zone), day_of(event.effective_at, zone))


def history(events: Sequence[RecordedEvent], policy: PolicyHistory) -> list[Snapshot]:
    """All snapshots of a case in order, the last without an end. `events`: its whole stream."""
    zone = policy.present.zone
    days = {known_day(event, zone) for event in events}
    first = min(days)
    found: list[Snapshot] = []
    for day in sorted(days | {one for one in policy.days if one > first}):
        book = policy.at(day)
        case = fold(cut(events, book.zone, as_of=day, known_at=day))
        if not case.exists or not case.state:
            continue
        new = Snapshot(case, deadlines(case, book), book.zone, day)
        if found:
            if found[-1].case.version == case.version and case_row(found[-1]) == case_row(new):
                continue
            found[-1] = found[-1]._replace(until=day)
        found.append(new)
    return found
