"""Commits for tests: real bytes, real hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from shared.events import Event
from shared.events.intake import CaseRegistered, EvaluationInvited
from shared.eventstore.commit import Commit, StreamHead
from shared.eventstore.hash_chain import GENESIS, chain_all
from shared.eventstore.recorded_event import Actor, RecordedEvent, encode

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
_numbers = count(1)


def commit(
    stream: str = "case/a",
    *,
    after: StreamHead | Commit | None = None,
    events: int = 1,
    cause: str | None = None,
    request: str | None = None,
    at: datetime | None = None,
    mark: str = "hotline",
) -> Commit:
    """A commit of `events` events that follows `after` (nothing: it begins the stream)."""
    head = after.head if isinstance(after, Commit) else after or StreamHead(0, GENESIS)
    number = next(_numbers)
    cause = cause or f"test:{number}"
    at = at or START + timedelta(milliseconds=number)
    data = tuple(
        encode(
            RecordedEvent(
                event_id=f"00000000-0000-7000-8000-{number:08x}{offset:04x}",
                stream=stream,
                version=head.version + 1 + offset,
                type=type(body).__name__,
                schema=1,
                jurisdiction="cn",
                effective_at=at,
                recorded_at=at,
                origin="live",
                actor=Actor(None, "intake", "key-1"),
                cause=cause,
                request=request,
                correlation=None,
                policy=None,
                body=body,
                sealed=(),
            )
        )
        for offset, body in enumerate(_bodies(head.version, events, mark))
    )
    return Commit(stream, head.version + 1, cause, data, head.hash, chain_all(head.hash, data), at, request)


def history(stream: str, commits: int, *, events: int = 1) -> list[Commit]:
    """The first commits of a stream, each following the one before."""
    made: list[Commit] = []
    for _ in range(commits):
        made.append(commit(stream, after=made[-1] if made else None, events=events))
    return made


def _bodies(version: int, number: int, mark: str) -> list[Event]:
    return [
        CaseRegistered(number="2026000000000", channel=mark, channel_class="phone")
        if version + offset == 0
        else EvaluationInvited(object="petition_office")
        for offset in range(number)
    ]
