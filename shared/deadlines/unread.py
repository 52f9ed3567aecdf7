"""Documents that were served and that nobody has received: when the petitioner is reminded, and when paper is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.case import Case, Fact, Unread
from shared.deadlines.derivation import deadlines
from shared.kernel.legal_time import LegalTime, day_of, end_of_day, instant_of
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import Wait

_OPINIONS = {"decided": "DecisionIssued", "reviewed": "ReviewOpinionIssued", "concluded": "ReReviewOpinionIssued"}
"""State -> the event that issued the document which is to be served now."""


def reminders(case: Case, book: PolicyBook) -> Iterator[tuple[datetime, Unread]]:
    """The reminders of unread documents that are not recorded yet, each with its instant: the end of the day on which the waiting
    time ends."""
    wait = book.unread.remind_after
    if wait is None:
        return
    for one in case.service.unread:
        if one.version not in case.service.reminded:
            yield _after(one.since, wait, book), one


def paper_due(case: Case, book: PolicyBook) -> datetime | None:
    """The instant from which a document of the case is to be served on paper; None if there is none."""
    if not case.live:
        return None
    wait, found = book.unread.paper_after, list[datetime]()
    if wait is not None:
        found += [_after(one.since, wait, book) for one in case.service.unread]
    found += [instant_of(one.since, book.zone) for one in case.service.failed if case.open]
    if book.unread.paper_at_once and not case.service.electronic:
        issued = _issued(case)
        if issued is not None:
            found.append(instant_of(issued.effective_at, book.zone))
    return min(found, default=None)


def window_waits(case: Case, book: PolicyBook, event: str, document: str) -> bool:
    """True if a period of the petitioner waits for the receipt of this document, recorded as `event`."""
    return any(
        one.open_ended
        and one.running
        and any(start.event == event and document in start.kind for start in one.rule.start)
        for one in deadlines(case, book)
    )


def _issued(case: Case) -> Fact | None:
    """The decision or opinion that was issued and is not served yet."""
    name = _OPINIONS.get(case.state)
    issued = case.fact(name) if name is not None else None
    if issued is None:
        return None
    served = [
        fact
        for fact in case.facts
        if fact.version > issued.version and fact.name in ("OpinionDelivered", "PaperServed")
    ]
    return None if served else issued


def _after(since: LegalTime, wait: Wait, book: PolicyBook) -> datetime:
    last = book.calendar.period(day_of(since, book.zone), wait.days, wait.unit).day
    return end_of_day(last, book.zone)
