"""Reading a stream as of a day: which of its events were true by then, and known by then."""

from __future__ import annotations

from collections.abc import Iterable

from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime, instant_of


def cut(
    events: Iterable[RecordedEvent], zone: str, *, as_of: LegalTime | None = None, known_at: LegalTime | None = None
) -> list[RecordedEvent]:
    """The events, in version order, that were true by `as_of` (legal time) and known by `known_at` (recording time)."""
    known = instant_of(known_at, zone) if known_at is not None else None
    true = instant_of(as_of, zone) if as_of is not None else None
    return [
        event
        for event in events
        if (known is None or event.recorded_at <= known)
        and (true is None or instant_of(event.effective_at, zone) <= true)
    ]
