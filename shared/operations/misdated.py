"""What a machine with a wrong clock recorded: later than now, or by any clock within a period that the operator names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from shared.events import intake as i
from shared.events import supervision as s
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged
from shared.eventstore.event_store import EventStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.clock_trust import SKEW
from shared.kernel.legal_time import LegalTime, to_text


class MisdatedStream(NamedTuple):
    """What is left to put right in one stream."""

    stream: str
    rungs: list[dict[str, Any]]
    """Rungs that the command `void_rungs` takes: recorded by a wrong clock, and not voided since."""
    last: int
    """Version of the last event that recorded one of them."""
    steps: list[dict[str, Any]]
    """Other events, whose date a person has to check: version, type, time of recording and date. `correct` corrects the date."""


async def misdated(
    log: EventStore, now: datetime, since: datetime | None = None, until: datetime | None = None
) -> AsyncIterator[MisdatedStream]:
    """The affected streams in order.

    Args:
        since, until: a period of the wrong clock; None: everything that was recorded later than `now`.
    """

    def wrong(at: datetime) -> bool:
        if since is None and until is None:
            return at > now + SKEW
        return (since is None or at >= since) and (until is None or at <= until)

    async for page in _by_stream(log):
        for stream, commits in page:
            found = _of_stream(stream, commits, wrong, now)
            if found.rungs or found.steps:
                yield found


async def _by_stream(log: EventStore) -> AsyncIterator[list[tuple[str, list[Commit]]]]:
    """Whole streams: a scan is ordered by stream, and its pages may end within one."""
    left: list[Commit] = []
    async for page in log.scan():
        groups = [(stream, list(own)) for stream, own in groupby([*left, *page], key=lambda one: one.stream)]
        left = groups.pop()[1] if groups else []
        yield groups
    if left:
        yield [(left[0].stream, left)]


def _of_stream(
    stream: str, commits: Sequence[Commit], wrong: Callable[[datetime], bool], now: datetime
) -> MisdatedStream:
    rungs: dict[tuple[str, int, str], int] = {}
    steps: dict[int, dict[str, Any]] = {}
    before: datetime | None = None
    for commit in commits:
        suspect = wrong(commit.recorded_at)
        continues, before = commit.recorded_at == before, commit.recorded_at
        if not suspect and not rungs and not steps:
            continue
        try:
            events = commit.recorded
        except Damaged:  # `huiyin verify` names it
            continue
        # A right clock continues a stream with the time of its last commit, which never goes back, and with dates up to now.
        own = suspect and not (continues and all(_not_after(event.effective_at, now) for event in events))
        for event in events:
            body = event.body
            if isinstance(body, s.RungsVoided):
                for one in body.rungs:
                    rungs.pop((one.clock, one.episode, one.rung), None)
            elif isinstance(body, i.CaseCorrected) and body.field == "effective_at":
                steps.pop(body.of or 0, None)
            elif own and (rung := _rung(event)) is not None:
                rungs[rung] = event.version
            elif own:
                steps[event.version] = {
                    "version": event.version,
                    "type": event.type,
                    "recorded_at": to_text(event.recorded_at),
                    "effective_at": to_text(event.effective_at),
                }
    named = [{"clock": clock, "episode": episode, "rung": rung} for clock, episode, rung in rungs]
    return MisdatedStream(stream, named, max(rungs.values(), default=0), list(steps.values()))


def _rung(event: RecordedEvent) -> tuple[str, int, str] | None:
    """The rung that the deadline ticker recorded with this event; None for any other event."""
    body = event.body
    if isinstance(body, s.DeadlineBreached):
        return body.clock, body.episode, "breach"
    if isinstance(body, s.BreachLifted):
        return body.clock, body.episode, "lift"
    if isinstance(body, s.Reminded | s.DeadlineAtRisk):
        return body.clock, body.episode, body.rung
    if isinstance(body, s.Urged) and body.clock is not None and body.episode is not None and body.rung is not None:
        return body.clock, body.episode, body.rung
    return None


def _not_after(at: LegalTime, now: datetime) -> bool:
    return not isinstance(at, datetime) or at <= now + SKEW
