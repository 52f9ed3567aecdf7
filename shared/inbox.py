"""What an organisation reads: the entries of its outbox stream, the same by HTTP and in its topic."""

from __future__ import annotations

from typing import Any

from shared.envelope import Recorded
from shared.events.refusal import Refusal
from shared.events.routing import OutboxEntry
from shared.times import to_text

STREAM = "outbox/"


def entry(event: Recorded) -> dict[str, Any]:
    """One entry as it is told."""
    body = event.body
    assert isinstance(body, OutboxEntry)
    return {
        "id": event.version,
        "kind": body.kind,
        "case": body.case,
        "number": body.number,
        "version": body.version,
        "subject": body.subject,
        "place": body.place,
        "due": [{"clock": one.clock, "due": to_text(one.due), "provisional": one.provisional} for one in body.due],
        "about": body.about,
        "detail": body.detail,
        "command": body.command,
        "command_id": body.command_id,
        "record": record_of(body.record),
        "problem": problem_of(body.refusal),
        "at": to_text(event.recorded_at),
    }


def record_of(place: str | None) -> dict[str, int] | None:
    """Partition and offset of a record, of `PARTITION:OFFSET`."""
    if place is None:
        return None
    partition, _, offset = place.partition(":")
    return {"partition": int(partition), "offset": int(offset)}


def problem_of(refusal: Refusal | None) -> dict[str, Any] | None:
    """A refusal as it is told."""
    if refusal is None:
        return None
    return {
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.why,
        "detail_zh": refusal.why_zh,
        "field": refusal.field,
        "errors": [one.model_dump(exclude_none=True) for one in refusal.errors],
    }
